//! HTTP/2 over TLS: it is agreed on by ALPN (RFC 7301), or not spoken.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::ext::Protocol;
use http::Request;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::bare::frame;
use crate::host::Host;
use crate::tls::authority::Authority;
use crate::tls::client::Dial;

fn serve(listen: &str) -> (Host, Dial) {
    let authority = Authority::new();
    let issued = authority.issue("host", &["host.example"]);
    let host = Host::serve(&format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\n{listen}\ntls = {{ {} }}\n\
         [service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\n",
        issued.setting()
    ));
    (host, Dial::new(&authority))
}

fn offering(dial: &Dial, protocols: &[&str]) -> Dial {
    let mut config = (*dial.config).clone();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Dial {
        config: Arc::new(config),
        ..dial.clone()
    }
}

#[test]
fn what_is_spoken_was_agreed_on() {
    type Case<'c> = (&'c [&'c str], Result<Option<&'c [u8]>, ()>);
    let h2: Result<_, ()> = Ok(Some(&b"h2"[..]));
    let http1 = Ok(Some(&b"http/1.1"[..]));
    let both: [Case<'_>; 5] = [
        (&["h2", "http/1.1"], h2),
        (&["http/1.1", "h2"], h2),
        (&["http/1.1"], http1),
        (&[], Ok(None)),
        (&["h3"], Err(())),
    ];
    let first_only: [Case<'_>; 3] = [
        (&["h2", "http/1.1"], http1),
        (&["h2"], Err(())),
        (&[], Ok(None)),
    ];
    for (listen, cases) in [("", &both[..]), ("http2 = false", &first_only)] {
        let (host, dial) = serve(listen);
        for (offered, expected) in cases {
            let stream = offering(&dial, offered).shake_hands(&host);
            let agreed = stream.as_ref().map(|stream| stream.conn.alpn_protocol());
            assert_eq!(agreed.map_err(|_| ()), *expected, "{listen} {offered:?}");
        }
        // Who names none speaks HTTP/1.1.
        let mut client = offering(&dial, &[]).open(&host, "probe");
        assert!(client.ask("request").contains("http-version"));
    }
}

/// What the guest answers to a message, over a stream of a connection over TLS.
async fn ask(host: &Host, dial: Dial, text: &str) -> String {
    let socket = TcpStream::connect(host.authority()).await.unwrap();
    let connector = TlsConnector::from(Arc::clone(&offering(&dial, &["h2"]).config));
    let name = dial.name.try_into().unwrap();
    let socket = connector.connect(name, socket).await.unwrap();
    let (mut requests, connection) = h2::client::handshake(socket).await.unwrap();
    tokio::spawn(connection);
    while !requests.is_extended_connect_protocol_enabled() {
        tokio::task::yield_now().await;
    }
    let request = Request::connect("https://host.example/probe")
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .body(())
        .unwrap();
    let (answer, mut send) = requests.send_request(request, false).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    let message = Bytes::from(frame(1, text.as_bytes()));
    send.send_data(message, false).unwrap();
    let mut recv = answer.into_body();
    let mut heard = Vec::new();
    // As the answer ends.
    while !heard.ends_with(b"}") {
        heard.extend(recv.data().await.unwrap().unwrap());
    }
    String::from_utf8_lossy(&heard).into_owned()
}

// parity B2 S6
#[test]
fn a_guest_and_the_log_are_told_of_both() {
    let (host, dial) = serve("");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let asking = async {
        let asked = ask(&host, dial, "request");
        tokio::time::timeout(Duration::from_secs(30), asked)
            .await
            .unwrap()
    };
    let request = runtime.block_on(asking);
    for told in [
        "secure: true",
        "method: \"CONNECT\"",
        "authority: \"host.example\"",
        "\"http-version\",\n            \"2\"",
        "\"tls-version\",\n            \"1.3\"",
    ] {
        assert!(request.contains(told), "{told} is not in {request}");
    }
    host.logged(&["\"message\":\"open\"", "\"tls\":\"1.3\"", "\"http\":\"2\""]);
}
