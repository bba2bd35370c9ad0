//! What a Digest response is computed from (RFC 7616, section 3.4.1).

use std::fmt::Write as _;

use md5::Md5;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// A hash that Digest is computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// What every client knows.
    Md5,
    /// The stronger one.
    Sha256,
}

impl Algorithm {
    /// The algorithm of this name (RFC 7616, section 6.1), in whatever case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Md5, Self::Sha256];
        all.into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// Bytes of a hash.
    fn bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha256 => 32,
        }
    }

    /// Parts joined with colons, hashed, in lower-case hexadecimal digits.
    pub(crate) fn hash(self, parts: &[&str]) -> String {
        match self {
            Self::Md5 => hex(&hashed::<Md5>(parts)),
            Self::Sha256 => hex(&hashed::<Sha256>(parts)),
        }
    }

    /// H(name ":" realm ":" password): what stands for the password.
    pub(crate) fn key(self, name: &str, realm: &str, password: &str) -> String {
        self.hash(&[name, realm, password])
    }

    /// What answers a nonce, with `qop=auth`.
    pub(crate) fn response(self, key: &str, by: &Nonces<'_>, method: &str, uri: &str) -> String {
        let request = self.hash(&[method, uri]);
        self.hash(&[key, by.nonce, by.nc, by.cnonce, "auth", &request])
    }
}

/// The server's nonce, how often it was answered, and the client's own.
pub(crate) struct Nonces<'n> {
    pub(crate) nonce: &'n str,
    pub(crate) nc: &'n str,
    pub(crate) cnonce: &'n str,
}

fn hashed<D: sha2::Digest>(parts: &[&str]) -> Vec<u8> {
    let mut hash = D::new();
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            hash.update(b":");
        }
        hash.update(part.as_bytes());
    }
    hash.finalize().to_vec()
}

/// The response of a client and what it chose to compute it from.
pub(crate) struct Response {
    pub(crate) algorithm: Algorithm,
    pub(crate) nonce: String,
    /// Eight digits, as they were sent.
    nc: String,
    cnonce: String,
    given: Vec<u8>,
}

impl Response {
    /// `None` when the count is not eight hexadecimal digits, or the response not as many as the algorithm makes.
    pub(crate) fn new(
        algorithm: Algorithm,
        nonce: &str,
        nc: &str,
        cnonce: &str,
        given: &str,
    ) -> Option<Self> {
        let given = unhex(given)?;
        let counts = nc.len() == 8 && nc.bytes().all(|digit| digit.is_ascii_hexdigit());
        (counts && given.len() == algorithm.bytes()).then(|| Self {
            algorithm,
            nonce: nonce.to_owned(),
            nc: nc.to_owned(),
            cnonce: cnonce.to_owned(),
            given,
        })
    }

    /// How many requests the client has sent with this nonce.
    pub(crate) fn count(&self) -> u32 {
        u32::from_str_radix(&self.nc, 16).unwrap_or(0)
    }

    /// Whether who computed it knew this key. Takes the same time whatever differs.
    pub(crate) fn is_by(&self, key: &str, method: &str, uri: &str) -> bool {
        let by = Nonces {
            nonce: &self.nonce,
            nc: &self.nc,
            cnonce: &self.cnonce,
        };
        let expected = self.algorithm.response(key, &by, method, uri);
        unhex(&expected).is_some_and(|expected| expected.ct_eq(&self.given).into())
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The bytes of an even number of hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut digits = text.bytes();
    while let Some(high) = digits.next() {
        bytes.push(digit(high)? << 4 | digit(digits.next()?)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7616, section 3.9.1
    #[test]
    fn the_example_of_the_rfc() {
        let cases = [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (
                Algorithm::Sha256,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ];
        for (algorithm, given) in cases {
            let nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
            let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
            let response = Response::new(algorithm, nonce, "00000001", cnonce, given).unwrap();
            let key = algorithm.key("Mufasa", "http-auth@example.org", "Circle of Life");
            assert!(response.is_by(&key, "GET", "/dir/index.html"));
            assert_eq!(response.count(), 1);
            assert!(!response.is_by(&key, "GET", "/dir/index.htm"));
            let wrong = algorithm.key("Mufasa", "http-auth@example.org", "circle of life");
            assert!(!response.is_by(&wrong, "GET", "/dir/index.html"));
        }
    }

    #[test]
    fn digits_are_digits() {
        assert_eq!(unhex("00fFa0"), Some(vec![0, 0xff, 0xa0]));
        assert_eq!(hex(&[0, 0xff, 0xa0]), "00ffa0");
        for wrong in ["0", "+1", "0g", "\u{e9}\u{e9}"] {
            assert_eq!(unhex(wrong), None, "{wrong}");
        }
        let given = "0".repeat(32);
        for nc in ["", "1", "0000000g", "+0000001", "000000001"] {
            assert!(
                Response::new(Algorithm::Md5, "", nc, "", &given).is_none(),
                "{nc}"
            );
        }
        assert!(Response::new(Algorithm::Sha256, "", "00000001", "", &given).is_none());
    }
}
