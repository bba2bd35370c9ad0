//! The client's side: what a 401 or a 407 asks for, and what answers it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::digest::{Algorithm, Nonces, hex};
use crate::field::{PARAMETERS_MAX, spaces, token, value};
use crate::realm::quoted;

/// One challenge that can be answered (RFC 9110, section 11.6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(Asks);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Asks {
    Basic,
    Digest(Digest),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Digest {
    algorithm: Algorithm,
    /// Whether the algorithm was named: what was not is not named in the answer.
    names_algorithm: bool,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    stale: bool,
    utf8: bool,
}

impl Challenge {
    /// The strongest of those in `WWW-Authenticate` or `Proxy-Authenticate` fields that this user can answer: Digest with
    /// SHA-256, with MD5, then Basic. A name with a colon cannot go by Basic.
    ///
    /// A field that is not as RFC 9110 says counts for nothing, and so do schemes, algorithms and protections that are
    /// unknown here.
    #[must_use]
    pub fn strongest<'f>(fields: impl IntoIterator<Item = &'f [u8]>, name: &str) -> Option<Self> {
        fields
            .into_iter()
            .filter_map(|field| challenges(str::from_utf8(field).ok()?))
            .flatten()
            .filter_map(|stated| Self::read(&stated))
            .filter(|challenge| !(challenge.is_basic() && name.contains(':')))
            // Of equals the first: max_by_key would take the last.
            .reduce(|best, next| {
                if next.strength() > best.strength() {
                    next
                } else {
                    best
                }
            })
    }

    /// Whether it asks for the password itself.
    #[must_use]
    pub fn is_basic(&self) -> bool {
        self.0 == Asks::Basic
    }

    /// Whether only the nonce of the answer before was too old: the same credentials are to be tried again.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        matches!(&self.0, Asks::Digest(digest) if digest.stale)
    }

    /// The value of `Authorization` or `Proxy-Authorization` for a request with this method and target. `random` has to
    /// be new for each answer. `None` if the name or the password cannot be sent this way.
    #[must_use]
    pub fn answer(
        &self,
        name: &str,
        password: &str,
        method: &str,
        target: &str,
        random: [u8; 16],
    ) -> Option<String> {
        match &self.0 {
            Asks::Basic => basic(name, password),
            Asks::Digest(digest) => digest.answer(name, password, method, target, random),
        }
    }

    fn strength(&self) -> u8 {
        match &self.0 {
            Asks::Basic => 0,
            Asks::Digest(digest) if digest.algorithm == Algorithm::Md5 => 1,
            Asks::Digest(_) => 2,
        }
    }

    fn read(stated: &Stated<'_>) -> Option<Self> {
        if stated.scheme.eq_ignore_ascii_case("basic") {
            return Some(Self(Asks::Basic));
        }
        if !stated.scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let algorithm = stated.find("algorithm");
        let is_true = |value: &str| value.eq_ignore_ascii_case("true");
        let offers_auth = stated
            .find("qop")?
            .split(',')
            .any(|qop| qop.trim_matches([' ', '\t']).eq_ignore_ascii_case("auth"));
        let digest = Digest {
            algorithm: algorithm.map_or(Some(Algorithm::Md5), Algorithm::named)?,
            names_algorithm: algorithm.is_some(),
            realm: stated.find("realm")?.to_owned(),
            nonce: stated.find("nonce")?.to_owned(),
            opaque: stated.find("opaque").map(str::to_owned),
            stale: stated.find("stale").is_some_and(is_true),
            utf8: stated
                .find("charset")
                .is_some_and(|charset| charset.eq_ignore_ascii_case("utf-8")),
        };
        offers_auth.then_some(Self(Asks::Digest(digest)))
    }
}

impl Digest {
    /// RFC 7616, section 3.4.
    fn answer(
        &self,
        name: &str,
        password: &str,
        method: &str,
        target: &str,
        random: [u8; 16],
    ) -> Option<String> {
        if [name, password, target]
            .iter()
            .any(|text| text.chars().any(char::is_control))
        {
            return None;
        }
        let cnonce = hex(&random);
        let by = Nonces {
            nonce: &self.nonce,
            // Each answer is to a nonce of its own: its request has a connection of its own.
            nc: "00000001",
            cnonce: &cnonce,
        };
        let key = self.algorithm.key(name, &self.realm, password);
        let response = self.algorithm.response(&key, &by, method, target);
        let name = match name.is_ascii() || !self.utf8 {
            true => format!("username={}", quoted(name)),
            false => format!(
                "username*=UTF-8''{}",
                utf8_percent_encode(name, NON_ALPHANUMERIC)
            ),
        };
        let mut answer = format!(
            "Digest {name}, realm={}, nonce={}, uri={}, qop=auth, nc={}, cnonce=\"{cnonce}\", response=\"{response}\"",
            quoted(&self.realm),
            quoted(&self.nonce),
            quoted(target),
            by.nc,
        );
        if self.names_algorithm {
            answer.push_str(", algorithm=");
            answer.push_str(self.algorithm.name());
        }
        if let Some(opaque) = &self.opaque {
            answer.push_str(", opaque=");
            answer.push_str(&quoted(opaque));
        }
        Some(answer)
    }
}

