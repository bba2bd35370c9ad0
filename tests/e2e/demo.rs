//! The services of the demo.

use tungstenite::Message;

use crate::host::Host;

fn demo() -> Host {
    Host::serve(
        r#"
[service.echo]
path = "/echo"
component = "GUESTS/echo.wasm"

[service.chat]
path = "/chat"
component = "GUESTS/chat.wasm"

[service.chat-with-nyan]
path = "/chat-with-nyan"
component = "GUESTS/chat.wasm"
config = { suffix = " Nyan!" }

[service.laputa]
path = "/laputa"
component = "GUESTS/laputa.wasm"
"#,
    )
}

#[test]
fn echo_answers_with_what_it_got() {
    let host = demo();
    let mut client = host.connect("echo");
    for size in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        for message in [
            Message::text("x".repeat(size)),
            Message::binary(vec![7; size]),
        ] {
            client.socket.send(message.clone()).unwrap();
            assert!(client.message() == message, "{size} bytes");
        }
    }
    client.socket.send(Message::Ping("there?".into())).unwrap();
    assert_eq!(client.message(), Message::Pong("there?".into()));
    assert_eq!(client.close(1000, "bye").0, 1000);
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_thousand_messages_in_flight_come_back_in_order() {
    let host = demo();
    let mut client = host.connect("echo");
    for n in 0..1000 {
        client.socket.write(Message::text(n.to_string())).unwrap();
    }
    client.socket.flush().unwrap();
    for n in 0..1000 {
        assert_eq!(client.text(), n.to_string());
    }
}

// parity B8, M2
#[test]
fn one_component_serves_two_paths_with_different_settings() {
    let host = demo();
    let mut ada = host.connect_to("chat", "?name=Ada", &[]).unwrap();
    assert_eq!(ada.text(), "Welcome, Ada!");
    let mut bob = host.connect_to("chat", "?name=Bob%20B.", &[]).unwrap();
    assert_eq!(bob.text(), "Welcome, Bob B.!");
    assert_eq!(ada.text(), "Bob B. joined.");
    ada.send("hi");
    assert_eq!(
        (ada.text(), bob.text()),
        ("Ada: hi".into(), "Ada: hi".into())
    );
    bob.close(1000, "");
    assert_eq!(ada.text(), "Bob B. left.");

    let mut nyan = host.connect("chat-with-nyan");
    assert_eq!(nyan.text(), "Welcome, anonymous!");
    assert_eq!(nyan.ask("hi"), "anonymous: hi Nyan!");
    ada.socket.send(Message::Ping(Default::default())).unwrap();
    // The other path's talk is its own.
    assert_eq!(ada.message(), Message::Pong(Default::default()));
}

#[test]
fn laputa_answers_as_it_does() {
    let host = demo();
    let mut client = host.connect("laputa");
    assert_eq!(client.ask("BALUS"), "Are you kidding?");
    assert_eq!(client.ask("hello"), "I'm not available now.");
}
