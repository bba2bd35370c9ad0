//! A WebSocket client ([RFC 6455](https://www.rfc-editor.org/rfc/rfc6455),
//! [RFC 7692](https://www.rfc-editor.org/rfc/rfc7692)) on tokio.
//!
//! [`Connect`] says where to and how, [`Connect::open`] gives a [`Connection`], which splits into a [`Sender`] and a
//! [`Receiver`]. One task owns the socket; queues with limits lead to it and from it, and every wait on the server
//! has one of the [`Deadlines`]. Nobody waits for the receiver: while it takes nothing the socket is not read, and the
//! server's silence says nothing.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut connection = wasket_client::Connect::to("wss://echo.example.com")?.open().await?;
//! let sender = connection.sender();
//! sender.text("hello").await?;
//! println!("{:?}", connection.next().await);
//! let closed = sender.close(Some(1000), "bye").await?;
//! assert!(closed.clean);
//! # Ok(())
//! # }
//! ```
//!
//! Deliberately absent: HTTP/2, SOCKS proxies and proxies over TLS, a store for cookies, and the environment: proxies and
//! certificates are what the caller says.
#![forbid(unsafe_code)]

mod authentication;
mod clock;
mod compression;
mod connect;
mod connection;
mod credentials;
mod dial;
mod error;
mod event;
mod exchange;
mod file;
mod limits;
mod masks;
mod mistake;
mod observe;
mod open;
mod proxy;
mod receiver;
mod reconnect;
mod request;
mod response;
mod sender;
mod stream;
mod target;
mod task;
mod tls;

pub use compression::Compression;
pub use connect::{Connect, REDIRECTS_MAX};
pub use connection::Connection;
pub use error::{
    BODY_BYTES_MAX, CertificateFault, ConnectFault, Error, HandshakeFault, Phase, ProxyFault,
    Rejection, TlsFault,
};
pub use event::{By, Closed, Event, Fault, Message};
pub use limits::{Deadlines, Limits};
pub use mistake::Mistake;
pub use observe::Step;
pub use receiver::Receiver;
pub use reconnect::{Backoff, Progress, Reconnect};
pub use response::Response;
pub use sender::{PingError, SendError, Sender};
pub use stream::Stream;
pub use tls::{Tls, TlsVersion};
pub use wasket_ws::deflate::{BadAnswer as BadCompression, Offer, Parameters};
pub use wasket_ws::handshake::BadAnswer;
pub use wasket_ws::{Violation, ViolationKind};

use credentials::Credentials;
