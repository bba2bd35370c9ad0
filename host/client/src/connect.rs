//! What a connection is to be like.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use wasket_ws::handshake::is_token;

use crate::credentials::Credentials;
use crate::dial::Allow;
use crate::observe::Observer;
use crate::stream::Stream;
use crate::target::{ProxyTarget, Target};
use crate::{Compression, Connection, Deadlines, Error, Limits, Mistake, Step, Tls, open};

/// A connection to be: where to, as whom, and within which limits. It can be opened any number of times.
///
/// ```no_run
/// use wasket_client::{Connect, Event};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let connection = Connect::to("wss://example.com/chat")?
///     .protocol("chat.v2")?
///     .header("X-Api-Version", "3")?
///     .origin("https://example.com")?
///     .open()
///     .await?;
/// let (sender, mut receiver) = connection.split();
/// sender.text("hello").await?;
/// while let Some(event) = receiver.next().await {
///     match event {
///         Event::Message(message) => println!("{message:?}"),
///         Event::Close(closed) => println!("{closed}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Connect {
    pub(crate) target: Target,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) pre_auth: bool,
    pub(crate) without_basic: bool,
    pub(crate) protocols: Vec<String>,
    /// What the caller adds to the request; `Cookie` is apart.
    pub(crate) headers: HeaderMap,
    pub(crate) cookies: Vec<String>,
    pub(crate) redirects: usize,
    pub(crate) proxy: Option<ProxyTarget>,
    pub(crate) tls: Tls,
    pub(crate) compression: Option<Compression>,
    pub(crate) no_delay: bool,
    pub(crate) limits: Limits,
    pub(crate) deadlines: Deadlines,
    pub(crate) ping_every: Option<Duration>,
    pub(crate) show_pings: bool,
    pub(crate) allow: Option<Allow>,
    pub(crate) observer: Observer,
}

impl Connect {
    /// To a `ws` or `wss` URL (RFC 6455 section 3). A name and a password in it are [`credentials`](Self::credentials).
    ///
    /// # Errors
    /// Names the part of the URL that is wrong; it may have no fragment.
    pub fn to(url: &str) -> Result<Self, Mistake> {
        let (target, credentials) = Target::parse(url)?;
        Ok(Self {
            target,
            credentials,
            pre_auth: false,
            without_basic: false,
            protocols: Vec::new(),
            headers: HeaderMap::new(),
            cookies: Vec::new(),
            redirects: 0,
            proxy: None,
            tls: Tls::default(),
            compression: None,
            no_delay: true,
            limits: Limits::default(),
            deadlines: Deadlines::default(),
            ping_every: Some(Duration::from_secs(30)),
            show_pings: false,
            allow: None,
            observer: Observer::default(),
        })
    }

    /// Offers a subprotocol, after those offered before.
    ///
    /// # Errors
    /// When it is no token, or was offered before.
    pub fn protocol(mut self, protocol: &str) -> Result<Self, Mistake> {
        if !is_token(protocol) || self.protocols.iter().any(|other| other == protocol) {
            return Err(Mistake::Protocol(protocol.to_owned()));
        }
        self.protocols.push(protocol.to_owned());
        Ok(self)
    }