/// The value of `Authorization` by Basic (RFC 7617), asked for or not. `None` if the name has a colon, or either has
/// control characters.
#[must_use]
pub fn basic(name: &str, password: &str) -> Option<String> {
    let text = format!("{name}:{password}");
    let can_go = !name.contains(':') && !text.chars().any(char::is_control);
    can_go.then(|| format!("Basic {}", STANDARD.encode(text)))
}

/// A challenge as it stands there.
struct Stated<'t> {
    scheme: &'t str,
    parameters: Vec<(&'t str, Cow<'t, str>)>,
}

impl Stated<'_> {
    fn find(&self, name: &str) -> Option<&str> {
        let mut all = self.parameters.iter();
        let found = all.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_ref())
    }
}

/// The challenges of one field: a scheme, and a token or parameters; both with commas between (RFC 9110, section
/// 11.6.1). `None` when the text breaks the grammar or has too many of either.
fn challenges(text: &str) -> Option<Vec<Stated<'_>>> {
    let mut all = Vec::new();
    let mut rest = commas(text);
    while !rest.is_empty() {
        if all.len() == CHALLENGES_MAX {
            return None;
        }
        let (scheme, after) = token(rest)?;
        if !(after.is_empty() || after.starts_with([' ', '\t', ','])) {
            return None;
        }
        let (parameters, after) = parameters_of_one(after)?;
        all.push(Stated { scheme, parameters });
        rest = commas(after);
    }
    Some(all)
}

type Parameters<'t> = Vec<(&'t str, Cow<'t, str>)>;

/// Parameters up to the next scheme, which is a token without a `=` behind it.
fn parameters_of_one(text: &str) -> Option<(Parameters<'_>, &str)> {
    let mut parameters = Parameters::new();
    if let Some(after) = after_token68(spaces(text)) {
        return Some((parameters, after));
    }
    let mut rest = text;
    loop {
        let at = commas(rest);
        let Some((name, after)) = token(at) else {
            return at.is_empty().then_some((parameters, at));
        };
        let Some(after) = spaces(after).strip_prefix('=') else {
            return Some((parameters, at));
        };
        let (value, after) = value(spaces(after))?;
        let is_known = parameters
            .iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name));
        rest = spaces(after);
        if is_known
            || parameters.len() == PARAMETERS_MAX
            || !(rest.is_empty() || rest.starts_with(','))
        {
            return None;
        }
        parameters.push((name, value));
    }
}

/// What follows a token68, if one is here: letters, digits and a few signs, then any number of `=`.
fn after_token68(text: &str) -> Option<&str> {
    let is_one = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b);
    let signs = text.bytes().take_while(|b| is_one(*b)).count();
    let after = text.get(signs..).filter(|_| signs > 0)?;
    let after = spaces(after.trim_start_matches('='));
    (after.is_empty() || after.starts_with(',')).then_some(after)
}

fn commas(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', ','])
}

