//! The files of users: htpasswd, htdigest, and roles. A line each; empty ones and those that begin with `#` count
//! for nothing, and so does the mark that some editors put before the first line.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::{Algorithm, HashLimits, Realm, Secret, SecretError};

/// Users and what is kept of their passwords.
#[derive(Debug, Default)]
pub struct UserTable {
    /// Sorted by name.
    users: Vec<(Box<str>, Secret)>,
    algorithms: Vec<Algorithm>,
}

/// What users may act as.
#[derive(Debug, Default)]
pub struct RoleTable {
    /// Sorted by name.
    roles: Vec<(Box<str>, Vec<String>)>,
}

/// The operator's mistake in a file. What is said of it shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMistake {
    line: usize,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Secret(SecretError),
    User,
    Key,
    Roles,
    Twice,
    Realm(Realm),
}

impl UserTable {
    /// Reads `name:hash` lines, as `htpasswd` writes them.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn htpasswd(text: &str) -> Result<Self, FileMistake> {
        let mut users = Vec::new();
        for (line, text) in lines(text) {
            let mistake = |what| FileMistake { line, what };
            let (name, hash) = text.split_once(':').ok_or(mistake(What::User))?;
            let name = name_of(name).ok_or(mistake(What::User))?;
            let secret = Secret::hash(hash, HashLimits::OPERATOR);
            let secret = secret.map_err(|error| mistake(What::Secret(error)))?;
            users.push((line, name, secret));
        }
        Self::sorted(users, |_, _| false)
    }

    /// Reads the `name:realm:digits` lines of one realm, as `htdigest` writes them: 32 hexadecimal digits for MD5, 64
    /// for SHA-256. A user may have one of each.
    ///
    /// # Errors
    /// The first line that is wrong; when there are lines, and none for this realm.
    pub fn htdigest(text: &str, realm: &Realm) -> Result<Self, FileMistake> {
        let mut users = Vec::new();
        let mut last = None;
        for (line, text) in lines(text) {
            let mistake = |what| FileMistake { line, what };
            let parts = text
                .split_once(':')
                .and_then(|(name, rest)| Some((name, rest.rsplit_once(':')?)));
            let (name, (of, digits)) = parts.ok_or(mistake(What::Key))?;
            let name = name_of(name).ok_or(mistake(What::Key))?;
            let (secret, _) = Secret::key(digits).map_err(|e| mistake(What::Secret(e)))?;
            if of == realm.as_str() {
                users.push((line, name, secret));
            }
            last = Some(line);
        }
        match last {
            Some(line) if users.is_empty() => Err(FileMistake {
                line,
                what: What::Realm(realm.clone()),
            }),
            _ => Self::sorted(users, Secret::join),
        }
    }

    /// `join` puts a second secret of a user into the first, or says that there may be none.
    fn sorted(
        mut lines: Vec<(usize, Box<str>, Secret)>,
        join: impl Fn(&mut Secret, &Secret) -> bool,
    ) -> Result<Self, FileMistake> {
        lines.sort_by(|a, b| a.1.cmp(&b.1));
        let mut users: Vec<(Box<str>, Secret)> = Vec::with_capacity(lines.len());
        for (line, name, secret) in lines {
            match users.last_mut() {
                Some((last, first)) if *last == name => {
                    if !join(first, &secret) {
                        let what = What::Twice;
                        return Err(FileMistake { line, what });
                    }
                }
                _ => users.push((name, secret)),
            }
        }
        Ok(Self {
            algorithms: algorithms(&users),
            users,
        })
    }

    /// How many users there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The secret of a user.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Secret> {
        let at = self
            .users
            .binary_search_by(|(other, _)| (**other).cmp(name));
        self.users.get(at.ok()?).map(|(_, secret)| secret)
    }

    /// What to compare with for a name that is unknown: the secret of some user, the same one for the same name, so
    /// that it takes as long as for a user. `None` without any users.
    #[must_use]
    pub fn decoy(&self, name: &str) -> Option<&Secret> {
        let hash = Sha256::digest(name.as_bytes());
        let number = hash.first_chunk().copied().map(u64::from_be_bytes)?;
        let count = u64::try_from(self.users.len()).ok()?;
        let at = usize::try_from(number.checked_rem(count)?).ok()?;
        self.users.get(at).map(|(_, secret)| secret)
    }

    /// What Digest can be computed with for every user, the stronger first. Where users differ, all that some have.
    #[must_use]
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }
}

