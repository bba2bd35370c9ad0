use crate::digest::{Algorithm, Response};
use crate::header::{self, Credentials, Malformed};
use crate::nonce::{Nonces, Use};
use crate::secret::Uncompared;
use crate::{Realm, Secret, target};

/// Asks who comes to one realm, by one scheme. Shared by all requests to it: it knows which nonces were used.
pub struct Guard {
    realm: Realm,
    by: By,
}

enum By {
    Basic,
    Digest(Nonces),
}

/// How a client shows that it knows a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// It sends the password (RFC 7617).
    Basic,
    /// It sends a hash that is good for one request (RFC 7616).
    Digest,
}

impl Scheme {
    /// Its name in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Digest => "digest",
        }
    }
}

/// What a request says of itself.
#[derive(Debug)]
pub enum Begun {
    /// Nothing that was asked for: it is to be challenged, and that is no failed attempt.
    Anonymous,
    /// That it is this user, which is to be proved against the user's secret.
    Attempt(Attempt),
}

/// A name and what is to prove it.
#[derive(Debug)]
pub struct Attempt {
    name: String,
    proof: Proof,
}

enum Proof {
    Password(String),
    Response {
        uri: String,
        methods: Vec<String>,
        response: Response,
    },
}

/// What an attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the user.
    Proved,
    /// The password is right, the nonce too old: the client is to try again, with another and without asking anybody.
    Stale,
    /// It is not, or is what an earlier request was.
    Failed,
    /// It cannot be said: there is no memory for comparing.
    Uncompared,
}

impl Guard {
    /// Asks for a name and a password.
    #[must_use]
    pub fn basic(realm: Realm) -> Self {
        Self {
            realm,
            by: By::Basic,
        }
    }

    /// Asks for a response to a nonce. Nonces are sealed with this key, which is to be random, and last so many
    /// milliseconds.
    #[must_use]
    pub fn digest(realm: Realm, key: [u8; 32], nonce_lifetime_ms: u64) -> Self {
        Self {
            realm,
            by: By::Digest(Nonces::new(key, nonce_lifetime_ms)),
        }
    }

    /// How it asks.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        match self.by {
            By::Basic => Scheme::Basic,
            By::Digest(_) => Scheme::Digest,
        }
    }

    /// What for.
    #[must_use]
    pub fn realm(&self) -> &Realm {
        &self.realm
    }

    /// Reads the `Authorization` of a request with one of these methods, as its sender may see it, and this target, sent to
    /// this host and port. Which algorithms were offered only the caller knows: see [`Attempt::algorithm`].
    ///
    /// # Errors
    /// When it cannot be read, or was made for another target (RFC 7616, section 3.4.6): a 400.
    pub fn begin(
        &self,
        authorization: &[u8],
        methods: &[&str],
        target: &str,
        authority: &str,
    ) -> Result<Begun, Malformed> {
        let (name, proof) = match (header::parse(authorization)?, self.scheme()) {
            (Credentials::Basic { name, password }, Scheme::Basic) => {
                (name, Proof::Password(password))
            }
            (Credentials::Digest(digest), Scheme::Digest)
                if digest.realm == self.realm.as_str() =>
            {
                if !target::is_requested(&digest.uri, target, authority) {
                    return Err(Malformed::Target);
                }
                let proof = Proof::Response {
                    uri: digest.uri,
                    methods: methods.iter().map(|&method| method.into()).collect(),
                    response: digest.response,
                };
                (digest.name, proof)
            }
            _ => return Ok(Begun::Anonymous),
        };
        if name.is_empty() {
            return Ok(Begun::Anonymous);
        }
        Ok(Begun::Attempt(Attempt { name, proof }))
    }

    /// Compares with the user's secret; for an unknown name with that of another, so that it takes as long, and the
    /// verdict is the caller's then. Slow where [`Attempt::is_slow`] says so. `now_ms` is the time of
    /// [`challenges`](Self::challenges).
    #[must_use]
    pub fn finish(&self, attempt: &Attempt, secret: &Secret, now_ms: u64) -> Verdict {
        let (name, realm) = (attempt.name.as_str(), self.realm.as_str());
        match (&attempt.proof, &self.by) {
            (Proof::Password(password), By::Basic) => match secret.is(name, realm, password) {
                Ok(true) => Verdict::Proved,
                Ok(false) => Verdict::Failed,
                Err(Uncompared) => Verdict::Uncompared,
            },
            (
                Proof::Response {
                    uri,
                    methods,
                    response,
                },
                By::Digest(nonces),
            ) => match secret.key_for(response.algorithm, name, realm) {
                Some(key) if methods.iter().any(|it| response.is_by(&key, it, uri)) => {
                    match nonces.spend(&response.nonce, response.count(), now_ms) {
                        Use::Fresh => Verdict::Proved,
                        Use::Stale => Verdict::Stale,
                        Use::Replayed => Verdict::Failed,
                    }
                }
                _ => Verdict::Failed,
            },
            _ => Verdict::Failed,
        }
    }

    /// The `WWW-Authenticate` fields of a 401: for Digest one for each of these algorithms, in this order.
    #[must_use]
    pub fn challenges(&self, algorithms: &[Algorithm], stale: bool, now_ms: u64) -> Vec<String> {
        let realm = self.realm.quoted();
        match &self.by {
            By::Basic => vec![format!("Basic realm={realm}, charset=\"UTF-8\"")],
            By::Digest(nonces) => {
                let stale = if stale { ", stale=true" } else { "" };
                let nonce = nonces.issue(now_ms);
                let challenge = |algorithm: &Algorithm| {
                    format!(
                        "Digest realm={realm}, qop=\"auth\", algorithm={}, nonce=\"{nonce}\", charset=UTF-8{stale}",
                        algorithm.name()
                    )
                };
                algorithms.iter().map(challenge).collect()
            }
        }
    }
}

