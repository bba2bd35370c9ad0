use super::Invalid;
use std::fmt;
use std::str::FromStr;

/// A path in a component's own tree: absolute, and written in one way only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GuestPath(String);

impl GuestPath {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GuestPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some(names) = text.strip_prefix('/') else {
            return Err(Invalid::GuestPath(
                "expected an absolute path, such as \"/data\"",
            ));
        };
        let wrong = |name: &str| matches!(name, "" | "." | "..");
        if !names.is_empty() && names.split('/').any(wrong) {
            return Err(Invalid::GuestPath(
                "write it without \".\", \"..\", \"//\" and a slash at the end",
            ));
        }
        if text.len() > BYTES_MAX || text.chars().any(char::is_control) {
            return Err(Invalid::GuestPath(
                "expected at most 255 bytes, and no control characters",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for GuestPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_and_have_one_spelling() {
        for text in ["/", "/data", "/data/a b/.c", "/..data"] {
            assert_eq!(text.parse::<GuestPath>().unwrap().as_str(), text);
        }
        let long = format!("/{}", "a".repeat(255));
        for text in [
            "", "data", "./data", "//", "/data/", "/a//b", "/./a", "/a/..", "/a\0b", "/a\nb", &long,
        ] {
            assert!(text.parse::<GuestPath>().is_err(), "{text:?}");
        }
    }
}