/// Looked for once, since every challenge asks.
fn algorithms(users: &[(Box<str>, Secret)]) -> Vec<Algorithm> {
    let with = |all: bool| -> Vec<Algorithm> {
        let serves = |a: Algorithm| move |(_, secret): &(_, Secret)| secret.serves(a);
        let candidates = [Algorithm::Sha256, Algorithm::Md5].into_iter();
        candidates
            .filter(|a| match all {
                true => users.iter().all(serves(*a)),
                false => users.iter().any(serves(*a)),
            })
            .collect()
    };
    let common = with(true);
    if common.is_empty() {
        with(false)
    } else {
        common
    }
}

impl RoleTable {
    /// Reads `name: role role` lines.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Self, FileMistake> {
        let mut all: Vec<(usize, Box<str>, Vec<String>)> = Vec::new();
        for (line, text) in lines(text) {
            let mistake = FileMistake {
                line,
                what: What::Roles,
            };
            let (name, roles) = text.split_once(':').ok_or(mistake.clone())?;
            let name = name_of(name.trim()).ok_or(mistake)?;
            let roles = roles.split_whitespace().map(str::to_owned).collect();
            all.push((line, name, roles));
        }
        all.sort_by(|a, b| a.1.cmp(&b.1));
        let twice = all.windows(2).find_map(|pair| match pair {
            [a, b] if a.1 == b.1 => Some(b.0),
            _ => None,
        });
        match twice {
            Some(line) => Err(FileMistake {
                line,
                what: What::Twice,
            }),
            None => Ok(Self {
                roles: all
                    .into_iter()
                    .map(|(_, name, roles)| (name, roles))
                    .collect(),
            }),
        }
    }

    /// The roles of a user.
    #[must_use]
    pub fn of(&self, name: &str) -> &[String] {
        let at = self
            .roles
            .binary_search_by(|(other, _)| (**other).cmp(name));
        let found = at.ok().and_then(|at| self.roles.get(at));
        found.map_or(&[], |(_, roles)| roles)
    }
}

/// The lines that count, numbered from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .lines()
        .enumerate();
    numbered
        .map(|(number, line)| (number + 1, line.trim_end()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn name_of(name: &str) -> Option<Box<str>> {
    (!name.is_empty() && !name.chars().any(char::is_control)).then(|| name.into())
}

impl FileMistake {
    /// Where it is, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for FileMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Secret(error) => write!(f, "{error}"),
            What::User => f.write_str("expected name:hash, as `htpasswd -B` writes it"),
            What::Key => f.write_str("expected name:realm:digits, as `htdigest` writes it"),
            What::Roles => f.write_str("expected name: role role"),
            What::Twice => f.write_str("this user is given twice"),
            What::Realm(realm) => {
                write!(
                    f,
                    "neither this line nor one before it is for the realm \"{realm}\""
                )
            }
        }
    }
}

impl std::error::Error for FileMistake {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHA: &str = "{SHA}y/waJdy9m/a+D8VTRQ/e2awAzpQ=";

    fn realm() -> Realm {
        "staff: only".parse().unwrap()
    }

