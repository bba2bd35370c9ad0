//! Where guests may not connect to, whatever they ask for.

use super::{Upstream, relay};

fn is_refused(url: &str, settings: &str, logged: &[&str]) {
    let host = relay(url, settings);
    let mut client = host.connect("relay");
    assert_eq!(client.closed(), (1013, "no upstream".to_owned()), "{url}");
    host.logged(logged);
}

#[test]
fn nothing_is_granted_unless_the_settings_say_so() {
    let upstream = Upstream::bind();
    let url = upstream.url();
    let told = ["WARN", "may not connect to", "`connect`"];
    is_refused(&url, "", &told);
    is_refused(&url, "connect = [\"ws://127.0.0.1:1\"]", &told);
    is_refused(&url, &format!("connect = [\"{url}/other\"]"), &told);
    let secure = url.replace("ws://", "wss://");
    is_refused(&url, &format!("connect = [\"{secure}\"]"), &told);
}

#[test]
fn a_session_has_so_many_connections() {
    let url = Upstream::bind().url();
    let settings = format!("connect = [\"{url}\"]\nconnections_per_session_max = 0");
    is_refused(
        &url,
        &settings,
        &["WARN", "connections_per_session_max = 0"],
    );
}

// And the place of one that has ended is the next one's.
#[test]
fn a_host_has_so_many_connections() {
    let upstream = Upstream::bind();
    let url = upstream.url();
    let settings = format!("connect = [\"{url}\"]\n[host]\noutbound_connections_max = 1");
    let host = relay(&url, &settings);
    let server = upstream.serve_each(2, |mut socket| super::end_of(&mut socket).0);
    let first = host.connect("relay");
    host.logged(&["connected to the outside"]);
    let mut second = host.connect("relay");
    assert_eq!(second.closed(), (1013, "no upstream".to_owned()));
    host.logged(&["WARN", "outbound_connections_max = 1"]);
    assert_eq!(first.close(1000, ""), (1000, String::new()));
    host.logged(&["connection to the outside closed"]);
    let mut third = host.connect("relay");
    third.send("on its way");
    assert_eq!(third.close(1000, "").0, 1000);
    assert_eq!(server.join().unwrap(), [1000, 1000]);
}

// A name that leads to this host leads nowhere, unless the operator said so of it.
#[test]
fn a_name_does_not_lead_inside() {
    let upstream = Upstream::bind();
    let url = upstream.url_by_name();
    let host = relay(&url, &format!("connect = [\"{url}\"]"));
    let mut client = host.connect("relay");
    assert_eq!(client.closed().0, 1013);
    host.logged(&["\"phase\":\"connect\"", "is not allowed"]);

    let leave = format!("connect = [{{ url = \"{url}\", private_addresses = true }}]");
    let host = relay(&url, &leave);
    let server = upstream.serve(|mut socket| socket.read().unwrap());
    let mut client = host.connect("relay");
    client.send("inside");
    assert_eq!(server.join().unwrap().to_text().unwrap(), "inside");
}