const CHALLENGES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Begun, Guard, Realm, Secret, Verdict};

    fn strongest(fields: &[&str]) -> Option<Challenge> {
        Challenge::strongest(fields.iter().map(|field| field.as_bytes()), "ada")
    }

    fn named(fields: &[&str]) -> Option<(Option<Algorithm>, String)> {
        Some(match strongest(fields)?.0 {
            Asks::Basic => (None, String::new()),
            Asks::Digest(digest) => (Some(digest.algorithm), digest.nonce),
        })
    }

    // parity W3
    #[test]
    fn the_strongest_is_answered() {
        let md5 = r#"Digest realm="r", qop="auth,auth-int", nonce="1""#;
        let sha = r#"Digest realm="r", qop="auth", algorithm=SHA-256, nonce="2""#;
        let all = format!(r#"Negotiate, Basic realm="a, b", {md5}, NTLM TlR/MTVNT==, {sha}"#);
        let digest = |algorithm, nonce: &str| Some((Some(algorithm), nonce.to_owned()));
        for (fields, expected) in [
            (&["Basic realm=\"r\""][..], Some((None, String::new()))),
            (&["basic"], Some((None, String::new()))),
            (&[md5], digest(Algorithm::Md5, "1")),
            (&["Basic realm=r", md5], digest(Algorithm::Md5, "1")),
            (&[sha, md5], digest(Algorithm::Sha256, "2")),
            (&[md5, sha], digest(Algorithm::Sha256, "2")),
            (&[&all], digest(Algorithm::Sha256, "2")),
            (
                &["Bearer realm=x", "Basic realm=\"\u{e9}\""],
                Some((None, String::new())),
            ),
            (&[r#"Digest realm="r", qop="auth-int", nonce="1""#], None),
            (&[r#"Digest realm="r", nonce="1""#], None),
            (&[r#"Digest realm="r", qop=auth"#], None),
            (
                &[r#"Digest realm="r", qop=auth, nonce=1, algorithm=MD5-sess"#],
                None,
            ),
            (
                &[r#"Digest realm="r", nonce="1", nonce="2", qop=auth"#],
                None,
            ),
            (&["Bearer x", "NTLM", ""], None),
            (&["Basic realm=\"r", "Basic/x", "=", "Basic a=b c=d"], None),
        ] {
            assert_eq!(named(fields), expected, "{fields:?}");
        }
        let colon = Challenge::strongest([&b"Basic realm=r"[..]], "a:b");
        assert_eq!(colon, None);
    }

    // parity W3
    #[test]
    fn the_example_of_the_rfc() {
        let field = r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#;
        let challenge = strongest(&[field]).unwrap();
        let answer = challenge.answer(
            "Mufasa",
            "Circle of Life",
            "GET",
            "/dir/index.html",
            [7; 16],
        );
        let answer = answer.unwrap();
        for part in [
            r#"Digest username="Mufasa", realm="http-auth@example.org""#,
            r#"uri="/dir/index.html", qop=auth, nc=00000001"#,
            "algorithm=SHA-256",
            r#"opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#,
        ] {
            assert!(answer.contains(part), "{answer}");
        }
    }

    // parity W3, hardening H7
    #[test]
    fn challenges_are_bounded_in_number() {
        let many = "Basic, ".repeat(CHALLENGES_MAX);
        assert!(strongest(&[&many]).is_some());
        assert!(strongest(&[&format!("{many}Basic")]).is_none());
    }

    // hardening H17
    #[test]
    fn nothing_that_breaks_a_line_is_in_an_answer() {
        let digest = strongest(&[r#"Digest realm="r", qop=auth, nonce=1"#]).unwrap();
        for challenge in [strongest(&["Basic"]).unwrap(), digest] {
            for bad in ["a\r\nb", "a\0", "\u{85}"] {
                assert_eq!(challenge.answer(bad, "p", "GET", "/", [0; 16]), None);
                assert_eq!(challenge.answer("n", bad, "GET", "/", [0; 16]), None);
            }
        }
        assert_eq!(basic("a:b", "c"), None);
    }

    proptest! {
        // parity W3
        #[test]
        fn our_own_guard_takes_the_answer(
            name in "[^\\pC:]{1,20}",
            password in "\\PC{0,20}",
            realm in "[^\\pC]{1,20}",
            basic: bool,
            sha: bool,
        ) {
            let realm: Realm = realm.parse().unwrap();
            let guard = match basic {
                true => Guard::basic(realm),
                false => Guard::digest(realm, [1; 32], 1000),
            };
            let algorithm = if sha { Algorithm::Sha256 } else { Algorithm::Md5 };
            let fields = guard.challenges(&[algorithm], false, 5);
            let fields = fields.iter().map(String::as_bytes);
            let challenge = Challenge::strongest(fields, &name).unwrap();
            prop_assert!(!challenge.is_stale());
            for (given, verdict) in [(password.clone(), Verdict::Proved), (format!("{password}x"), Verdict::Failed)] {
                let answer = challenge.answer(&name, &given, "GET", "/a?b=\"", [3; 16]).unwrap();
                let Begun::Attempt(attempt) = guard.begin(answer.as_bytes(), &["GET"], "/a?b=\"", "localhost").unwrap() else {
                    panic!("{answer}");
                };
                prop_assert_eq!(attempt.name(), &name);
                prop_assert_eq!(guard.finish(&attempt, &Secret::plain(&password), 6), verdict);
            }
        }

        // hardening H7
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*", params in "([a-z]{1,3}[ =,]{1,2}\"?[a-z]*\"?,? ?)*") {
            let _ = strongest(&[&text, &params, &format!("Digest {params}")]);
        }
    }
}
