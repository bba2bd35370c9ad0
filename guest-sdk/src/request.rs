/// The opening handshake, as the host received it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The name of the service.
    pub service: String,
    /// The HTTP method.
    pub method: String,
    /// The Host header or the `:authority`.
    pub authority: String,
    /// The request target as sent, undecoded.
    pub target: String,
    /// Percent-decoded, without the query.
    pub path: String,
    /// What the route's `{name}` and `*` parts matched.
    pub parameters: Vec<(String, String)>,
    /// Decoded, in order.
    pub query: Vec<(String, String)>,
    /// In order; names in lower case; bytes beyond UTF-8 read as Latin-1. Without `authorization` where the host has done
    /// the login.
    pub headers: Vec<(String, String)>,
    /// In order.
    pub cookies: Vec<Cookie>,
    /// Subprotocols the client offers, in its order of preference.
    pub protocols: Vec<String>,
    /// Who is asking, if somebody has logged in.
    pub principal: Option<Principal>,
    /// Address and port, seen through trusted proxies.
    pub remote_address: String,
    /// True over TLS.
    pub secure: bool,
    /// What else the host knows: `http-version`, `tls-version`, `client-certificate-subject`, ...
    pub properties: Vec<(String, String)>,
}

impl Request {
    /// The first query parameter of that name.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// What the route's `{name}` part matched.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        first(&self.parameters, name)
    }

    /// The first field of that name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.headers.iter();
        fields
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The value of the first cookie of that name.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies
            .iter()
            .find(|cookie| cookie.name == name)
            .map(|cookie| cookie.value.as_str())
    }

    /// What else the host knows under that name.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        first(&self.properties, name)
    }
}

fn first<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// A cookie that the client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Who is asking: established by the host's authentication, or by the component's own handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// The user's name.
    pub name: String,
    /// What the user may be.
    pub roles: Vec<String>,
    /// What else is known about the user.
    pub claims: Vec<(String, String)>,
}

impl Principal {
    /// A principal without roles and claims.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}
