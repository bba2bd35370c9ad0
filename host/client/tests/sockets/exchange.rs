//! What goes to and fro.

use wasket_client::{By, Event, Message};

use crate::server::Server;

fn text(event: Option<Event>) -> String {
    match event {
        Some(Event::Message(Message::Text(text))) => text,
        other => panic!("{other:?}"),
    }
}

// parity W13
#[tokio::test]
async fn messages_go_and_come_until_we_close() {
    let server = Server::echo().await;
    let mut connection = server.connect().open().await.unwrap();
    assert_eq!(connection.response().status(), 101);
    let sender = connection.sender();
    sender.text("hello").await.unwrap();
    assert_eq!(text(connection.next().await), "hello");
    sender.binary(vec![1, 2, 3]).await.unwrap();
    match connection.next().await {
        Some(Event::Message(Message::Binary(bytes))) => assert_eq!(&bytes[..], [1, 2, 3]),
        other => panic!("{other:?}"),
    }
    let closed = sender.close(Some(1000), "bye").await.unwrap();
    assert_eq!((closed.code, closed.clean, closed.by), (1000, true, By::Us));
    match connection.next().await {
        Some(Event::Close(closed)) => assert_eq!(closed.reason, "bye"),
        other => panic!("{other:?}"),
    }
    assert!(connection.next().await.is_none());
    assert!(sender.text("late").await.is_err());
}
