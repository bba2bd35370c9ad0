//! Environment variables.

use super::told;
use crate::host::{Host, run, write_config};

// hardening H29
#[test]
fn a_component_has_the_variables_that_are_granted_and_no_other() {
    let host = Host::serve(
        r#"
[service.a]
path = "/a"
component = "GUESTS/probe.wasm"
environment = { TZ = "UTC", EMPTY = "" }
environment_from = ["XDG_CACHE_HOME"]

[service.b]
path = "/b"
component = "GUESTS/probe.wasm"
"#,
    );
    let mut a = host.connect("a");
    let answer = a.ask("env");
    let all = "env=[(\"TZ\", \"UTC\"), (\"EMPTY\", \"\"), (\"XDG_CACHE_HOME\", \"";
    assert!(answer.starts_with(all), "{answer}");
    assert_eq!(answer.matches("(\"").count(), 3, "{answer}");
    for _ in 0..2 {
        let mut b = host.connect("b");
        assert_eq!(b.ask("env"), "env=[]");
        assert_eq!(b.ask("env"), "env=[]");
    }
    let asks = ["DEBUG", "\"service\":\"b\"", "`environment` grants nothing"];
    assert_eq!(told(&host, &asks), 1);
    assert!(
        !host
            .log()
            .iter()
            .any(|line| line.contains("UTC") && !line.contains("answer"))
    );
}

// hardening H30
#[test]
fn a_variable_that_is_not_set_is_a_mistake_of_its_line() {
    let text = "[service.a]\npath = \"/a\"\ncomponent = \"GUESTS/echo.wasm\"\n\
                environment_from = [\"WASKET_TEST_IS_NOT_SET\"]\n";
    let file = write_config(text);
    let (code, _, err) = run(&["check", file.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{err}");
    for part in ["WASKET_TEST_IS_NOT_SET is not set", "wasket.toml:4:21"] {
        assert!(err.contains(part), "{err}");
    }
}
