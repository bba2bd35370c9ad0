use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};

/// Something that was done on the way to a connection: for whoever wants to show it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step<'s> {
    /// The name has these addresses, in the order in which they are dialled.
    Resolved(&'s [SocketAddr]),
    /// An address is dialled.
    Dialling(SocketAddr),
    /// An address has answered.
    Connected(SocketAddr),
    /// TLS is agreed on: the version and the cipher suite.
    Secured {
        /// Such as `TLSv1_3`.
        version: &'s str,
        /// Such as `TLS13_AES_256_GCM_SHA384`.
        cipher_suite: &'s str,
    },
    /// A request goes out, to a proxy or to the server. What proves who we are is marked as sensitive
    /// ([`HeaderValue::is_sensitive`](http::HeaderValue::is_sensitive)): do not show it.
    Request {
        /// `GET` or `CONNECT`.
        method: &'s str,
        /// The request target.
        target: &'s str,
        /// Its headers.
        headers: &'s HeaderMap,
    },
    /// An answer has come.
    Answer {
        /// Its status.
        status: StatusCode,
        /// Its headers.
        headers: &'s HeaderMap,
    },
    /// It redirects, and is followed to this URL.
    Redirected(&'s str),
}

/// Whoever looks on, if anybody does.
#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Arc<Observe>>);

type Observe = dyn Fn(&Step<'_>) + Send + Sync;

impl Observer {
    pub(crate) fn new(observe: impl Fn(&Step<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observe)))
    }

    pub(crate) fn see(&self, step: &Step<'_>) {
        if let Some(observe) = &self.0 {
            observe(step);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.0.is_some()).finish()
    }
}