    /// Adds a header to the request. `Host`, `User-Agent`, `Origin` and `Authorization` there is one of: the last one, also
    /// where it would be there without. `Cookie` is sent together with [`cookie`](Self::cookie)s, `Authorization` goes
    /// instead of [`credentials`](Self::credentials).
    ///
    /// # Errors
    /// When the name is no token or belongs to the handshake, or the value has control characters.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Mistake> {
        let mistake = |what| Mistake::Header {
            name: name.to_owned(),
            what,
        };
        let parsed =
            HeaderName::try_from(name).map_err(|_| mistake("has a name that is no token"))?;
        if belongs_to_the_handshake(&parsed) {
            return Err(mistake("belongs to the handshake, which writes it itself"));
        }
        let mut value = HeaderValue::try_from(value)
            .map_err(|_| mistake("has control characters in its value"))?;
        value.set_sensitive(parsed == header::AUTHORIZATION || parsed == header::COOKIE);
        if parsed == header::COOKIE {
            let text = str::from_utf8(value.as_bytes()).map_err(|_| mistake("is not text"))?;
            self.cookies.push(text.to_owned());
        } else if SINGLE_VALUED.contains(&parsed) {
            self.headers.insert(parsed, value);
        } else {
            self.headers.append(parsed, value);
        }
        Ok(self)
    }

    /// Sends a cookie (RFC 6265 section 4.2).
    ///
    /// # Errors
    /// When the name is no token, or the value has white space, quotes, commas, semicolons or control characters.
    pub fn cookie(mut self, name: &str, value: &str) -> Result<Self, Mistake> {
        let is_octet = |b: u8| b.is_ascii_graphic() && !b"\",;\\".contains(&b);
        if !is_token(name) || !value.bytes().all(is_octet) {
            return Err(Mistake::Cookie(name.to_owned()));
        }
        self.cookies.push(format!("{name}={value}"));
        Ok(self)
    }

    /// Says on whose behalf this is, as a browser would: `https://example.com` (RFC 6454 section 7).
    ///
    /// # Errors
    /// When it has spaces or control characters.
    pub fn origin(mut self, origin: &str) -> Result<Self, Mistake> {
        let is_plain = !origin.is_empty() && origin.bytes().all(|b| b.is_ascii_graphic());
        let value = HeaderValue::try_from(origin).ok().filter(|_| is_plain);
        let value = value.ok_or_else(|| Mistake::Header {
            name: "Origin".to_owned(),
            what: "has spaces, or what is not ASCII",
        })?;
        self.headers.insert(header::ORIGIN, value);
        Ok(self)
    }

    /// Proves who we are when the server asks (401): by Digest with SHA-256 or MD5, or by Basic, whichever is the
    /// strongest that it offers. Basic shows the password to whoever reads an unencrypted connection.
    ///
    /// # Errors
    /// When either has control characters.
    pub fn credentials(mut self, name: &str, password: &str) -> Result<Self, Mistake> {
        self.credentials = Some(Credentials::new(name, password)?);
        Ok(self)
    }

    /// Sends the credentials at once, by Basic, instead of waiting to be asked; to the proxy as well as to the server.
    #[must_use]
    pub fn pre_auth(mut self) -> Self {
        self.pre_auth = true;
        self
    }

    /// Never proves who we are by Basic, which shows the password to whoever asks for it: neither to the server nor to the
    /// proxy, and not [at once](Self::pre_auth) either.
    #[must_use]
    pub fn without_basic(mut self) -> Self {
        self.without_basic = true;
        self
    }

    /// Follows so many redirects, at most [`REDIRECTS_MAX`]; by default none. Never from wss to ws. Credentials, cookies,
    /// `Authorization`, and of [`Tls`] the client certificate, the server name and the insecure mode stay with the first
    /// origin; other headers of the caller's go to all of them.
    ///
    /// # Errors
    /// When it is more than that.
    pub fn redirects(mut self, redirects: usize) -> Result<Self, Mistake> {
        if redirects > REDIRECTS_MAX {
            return Err(Mistake::Redirects {
                asked: redirects,
                max: REDIRECTS_MAX,
            });
        }
        self.redirects = redirects;
        Ok(self)
    }

    /// Goes through an HTTP proxy by CONNECT (RFC 9110 section 9.3.6), `ws` as well as `wss`:
    /// `http://name:password@proxy.example.com:3128`. The proxy looks up the server's name, and is who is dialled.
    ///
    /// # Errors
    /// Names the part of the URL that is wrong.
    pub fn proxy(mut self, url: &str) -> Result<Self, Mistake> {
        self.proxy = Some(ProxyTarget::parse(url)?);
        Ok(self)
    }

    /// Secures `wss` in another way than by default.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Offers to compress; by default messages go as they are.
    ///
    /// # Errors
    /// When a window or the level is beyond what there is.
    pub fn compression(mut self, compression: Compression) -> Result<Self, Mistake> {
        compression.check()?;
        self.compression = Some(compression);
        Ok(self)
    }

    /// Whether small messages are sent at once (`TCP_NODELAY`), as by default, or held back to go together.
    #[must_use]
    pub fn no_delay(mut self, no_delay: bool) -> Self {
        self.no_delay = no_delay;
        self
    }

    /// Sets what a server can make us hold.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how long each thing may take.
    #[must_use]
    pub fn deadlines(mut self, deadlines: Deadlines) -> Self {
        self.deadlines = deadlines;
        self
    }

    /// Pings a server that was silent for so long, and ends the connection when it stays silent for
    /// [`Deadlines::pong`]. Default 30 s; `None` waits forever.
    #[must_use]
    pub fn ping_every(mut self, silence: Option<Duration>) -> Self {
        self.ping_every = silence;
        self
    }

    /// Reports the server's pings, and the pongs to ours, as events.
    #[must_use]
    pub fn show_pings(mut self) -> Self {
        self.show_pings = true;
        self
    }

    /// Dials only addresses that `allow` is true for. It is asked for each address, and the address is what is dialled:
    /// no name is looked up between. Through a proxy it is asked for the proxy's addresses.
    #[must_use]
    pub fn allow(mut self, allow: impl Fn(SocketAddr) -> bool + Send + Sync + 'static) -> Self {
        self.allow = Some(Arc::new(allow));
        self
    }

    /// Shows every step of the way to `observe`, as it is done.
    #[must_use]
    pub fn observe(mut self, observe: impl Fn(&Step<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Observer::new(observe);
        self
    }

    /// Opens the connection. Needs a tokio runtime with I/O and time. Dropping the future closes whatever was opened.
    ///
    /// Every step has its [`Deadlines`]. All together, a request takes at most the times of `dial`, `tls` and `handshake`;
    /// through a proxy those of `dial` and `handshake` come before it, up to three times where the proxy asks who we are.
    /// A server that asks is sent up to three requests, and each redirect that is followed begins anew. To have it over
    /// by a certain time, put a [`timeout`](tokio::time::timeout) around it.
    ///
    /// # Errors
    /// Says in which phase it failed, and what to do. An answer that is not 101 is in [`Error::rejection`].
    pub async fn open(&self) -> Result<Connection, Error> {
        Box::pin(open::open(self)).await
    }

    /// Only goes as far as the first byte of a request: dialled, through the proxy, and with TLS for `wss`, where HTTP/1.1
    /// is agreed on. For those who ask for something else than a WebSocket there. And who answers, as far as that is
    /// known.
    ///
    /// # Errors
    /// Says in which phase it failed, and what to do.
    pub async fn dial(&self) -> Result<(Stream, Option<SocketAddr>), Error> {
        Box::pin(open::transport(self, &self.target, true)).await
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("target", &self.target)
            .field("credentials", &self.credentials)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

fn belongs_to_the_handshake(name: &HeaderName) -> bool {
    let is_ours = [
        header::CONNECTION,
        header::UPGRADE,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::TE,
        header::TRAILER,
        header::EXPECT,
        header::PROXY_AUTHORIZATION,
    ];
    is_ours.contains(name)
        || ["sec-websocket-", "proxy-connection", "keep-alive"]
            .iter()
            .any(|start| name.as_str().starts_with(start))
}

/// Of these a second one means something else to each server.
const SINGLE_VALUED: [HeaderName; 4] = [
    header::HOST,
    header::USER_AGENT,
    header::ORIGIN,
    header::AUTHORIZATION,
];

/// The most redirects that are followed.
pub const REDIRECTS_MAX: usize = 10;
