use crate::Principal;

/// The opening handshake goes on to the 101 answer.
///
/// ```
/// use wasket_guest::Acceptance;
/// let acceptance = Acceptance::new().protocol("chat.v2").header("set-cookie", "seen=1");
/// assert_eq!(acceptance.protocol.as_deref(), Some("chat.v2"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acceptance {
    /// One of the protocols that the client offers, or none.
    pub protocol: Option<String>,
    /// Added to the 101 answer (`set-cookie` among them): 16 KiB at most. With a field that is the host's, such as
    /// `connection` or `sec-websocket-accept`, or a line break in one, the answer is 500.
    pub headers: Vec<(String, String)>,
    /// Replaces the host's principal, for logins by token or cookie. Its name is not empty; 16 KiB at most.
    pub principal: Option<Principal>,
}

impl Acceptance {
    /// Accepts as it is: no protocol, no headers, the host's principal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Agrees on a protocol, one of those that the client offers.
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.protocol = Some(protocol.into());
        self
    }

    /// Adds a field to the 101 answer.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Says who is asking.
    #[must_use]
    pub fn principal(mut self, principal: Principal) -> Self {
        self.principal = Some(principal);
        self
    }
}

/// The opening handshake ends with an HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// 300-599.
    pub status: u16,
    /// Fields of the answer, as those of an acceptance.
    pub headers: Vec<(String, String)>,
    /// Body of the answer, 256 KiB at most.
    pub body: Vec<u8>,
}

impl Rejection {
    /// Rejects with a status of 300-599 and an empty body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Adds a field to the answer.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body of the answer.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}
