//! Knows the users of a login: its configuration has an entry for each, `NAME = "HASH ROLE ROLE"`. No service, but what
//! `component` of an `[auth.NAME]` names.

use wasket_guest::{Credentials, Principal, Secret, config};

struct Login;

impl Credentials for Login {
    fn find(_realm: &str, name: &str) -> Option<(Secret, Principal)> {
        user(name, &config::get(name)?)
    }
}

wasket_guest::export!(Login as Credentials);

/// What an entry says of a user.
fn user(name: &str, entry: &str) -> Option<(Secret, Principal)> {
    let mut words = entry.split_whitespace();
    let hash = words.next()?;
    let mut principal = Principal::new(name);
    principal.roles = words.map(str::to_owned).collect();
    Some((Secret::Hashed(hash.to_owned()), principal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_hash_and_roles() {
        let (secret, ada) = user("ada", "$2y$10$hash admin  chat").expect("a user");
        assert_eq!(secret, Secret::Hashed("$2y$10$hash".into()));
        assert_eq!((ada.name.as_str(), ada.roles.len()), ("ada", 2));
        assert_eq!(user("bob", "hash").map(|(_, bob)| bob.roles.len()), Some(0));
        assert!(user("eve", " ").is_none());
    }
}
