//! The `Authorization` field of a request.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use crate::digest::{Algorithm, Response};
use crate::field::parameters;

/// A field that is longer is malformed. A name and a password have room for 3,000 bytes.
pub const AUTHORIZATION_BYTES_MAX: usize = 4096;

/// The client's mistake: credentials that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Longer than [`AUTHORIZATION_BYTES_MAX`].
    #[error("the Authorization field is too long")]
    Length,
    /// Not text in UTF-8.
    #[error("the Authorization field is not UTF-8")]
    Text,
    /// Not a name and a password in base64.
    #[error("the Basic credentials are not a name, a colon and a password in base64")]
    Basic,
    /// A parameter is missing, twice, or not in its form.
    #[error("the Digest credentials are not as RFC 7616 says")]
    Digest,
    /// The credentials are for another request.
    #[error("the Digest credentials are for another target")]
    Target,
}

/// Credentials as they were sent. `Debug` shows nothing of them but their scheme.
pub(crate) enum Credentials {
    Basic {
        name: String,
        password: String,
    },
    Digest(Box<Digest>),
    /// A scheme, an algorithm or a protection that was not offered.
    Other,
}

/// Digest credentials.
pub(crate) struct Digest {
    pub(crate) name: String,
    pub(crate) realm: String,
    pub(crate) uri: String,
    pub(crate) response: Response,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic",
            Self::Digest(_) => "Digest",
            Self::Other => "Other",
        })
    }
}

/// Reads the field's value.
pub(crate) fn parse(value: &[u8]) -> Result<Credentials, Malformed> {
    if value.len() > AUTHORIZATION_BYTES_MAX {
        return Err(Malformed::Length);
    }
    let text = str::from_utf8(value).map_err(|_| Malformed::Text)?;
    let text = text.trim_matches([' ', '\t']);
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        basic(rest.trim_start_matches(' ')).ok_or(Malformed::Basic)
    } else if scheme.eq_ignore_ascii_case("digest") {
        digest(rest).ok_or(Malformed::Digest)
    } else {
        Ok(Credentials::Other)
    }
}

/// RFC 7617, section 2: a colon cannot be in a name, control characters in neither.
fn basic(token: &str) -> Option<Credentials> {
    let decoded = BASE64.decode(token).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    (!text.chars().any(char::is_control)).then(|| Credentials::Basic {
        name: name.to_owned(),
        password: password.to_owned(),
    })
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// RFC 7616, section 3.4.
fn digest(text: &str) -> Option<Credentials> {
    let parameters = parameters(text)?;
    let find = |name: &str| {
        let mut all = parameters.iter();
        let found = all.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value)
    };
    let algorithm = find("algorithm").map_or(Some(Algorithm::Md5), |name| Algorithm::named(name));
    let hashed_name = find("userhash").is_some_and(|it| it.eq_ignore_ascii_case("true"));
    let name = match (find("username"), find("username*")) {
        (Some(name), None) => name.clone(),
        (None, Some(name)) => extended(name)?,
        _ => return None,
    };
    // As in Basic. An extended name could have them in any case, and names go to logs and components.
    if name.chars().any(char::is_control) {
        return None;
    }
    let nonce = find("nonce")?;
    let realm = find("realm")?;
    let uri = find("uri")?;
    let given = find("response")?;
    // Without it this is the Digest of 1997, whose answers can be replayed.
    let qop = find("qop")?;
    let (cnonce, nc) = (find("cnonce")?, find("nc")?);
    let (Some(algorithm), true, false) = (algorithm, qop.eq_ignore_ascii_case("auth"), hashed_name)
    else {
        return Some(Credentials::Other);
    };
    Some(Credentials::Digest(Box::new(Digest {
        name: name.into_owned(),
        realm: realm.clone().into_owned(),
        uri: uri.clone().into_owned(),
        response: Response::new(algorithm, nonce, nc, cnonce, given)?,
    })))
}

