use std::fmt;

use crate::Mistake;

/// A name and a password. Its `Debug` shows no password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) name: Box<str>,
    pub(crate) password: Box<str>,
}

impl Credentials {
    /// Neither may have control characters (RFC 7617 section 2).
    pub(crate) fn new(name: &str, password: &str) -> Result<Self, Mistake> {
        if [name, password]
            .iter()
            .any(|text| text.chars().any(char::is_control))
        {
            return Err(Mistake::Credentials);
        }
        Ok(Self {
            name: name.into(),
            password: password.into(),
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