    // parity S2
    #[test]
    fn htpasswd_lines_are_users() {
        let text = format!("# staff\n\nbob:{SHA}\r\nada:{SHA}\n");
        let table = UserTable::htpasswd(&text).unwrap();
        assert_eq!(table.len(), 2);
        assert!(table.find("ada").is_some() && table.find("bob").is_some());
        assert!(table.find("eve").is_none() && table.find("").is_none());
        assert!(table.decoy("eve").is_some());
        let marked = UserTable::htpasswd(&format!("\u{feff}ada:{SHA}")).unwrap();
        assert!(marked.find("ada").is_some());
        assert!(UserTable::default().decoy("eve").is_none());
    }

    // hardening H30
    #[test]
    fn mistakes_say_where_they_are_and_show_no_secret() {
        for (text, line, what) in [
            (format!("ada:{SHA}\n\nbob:secret\n"), 3, "a plain password"),
            ("ada\n".into(), 1, "expected name:hash"),
            (format!(":{SHA}"), 1, "expected name:hash"),
            (format!("ada:{SHA}\nada:{SHA}"), 2, "given twice"),
            ("#\nada:rqXexS6ZhobKA".into(), 2, "crypt(3)"),
        ] {
            let mistake = UserTable::htpasswd(&text).unwrap_err();
            assert_eq!(mistake.line(), line, "{text}");
            let said = mistake.to_string();
            assert!(said.contains(what) && !said.contains("secret"), "{said}");
        }
        let key = "0".repeat(32);
        for (text, line, what) in [
            ("ada:staff".to_owned(), 1, "name:realm:digits"),
            (format!("ada:staff: only:{key}0"), 1, "hexadecimal digits"),
            (
                format!("ada:other:{key}"),
                1,
                "for the realm \"staff: only\"",
            ),
            (
                format!("a:staff: only:{key}\na:staff: only:{key}"),
                2,
                "given twice",
            ),
        ] {
            let mistake = UserTable::htdigest(&text, &realm()).unwrap_err();
            assert_eq!(mistake.line(), line, "{text}");
            assert!(mistake.to_string().contains(what), "{mistake}");
        }
        assert_eq!(RoleTable::parse("a: b\nc").unwrap_err().line(), 2);
        assert_eq!(RoleTable::parse("a: b\na: c").unwrap_err().line(), 2);
    }

    // parity S2
    #[test]
    fn sha_256_is_offered_where_every_user_has_it() {
        let (md5, sha256) = ("0".repeat(32), "0".repeat(64));
        let of = |lines: &[(&str, &str)]| {
            let lines = lines
                .iter()
                .map(|(name, key)| format!("{name}:staff: only:{key}\n"));
            let text: String = lines.chain([format!("eve:other:{md5}")]).collect();
            let table = UserTable::htdigest(&text, &realm()).unwrap();
            table.algorithms().to_vec()
        };
        use Algorithm::{Md5, Sha256};
        assert_eq!(of(&[("a", &md5)]), [Md5]);
        assert_eq!(of(&[("a", &sha256)]), [Sha256]);
        assert_eq!(of(&[("a", &md5), ("a", &sha256)]), [Sha256, Md5]);
        assert_eq!(of(&[("a", &md5), ("a", &sha256), ("b", &md5)]), [Md5]);
        assert_eq!(of(&[("a", &md5), ("b", &sha256)]), [Sha256, Md5]);
    }

    #[test]
    fn roles_are_words() {
        let table = RoleTable::parse("# roles\nada: admin  chat\nbob:\n").unwrap();
        assert_eq!(table.of("ada"), ["admin", "chat"]);
        assert!(table.of("bob").is_empty() && table.of("eve").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_at_a_line_of_it(text in "[a:{}$#\\n\\PC]*") {
            let count = text.lines().count();
            let mistakes = [
                UserTable::htpasswd(&text).err(),
                UserTable::htdigest(&text, &realm()).err(),
                RoleTable::parse(&text).err(),
            ];
            for mistake in mistakes.into_iter().flatten() {
                prop_assert!((1..=count).contains(&mistake.line()));
            }
        }
    }
}
