//! What is written, and the plan that it makes.

use std::path::Path;
use wasket_config::plan::{Certificate, Password, TlsVersions};
use wasket_config::{Plan, Problems, parse};

// hardening H29
#[test]
fn services_and_http_are_granted_what_their_own_tables_say() {
    let plan = plan(
        "[service.a]\npath = \"/a\"\ncomponent = \"a.wasm\"\n\
         directories = [{ path = \"/\", directory = \"d\" }, { path = \"/data\", directory = \"/e\", writable = true }]\n\
         environment = { TZ = \"UTC\", EMPTY = \"\" }\nenvironment_from = [\"SECRET\"]\n\
         [http.b]\npath = \"/b\"\ncomponent = \"b.wasm\"\nsockets = [\"10.0.0.0/8:5432\", \"[::1]:1-2\"]",
    )
    .unwrap();
    let of_service = &plan.services[0].capabilities;
    let seen = |at: usize| {
        let seen = &of_service.directories[at];
        (seen.path.as_str(), seen.directory.clone(), seen.writable)
    };
    assert_eq!(seen(0), ("/", "/base/d".into(), false));
    assert_eq!(seen(1), ("/data", "/e".into(), true));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let environment = [pair("TZ", "UTC"), pair("EMPTY", "")];
    assert_eq!(of_service.environment, environment);
    assert_eq!(of_service.environment_from, ["SECRET"]);
    assert!(of_service.sockets.is_empty());
    let of_http = &plan.http[0].capabilities;
    assert!(of_http.directories.is_empty() && of_http.environment.is_empty());
    let sockets: Vec<_> = of_http.sockets.iter().map(ToString::to_string).collect();
    assert_eq!(sockets, ["10.0.0.0/8:5432", "[::1]:1-2"]);
    assert_eq!(of_http.sockets[1].ports(), (1, 2));
    assert_eq!(of_http.sockets[0].network().prefix_bits(), 8);
}

// parity S6
#[test]
fn one_certificate_and_several_are_written_alike() {
    let one = [
        "[[listen]]\ntls = { chain = \"a.pem\", key = \"k.pem\" }\n",
        "[[listen]]\n[listen.tls]\nchain = \"a.pem\"\nkey = \"k.pem\"\n",
        "[[listen]]\ntls = { certificates = [{ chain = \"a.pem\", key = \"k.pem\" }] }\n",
        "[[listen]]\n[[listen.tls.certificates]]\nchain = \"a.pem\"\nkey = \"k.pem\"\n",
    ];
    let plans = one.map(|text| plan(&file(text)).unwrap());
    assert!(plans.iter().all(|plan| *plan == plans[0]));
    let tls = plans[0].listeners[0].tls.as_ref().unwrap();
    let pem = |chain: &str, key: &str| Certificate::Pem {
        chain: chain.into(),
        key: key.into(),
    };
    assert_eq!(tls.certificates, [pem("/base/a.pem", "/base/k.pem")]);
    assert_eq!(tls.versions, TlsVersions::Both);
    assert_eq!(tls.client_certificates, None);

    let several = "[[listen]]\n[listen.tls]\nversions = [\"1.3\"]\nclient_certificates = \"required\"\n\
                   client_ca = \"ca.pem\"\n[[listen.tls.certificates]]\nchain = \"both.pem\"\n\
                   [[listen.tls.certificates]]\npfx = \"b.pfx\"\npassword_file = \"b.txt\"\n\
                   [[listen.tls.certificates]]\npfx = \"c.pfx\"\npassword_env = \"C\"";
    let plan = plan(&file(several)).unwrap();
    let tls = plan.listeners[0].tls.as_ref().unwrap();
    let pfx = |file: &str, password| Certificate::Pfx {
        file: file.into(),
        password,
    };
    let expected = [
        pem("/base/both.pem", "/base/both.pem"),
        pfx("/base/b.pfx", Password::File("/base/b.txt".into())),
        pfx("/base/c.pfx", Password::Environment("C".to_owned())),
    ];
    assert_eq!(tls.certificates, expected);
    assert_eq!(tls.versions, TlsVersions::Only13);
    let clients = tls.client_certificates.as_ref().unwrap();
    assert!(clients.required && clients.ca == Path::new("/base/ca.pem"));
}

fn plan(text: &str) -> Result<Plan, Problems> {
    parse(text, "wasket.toml", Path::new("/base"))
}

/// A file with one service, and more lines.
fn file(lines: &str) -> String {
    format!("[service.a]\npath = \"/a\"\ncomponent = \"a.wasm\"\n{lines}\n")
}