/// RFC 8187: `UTF-8''na%C3%AFve`.
fn extended(value: &str) -> Option<Cow<'_, str>> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, text) = rest.split_once('\'')?;
    let is_utf8 = charset.eq_ignore_ascii_case("utf-8");
    is_utf8.then(|| percent_decode_str(text).decode_utf8().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(value: &str) -> Option<(String, Option<String>)> {
        match parse(value.as_bytes()).ok()? {
            Credentials::Basic { name, password } => Some((name, Some(password))),
            Credentials::Digest(digest) => Some((digest.name, None)),
            Credentials::Other => None,
        }
    }

    #[test]
    fn basic_credentials_are_utf_8() {
        // RFC 7617, sections 2 and 2.1.
        for (value, name, password) in [
            (
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
                "Aladdin",
                "open sesame",
            ),
            ("Basic dGVzdDoxMjPCow==", "test", "123\u{a3}"),
            (
                "basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ",
                "Aladdin",
                "open sesame",
            ),
            ("BASIC YTpiOmM=", "a", "b:c"),
            ("Basic Og==", "", ""),
        ] {
            let expected = (name.to_owned(), Some(password.to_owned()));
            assert_eq!(named(value), Some(expected), "{value}");
        }
        for value in [
            "Basic",
            "Basic ",
            "Basic QQ==",
            "Basic !",
            "Basic YQ==:",
            "Basic YTqjCg==",
            "Basic YTpiAA==",
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==",
        ] {
            assert!(
                matches!(parse(value.as_bytes()), Err(Malformed::Basic)),
                "{value}"
            );
        }
    }

    #[test]
    fn digest_credentials_have_all_their_parts() {
        let parts = [
            "username=\"Mufasa\"",
            "realm=\"r\"",
            "uri=\"/\"",
            "nonce=\"n\"",
            "nc=00000001",
            "cnonce=\"c\"",
            "qop=auth",
            "response=\"00112233445566778899aabbccddeeff\"",
        ];
        let value = |parts: &[&str]| format!("Digest {}", parts.join(", "));
        assert!(named(&value(&parts)).is_some());
        for left_out in 0..parts.len() {
            let mut parts = parts.to_vec();
            parts.remove(left_out);
            let value = value(&parts);
            assert!(
                matches!(parse(value.as_bytes()), Err(Malformed::Digest)),
                "{value}"
            );
        }
        let with = |more: &str| parse(value(&[&parts[..], &[more]].concat()).as_bytes());
        for other in [
            "algorithm=MD5-sess",
            "algorithm=SHA-512-256",
            "userhash=true",
        ] {
            assert!(matches!(with(other), Ok(Credentials::Other)), "{other}");
        }
        for wrong in [
            "algorithm=SHA-256",
            "username=\"again\"",
            "username*=UTF-8''x",
        ] {
            assert!(matches!(with(wrong), Err(Malformed::Digest)), "{wrong}");
        }
        let mut extended = parts;
        extended[0] = "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe";
        let name = named(&value(&extended)).map(|(name, _)| name);
        assert_eq!(name.as_deref(), Some("J\u{e4}s\u{f8}n Doe"));
        for control in [
            "username*=UTF-8''a%0Ab",
            "username*=UTF-8''a%C2%85b",
            "username*=UTF-8''%00",
            "username=\"a\tb\"",
            "username=\"a\u{85}b\"",
        ] {
            extended[0] = control;
            assert_eq!(named(&value(&extended)), None, "{control}");
        }
    }

    // hardening H26
    #[test]
    fn debug_shows_no_secret() {
        for value in [
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "Digest username=\"a\", realm=\"r\", uri=\"/\", nonce=\"n\", nc=00000001, cnonce=\"c\", qop=auth, \
             response=\"00112233445566778899aabbccddeeff\"",
        ] {
            let scheme = value.split(' ').next().unwrap();
            let credentials = parse(value.as_bytes()).unwrap();
            assert_eq!(format!("{credentials:?}"), scheme);
        }
    }

    // hardening H7
    #[test]
    fn what_is_too_long_or_no_text_is_not_read() {
        let long = format!("Basic {}", "A".repeat(AUTHORIZATION_BYTES_MAX));
        assert!(matches!(parse(long.as_bytes()), Err(Malformed::Length)));
        assert!(matches!(parse(b"Basic \xff"), Err(Malformed::Text)));
        assert!(matches!(parse(b"Bearer x"), Ok(Credentials::Other)));
        assert!(matches!(parse(b""), Ok(Credentials::Other)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
            let _ = parse(&[b"Basic ", &bytes[..]].concat());
            let _ = parse(&[b"Digest ", &bytes[..]].concat());
        }

        #[test]
        fn names_and_passwords_come_back(name in "[^:\\pC]*", password in "\\PC*") {
            let token = BASE64.encode(format!("{name}:{password}"));
            prop_assert_eq!(named(&format!("Basic {token}")), Some((name, Some(password))));
        }
    }
}
