//! What the peers' servers share: where they listen, and who is in the room.
//!
//! Every server does the same by the same paths: `/echo` sends each message back, `/broadcast` sends it to all
//! connections of that path, the sender's included; those that compress echo at `/compressed` with permessage-deflate,
//! if the client offers it. It takes a port of the system's choice, says it on the standard
//! output as `listening on ws://127.0.0.1:PORT`, and serves until it is killed.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Listens on loopback, with the backlog that the host has by default, and says where.
///
/// # Errors
/// As sockets and the standard output have them.
pub fn listen() -> io::Result<TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let listener = socket.listen(1024)?;
    let mut out = io::stdout();
    writeln!(out, "listening on ws://{}", listener.local_addr()?)?;
    out.flush()?;
    Ok(listener)
}

/// All connections of the path `/broadcast`. Queues have no bound: the load waits for its deliveries.
#[derive(Clone)]
pub struct Room<M> {
    inner: Arc<Mutex<Inner<M>>>,
}

struct Inner<M> {
    next: u64,
    queues: HashMap<u64, UnboundedSender<M>>,
}

impl<M> Default for Room<M> {
    fn default() -> Self {
        let (next, queues) = (0, HashMap::new());
        Self {
            inner: Arc::new(Mutex::new(Inner { next, queues })),
        }
    }
}

impl<M: Clone> Room<M> {
    /// Enters; what is said arrives at the receiver. The number is for [`leave`](Self::leave).
    pub fn enter(&self) -> (u64, UnboundedSender<M>, UnboundedReceiver<M>) {
        let (sender, receiver) = unbounded_channel();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let number = inner.next;
        inner.next += 1;
        inner.queues.insert(number, sender.clone());
        (number, sender, receiver)
    }

    /// Says something to everyone who is in the room.
    pub fn say(&self, message: &M) {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        for queue in inner.queues.values() {
            // Who has just gone hears nothing.
            let _ = queue.send(message.clone());
        }
    }

    /// Leaves.
    pub fn leave(&self, number: u64) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.queues.remove(&number);
    }
}