impl Attempt {
    /// Who it says it is. Not empty, and whatever a client wrote otherwise.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the client has computed with: one that it chose. `None` for Basic.
    #[must_use]
    pub fn algorithm(&self) -> Option<Algorithm> {
        match &self.proof {
            Proof::Password(_) => None,
            Proof::Response { response, .. } => Some(response.algorithm),
        }
    }

    /// Whether to compare with this secret takes milliseconds, on purpose.
    #[must_use]
    pub fn is_slow(&self, secret: &Secret) -> bool {
        matches!(self.proof, Proof::Password(_)) && secret.is_slow()
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Password(_) => "Password",
            Self::Response { .. } => "Response",
        })
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard")
            .field("scheme", &self.scheme())
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm() -> Realm {
        "http-auth@example.org".parse().unwrap()
    }

    fn attempt(guard: &Guard, authorization: &str) -> Attempt {
        match guard.begin(authorization.as_bytes(), &["GET"], "/dir/index.html", "h:1") {
            Ok(Begun::Attempt(attempt)) => attempt,
            other => panic!("{other:?}"),
        }
    }

    // parity S2
    #[test]
    fn basic_proves_a_password() {
        let guard = Guard::basic(realm());
        assert_eq!(
            guard.challenges(&[], true, 0),
            ["Basic realm=\"http-auth@example.org\", charset=\"UTF-8\""]
        );
        let attempt = attempt(&guard, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!((attempt.name(), attempt.algorithm()), ("Aladdin", None));
        let verdict = |password| guard.finish(&attempt, &Secret::plain(password), 0);
        assert_eq!(verdict("open sesame"), Verdict::Proved);
        assert_eq!(verdict("open sesam"), Verdict::Failed);
        assert!(!format!("{attempt:?}").contains("sesame"));
        for other in ["Digest username=\"a\"", "Basic OnB3", "Bearer x", ""] {
            let begun = guard.begin(other.as_bytes(), &["GET"], "/", "");
            assert!(
                matches!(begun, Ok(Begun::Anonymous) | Err(Malformed::Digest)),
                "{begun:?}"
            );
        }
    }

    /// The credentials that a client answers a challenge with.
    fn answer(challenge: &str, password: &str, count: u32) -> String {
        answer_for("/dir/index.html", challenge, password, count)
    }

    fn answer_for(uri: &str, challenge: &str, password: &str, count: u32) -> String {
        let part = |name: &str| {
            let (_, rest) = challenge.split_once(&format!("{name}=")).unwrap();
            rest.split(',').next().unwrap().trim_matches('"').to_owned()
        };
        let nonce = part("nonce");
        let algorithm = Algorithm::named(&part("algorithm")).unwrap();
        let key = algorithm.key("Mufasa", "http-auth@example.org", password);
        let request = algorithm.hash(&["GET", uri]);
        let nc = format!("{count:08x}");
        let response = algorithm.hash(&[&key, &nonce, &nc, "cnonce", "auth", &request]);
        format!(
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"{uri}\", \
             algorithm={}, nonce=\"{nonce}\", nc={nc}, cnonce=\"cnonce\", qop=auth, response=\"{response}\"",
            algorithm.name()
        )
    }

    // parity S2, hardening H26
    #[test]
    fn digest_proves_a_password_once_for_each_count() {
        let guard = Guard::digest(realm(), [1; 32], 1000);
        let plain = Secret::plain("Circle of Life");
        let challenges = guard.challenges(&[Algorithm::Sha256, Algorithm::Md5], false, 0);
        assert_eq!(challenges.len(), 2);
        assert!(challenges[0].contains("algorithm=SHA-256") && !challenges[0].contains("stale"));
        let finish = |challenge: &str, password, count, now_ms| {
            let attempt = attempt(&guard, &answer(challenge, password, count));
            let algorithm = attempt.algorithm().unwrap();
            assert!(challenge.contains(&format!("algorithm={},", algorithm.name())));
            guard.finish(&attempt, &plain, now_ms)
        };
        let right = "Circle of Life";
        assert_eq!(finish(&challenges[0], right, 1, 0), Verdict::Proved);
        assert_eq!(finish(&challenges[0], right, 1, 0), Verdict::Failed);
        // Both challenges have one nonce.
        assert_eq!(finish(&challenges[1], right, 1, 0), Verdict::Failed);
        assert_eq!(finish(&challenges[1], "wrong", 2, 0), Verdict::Failed);
        assert_eq!(finish(&challenges[1], right, 2, 0), Verdict::Proved);
        assert_eq!(finish(&challenges[1], right, 3, 1000), Verdict::Stale);
        assert_eq!(finish(&challenges[1], "wrong", 3, 1000), Verdict::Failed);
        let stale = guard.challenges(&[Algorithm::Md5], true, 1000);
        assert!(stale[0].ends_with(", stale=true"), "{stale:?}");
        assert_eq!(finish(&stale[0], right, 1, 1000), Verdict::Proved);
        let absolute = answer_for("ws://H:1/dir/index.html", &stale[0], right, 2);
        let verdict = guard.finish(&attempt(&guard, &absolute), &plain, 1000);
        assert_eq!(verdict, Verdict::Proved);
    }

    // RFC 7616, section 3.9.1: read whole. Its nonce is none of ours.
    #[test]
    fn the_example_of_the_rfc_is_stale_here() {
        let guard = Guard::digest(realm(), [1; 32], 1000);
        let example = "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
             algorithm=MD5, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
             cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, \
             response=\"8ca523f5e9506fed4657c9700eebdbec\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        let attempt = attempt(&guard, example);
        let verdict = |password| guard.finish(&attempt, &Secret::plain(password), 0);
        assert_eq!(verdict("Circle of Life"), Verdict::Stale);
        assert_eq!(verdict("Circle of Lies"), Verdict::Failed);
        let keys = Secret::key(&"0".repeat(64)).unwrap().0;
        assert_eq!(guard.finish(&attempt, &keys, 0), Verdict::Failed);
        let elsewhere = guard.begin(example.as_bytes(), &["GET"], "/dir/index.html?", "h:1");
        assert_eq!(elsewhere.unwrap_err(), Malformed::Target);
        let other = Guard::digest("other".parse().unwrap(), [1; 32], 1000);
        let begun = other.begin(example.as_bytes(), &["GET"], "/dir/index.html", "h:1");
        assert!(matches!(begun, Ok(Begun::Anonymous)), "{begun:?}");
    }
}
