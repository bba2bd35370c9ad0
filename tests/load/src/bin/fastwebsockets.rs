//! A server of fastwebsockets, as its documentation has it: hyper for the handshake, a task a connection.

use bytes::Bytes;
use fastwebsockets::upgrade::{UpgradeFut, upgrade};
use fastwebsockets::{
    FragmentCollector, FragmentCollectorRead, Frame, OpCode, Payload, WebSocketError,
};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use wasket_load::{Room, listen};

/// What is queued for a connection: its opcode and its payload.
type Queued = (OpCode, Bytes);

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

async fn serve(stream: TcpStream, room: Room<Queued>) -> Result<(), hyper::Error> {
    let answer = |request| {
        let room = room.clone();
        async move { open(request, room) }
    };
    http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .with_upgrades()
        .await
}

fn open(
    mut request: Request<Incoming>,
    room: Room<Queued>,
) -> Result<Response<Empty<Bytes>>, WebSocketError> {
    let is_room = request.uri().path() == "/broadcast";
    let (response, upgraded) = upgrade(&mut request)?;
    match is_room {
        true => tokio::spawn(converse(upgraded, room)),
        false => tokio::spawn(echo(upgraded)),
    };
    Ok(response)
}

async fn echo(upgraded: UpgradeFut) -> Result<(), WebSocketError> {
    let mut socket = FragmentCollector::new(upgraded.await?);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

async fn converse(upgraded: UpgradeFut, room: Room<Queued>) -> Result<(), WebSocketError> {
    let (read, mut write) = upgraded.await?.split(tokio::io::split);
    let mut read = FragmentCollectorRead::new(read);
    let (number, queue, mut heard) = room.enter();
    let writer = tokio::spawn(async move {
        while let Some((opcode, payload)) = heard.recv().await {
            let frame = Frame::new(true, opcode, None, Payload::Borrowed(&payload));
            let is_last = opcode == OpCode::Close;
            if write.write_frame(frame).await.is_err() || is_last {
                break;
            }
        }
    });
    // The answers to pings and to a close frame go through the same queue.
    let mut answer = |frame: Frame<'_>| {
        let sent = queue.send((frame.opcode, Bytes::copy_from_slice(&frame.payload)));
        async { sent.map_err(|_| WebSocketError::ConnectionClosed) }
    };
    loop {
        match read.read_frame(&mut answer).await {
            Ok(frame) if matches!(frame.opcode, OpCode::Text | OpCode::Binary) => {
                room.say(&(frame.opcode, Bytes::copy_from_slice(&frame.payload)));
            }
            Ok(frame) if frame.opcode != OpCode::Close => {}
            Ok(_) | Err(_) => break,
        }
    }
    room.leave(number);
    drop(queue);
    let _ = writer.await;
    Ok(())
}
