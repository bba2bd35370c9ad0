//! A server of tokio-tungstenite, as its documentation has it: a task a connection, `next` and `send`.

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};
use wasket_load::{Room, listen};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = listen()?;
    let room = Room::default();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A peer that fails ends its own connection, nothing else.
        tokio::spawn(serve(stream, room.clone()));
    }
}

async fn serve(stream: TcpStream, room: Room<Message>) -> Result<(), Error> {
    let mut is_room = false;
    #[expect(
        clippy::result_large_err,
        reason = "the library's callback has this type"
    )]
    let read_path = |request: &Request, response: Response| {
        is_room = request.uri().path() == "/broadcast";
        Ok(response)
    };
    let socket = accept_hdr_async(stream, read_path).await?;
    match is_room {
        true => converse(socket, &room).await,
        false => echo(socket).await,
    }
}

async fn echo(mut socket: WebSocketStream<TcpStream>) -> Result<(), Error> {
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_binary() || message.is_text() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

async fn converse(
    mut socket: WebSocketStream<TcpStream>,
    room: &Room<Message>,
) -> Result<(), Error> {
    let (number, _queue, mut heard) = room.enter();
    let ended = loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(message)) if message.is_binary() || message.is_text() => room.say(&message),
                Some(Ok(_)) => {}
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            },
            Some(message) = heard.recv() => if let Err(error) = socket.send(message).await {
                break Err(error);
            },
        }
    };
    room.leave(number);
    ended
}
