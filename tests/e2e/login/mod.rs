//! Logins: who gets in, with what, and what becomes of the others.

mod component;
pub(crate) mod digest;
mod files;
mod foreign;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::host::{Client, Host, Refused, run, write_config};

/// Two users, each known by another hash of `Circle of Life`, and one of `secret`.
const HTPASSWD: &str = "\
# Made with Python's bcrypt, argon2-cffi and hashlib.
ada:$2y$04$9NG3JcnaG7R6Iex1W3lORu8Q3oTuOrGi1jBb887SmFIRqWxtovvVq
bob:$argon2id$v=19$m=64,t=1,p=1$awt0C/Jts+3LN68vTotIcg$0sEnqv65uoWOKKwkwPXBFbp7Chhp/v/FaB+viWOWaU4
eve:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
";

const ROLES: &str = "ada: admin chat\nbob: chat\n";

/// A file in a folder of its own.
fn file(name: &str, text: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = format!("login-{}-{number}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
    folder.join(name)
}

/// A probe whose clients are in these files.
fn basic(settings: &str) -> Host {
    let users = file("users", HTPASSWD);
    let roles = file("roles", ROLES);
    Host::serve(&format!(
        "[auth.staff]\nscheme = \"basic\"\nrealm = \"The staff\"\nusers = {users:?}\nroles = {roles:?}\n\
         failures_per_minute_max = 3\n\
         [service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\nauth = \"staff\"\n{settings}"
    ))
}

fn enter(host: &Host, name: &str, password: &str) -> Result<Client, Box<Refused>> {
    let token = STANDARD.encode(format!("{name}:{password}"));
    host.connect_to("probe", "", &[("authorization", &format!("Basic {token}"))])
}

fn status(entered: Result<Client, Box<Refused>>) -> u16 {
    entered.map_or_else(|refused| refused.status, |_| 101)
}

// parity S2, B2
#[test]
fn users_of_a_file_get_in_with_their_roles() {
    let host = basic("response_headers = { \"X-Served-By\" = \"wasket\" }");
    let challenge = host.connect_to("probe", "", &[]).err().unwrap();
    assert_eq!(challenge.status, 401);
    assert_eq!(challenge.head.headers["x-served-by"], "wasket");
    assert_eq!(
        challenge.head.headers["www-authenticate"],
        "Basic realm=\"The staff\", charset=\"UTF-8\""
    );
    for (name, password, roles) in [
        ("ada", "Circle of Life", r#"["admin", "chat"]"#),
        ("bob", "Circle of Life", r#"["chat"]"#),
        ("eve", "secret", "[]"),
    ] {
        let mut client = enter(&host, name, password).unwrap();
        let request = client.ask("request").replace(['\n', ' '], "");
        let roles = roles.replace(' ', "");
        let expected = format!("principal:Some(Principal{{name:\"{name}\",roles:");
        let (_, principal) = request.split_once(&expected).unwrap();
        assert!(
            principal.replace(",]", "]").starts_with(&roles),
            "{principal}"
        );
        assert!(principal.contains("(\"scheme\",\"basic\""), "{principal}");
        host.logged(&["\"open\"", &format!("\"principal\":\"{name}\"")]);
    }
    // No guest was made for the others.
    let events = host.events_with(3, "on-open");
    let starts = events.iter().filter(|event| *event == "on-start");
    assert_eq!(starts.count(), 3, "{events:?}");
}

// parity S2, hardening H29
#[test]
fn a_guest_does_not_see_what_proved_its_user() {
    let host = basic(
        "[service.open]\npath = \"/open\"\ncomponent = \"GUESTS/probe.wasm\"\nauth = \"off\"",
    );
    let request = enter(&host, "eve", "secret").unwrap().ask("request");
    assert!(request.contains("sec-websocket-key"), "{request}");
    assert!(!request.contains("authorization"), "{request}");
    // Where the host asks nobody, a guest may.
    let open = host.connect_to("open", "", &[("authorization", "Bearer token")]);
    let request = open.unwrap().ask("request");
    assert!(request.contains("\"Bearer token\""), "{request}");
}

// parity S9, hardening H26
#[test]
fn an_address_that_is_often_wrong_is_refused_for_a_while() {
    let host = basic("");
    for (name, password) in [("ada", "Circle of Lies"), ("nobody", "secret"), ("", "x")] {
        assert_eq!(status(enter(&host, name, password)), 401, "{name}");
    }
    host.logged(&["authentication failed", "\"name\":\"nobody\""]);
    assert_eq!(status(enter(&host, "eve", "")), 401);
    let refused = enter(&host, "eve", "secret").err().unwrap();
    assert_eq!(refused.status, 429);
    let seconds: u32 = refused.head.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    host.logged(&["WARN", "failures_per_minute_max"]);
    assert!(!host.log().join("\n").contains("Circle of Lies"));
}

// parity S2, S9
#[test]
fn a_service_may_want_a_role_and_a_listener_a_login() {
    let users = file("users", HTPASSWD);
    let roles = file("roles", ROLES);
    let host = Host::serve(&format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\nauth = \"staff\"\ntry_page = true\n\
         [auth.staff]\nscheme = \"basic\"\nusers = {users:?}\nroles = {roles:?}\n\
         [service.probe]\npath = \"/probe\"\nnative = \"echo\"\nrequire_roles = [\"admin\", \"root\"]\n\
         [service.open]\npath = \"/open\"\nnative = \"echo\"\nauth = \"off\""
    ));
    assert_eq!(status(enter(&host, "ada", "Circle of Life")), 101);
    let forbidden = enter(&host, "bob", "Circle of Life").err().unwrap();
    assert_eq!(forbidden.status, 403);
    assert!(!forbidden.head.headers.contains_key("www-authenticate"));
    host.logged(&["require_roles", "\"principal\":\"bob\""]);
    host.connect("open");
    let mut page = TcpStream::connect(host.authority()).unwrap();
    page.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

// hardening H30
#[test]
fn mistakes_in_files_of_users_keep_it_from_starting() {
    let config = |users: &Path| {
        let config = format!(
            "[auth.staff]\nscheme = \"basic\"\nusers = {users:?}\n\
             [service.echo]\npath = \"/echo\"\nnative = \"echo\"\nauth = \"staff\"\n"
        );
        write_config(&config).to_str().unwrap().to_owned()
    };
    let users = file("users", "# plain\nada:secret\n");
    let broken = config(&users);
    let expected = format!("{}:2: a plain password", users.display());
    for command in ["serve", "check"] {
        let (code, _, said) = run(&[command, &broken]);
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains(&expected) && !said.contains("secret"),
            "{said}"
        );
    }
    let (code, json, _) = run(&["check", &broken, "--json"]);
    assert_eq!(code, Some(2));
    assert!(json.contains("a plain password"), "{json}");
    let missing = config(&users.with_file_name("nowhere"));
    let (code, _, said) = run(&["check", &missing]);
    assert_eq!(code, Some(2));
    assert!(
        said.contains("wasket.toml:3:9") && said.contains("does not exist"),
        "{said}"
    );
}

// parity S2
#[test]
fn passwords_in_the_clear_are_warned_of() {
    let users = file("users", HTPASSWD);
    let host = |address: &str| {
        Host::serve(&format!(
            "[[listen]]\naddress = \"{address}\"\n[auth.staff]\nscheme = \"basic\"\nusers = {users:?}\n\
             [service.echo]\npath = \"/echo\"\nnative = \"echo\"\nauth = \"staff\""
        ))
    };
    host("0.0.0.0:0").logged(&["WARN", "in the clear", "\"auth\":\"staff\""]);
    let quiet = host("127.0.0.1:0");
    quiet.logged(&["\"listening\""]);
    assert!(!quiet.log().join("\n").contains("in the clear"));
}

// hardening H26
#[test]
#[ignore = "slow: 3 s, and it measures times"]
fn an_unknown_name_takes_as_long_as_a_wrong_password() {
    let users = file(
        "users",
        "ada:$2b$11$pQu2FGF9zRfqMsU.tZQdqeIfWWbiANJ..xI7at6OPOWThuMe1ot4e\n",
    );
    let host = Host::serve(&format!(
        "[auth.staff]\nscheme = \"basic\"\nusers = {users:?}\nfailures_per_minute_max = \"off\"\n\
         [service.probe]\npath = \"/probe\"\nnative = \"echo\"\nauth = \"staff\""
    ));
    let quickest = |name: &str| {
        let time = |_| {
            let began = Instant::now();
            assert_eq!(status(enter(&host, name, "wrong")), 401);
            began.elapsed()
        };
        (0..8).map(time).min().unwrap()
    };
    let (known, unknown) = (quickest("ada"), quickest("eve"));
    assert!(
        unknown * 2 > known && known * 2 > unknown,
        "{known:?} {unknown:?}"
    );
    assert!(known > Duration::from_millis(20), "{known:?}");
}
