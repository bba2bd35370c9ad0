//! `[auth.NAME]`, and who names it.

use super::{Files, Reader};
use crate::mistake::{
    auth_of_nobody, beside_nothing, no_auth, no_scheme, no_users, not_a_table, roles_of_nobody,
    twice, two_sources, unknown_auth,
};
use crate::plan::{Algorithm, Auth, Limits, Login, Scheme, UserComponent, Users};
use crate::problem::shown;
use crate::settings::Section;
use crate::typed::{Placed, Typed, not_valid};
use crate::value::{AuthName, Invalid};
use std::str::FromStr;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// The logins of a file.
#[derive(Default)]
pub(super) struct Auths {
    declared: Vec<Declared>,
    /// Every listener has one.
    pub(super) everywhere: bool,
}

struct Declared {
    name: Placed<String>,
    /// `None` when it has mistakes.
    auth: Option<Auth>,
    used: bool,
}

impl<'t> Reader<'t> {
    pub(super) fn auths(
        &self,
        root: &'t DeTable<'t>,
        defaults: &Limits,
        files: &mut Files,
    ) -> Auths {
        let mut auths = Auths::default();
        let Some(value) = root.get("auth") else {
            return auths;
        };
        let Some(table) = value.get_ref().as_table() else {
            self.mistakes.add(not_a_table("auth", "[auth.NAME]", value));
            return auths;
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (key, value) in entries {
            let auth = self.auth(key, value, defaults, files);
            auths.declared.push(Declared {
                name: Placed {
                    value: key.get_ref().clone().into_owned(),
                    span: key.span(),
                },
                auth,
                used: false,
            });
        }
        auths
    }

    fn auth(
        &self,
        key: &'t Spanned<DeString<'t>>,
        value: &'t Spanned<DeValue<'t>>,
        defaults: &Limits,
        files: &mut Files,
    ) -> Option<Auth> {
        let Some(table) = value.get_ref().as_table() else {
            self.mistakes
                .add(not_a_table(key.get_ref(), "[auth.NAME]", value));
            return None;
        };
        let head = format!("[auth.{}]", shown(key.get_ref()));
        let typed = Typed::new(&[Section::Auth], &head, table, self.mistakes);
        let name = AuthName::from_str(key.get_ref()).map_err(|invalid| {
            let mistake = not_valid(key.get_ref(), key.span(), invalid);
            self.mistakes.add(mistake);
        });
        let scheme = typed.choice("scheme", Scheme::named);
        if typed.place("scheme").is_none() {
            self.mistakes.add(no_scheme(key));
        }
        let realm = typed.text("realm", realm).map(|realm| realm.value);
        let users = self.users(&typed, key, defaults, files);
        let algorithms = self.algorithms(&typed);
        let mut nonce_lifetime = Duration::from_secs(5 * 60);
        typed.time("nonce_lifetime", &mut nonce_lifetime);
        let mut failures_per_minute_max = Some(20);
        typed.limit("failures_per_minute_max", &mut failures_per_minute_max);
        if scheme == Some(Scheme::Basic) {
            for key in ["algorithms", "nonce_lifetime"] {
                self.says_nothing(&typed, key, "scheme", "this is \"basic\"");
            }
        }
        let name = name.ok()?;
        Some(Auth {
            realm: realm.unwrap_or_else(|| name.to_string()),
            name,
            scheme: scheme?,
            users: users?,
            algorithms,
            nonce_lifetime,
            failures_per_minute_max,
        })
    }

    fn users(
        &self,
        typed: &Typed<'_>,
        key: &Spanned<DeString<'_>>,
        defaults: &Limits,
        files: &mut Files,
    ) -> Option<Users> {
        let users = self.file(typed, "users", "the file of users", files);
        let roles = self.file(typed, "roles", "the file of roles", files);
        let component = self.file(typed, "component", "the component", files);
        let sha256 = typed
            .text("sha256", FromStr::from_str)
            .map(|digest| digest.value);
        let config = typed.pairs("config").into_iter();
        let config = config.map(|(key, value)| (key.value, value.value));
        match (typed.place("users"), typed.place("component")) {
            (None, None) => self.mistakes.add(no_users(key)),
            (Some(users), Some(component)) => self.mistakes.add(two_sources(component, users)),
            (Some(_), None) => {
                for key in ["sha256", "config"] {
                    self.says_nothing(typed, key, "users", "users are in a file");
                }
            }
            (None, Some(_)) => {
                self.says_nothing(typed, "roles", "component", "the component says the roles");
            }
        }
        match (users, component) {
            (Some(users), _) => Some(Users::Files { users, roles }),
            (None, component) => Some(Users::Component(Box::new(UserComponent {
                file: component?,
                sha256,
                config: config.collect(),
                limits: defaults.clone(),
            }))),
        }
    }

    /// A setting that means nothing beside another.
    fn says_nothing(&self, typed: &Typed<'_>, key: &str, beside: &str, label: &str) {
        if let (Some(place), Some(other)) = (typed.place(key), typed.place(beside)) {
            self.mistakes.add(beside_nothing(key, place, other, label));
        }
    }

    fn algorithms(&self, typed: &Typed<'_>) -> Option<Vec<Algorithm>> {
        let mut algorithms: Vec<Placed<Algorithm>> = Vec::new();
        for algorithm in typed.texts("algorithms", |text| {
            Algorithm::named(text).ok_or(Invalid::Algorithm("expected \"SHA-256\" or \"MD5\""))
        }) {
            match algorithms
                .iter()
                .find(|other| other.value == algorithm.value)
            {
                None => algorithms.push(algorithm),
                Some(first) => {
                    let mistake = twice("algorithm", algorithm.value.name(), &algorithm, first);
                    self.mistakes.add(mistake);
                }
            }
        }
        let algorithms: Vec<_> = algorithms
            .into_iter()
            .map(|algorithm| algorithm.value)
            .collect();
        (!algorithms.is_empty()).then_some(algorithms)
    }

    /// The login that a listener names.
    pub(super) fn auth_of(&self, typed: &Typed<'_>, auths: &mut Auths) -> Option<AuthName> {
        let named = typed.text("auth", |text| Ok(text.to_owned()))?;
        self.named(&named, auths)
    }

    /// The login that a service names, and the roles that it wants.
    pub(super) fn access(
        &self,
        typed: &Typed<'_>,
        service: &Spanned<DeString<'_>>,
        auths: &mut Auths,
    ) -> (Login, Vec<String>) {
        let login = match typed.text("auth", |text| Ok(text.to_owned())) {
            None => Login::AsListener,
            Some(off) if off.value == "off" => Login::Off,
            Some(named) => self
                .named(&named, auths)
                .map_or(Login::AsListener, Login::By),
        };
        let mut roles: Vec<Placed<String>> = Vec::new();
        for role in typed.texts("require_roles", role) {
            match roles.iter().find(|other| other.value == role.value) {
                None => roles.push(role),
                Some(first) => self
                    .mistakes
                    .add(twice("role", shown(&role.value), &role, first)),
            }
        }
        let known = match login {
            Login::By(_) => true,
            Login::Off => false,
            Login::AsListener => auths.everywhere || typed.place("auth").is_some(),
        };
        if let (false, Some(place)) = (known || roles.is_empty(), typed.place("require_roles")) {
            self.mistakes.add(roles_of_nobody(place, service));
        }
        (login, roles.into_iter().map(|role| role.value).collect())
    }

    fn named(&self, name: &Placed<String>, auths: &mut Auths) -> Option<AuthName> {
        let mut all = auths.declared.iter_mut();
        if let Some(declared) = all.find(|declared| declared.name.value == name.value) {
            declared.used = true;
            return declared.auth.as_ref().map(|auth| auth.name.clone());
        }
        let known = auths
            .declared
            .iter()
            .map(|declared| declared.name.value.as_str());
        self.mistakes.add(match auths.declared.as_slice() {
            [] => no_auth(name),
            _ => unknown_auth(name, known),
        });
        None
    }

    /// Those that are whole. One that nobody names guards nothing, which nobody means.
    pub(super) fn used(&self, auths: Auths) -> Vec<Auth> {
        for unused in auths
            .declared
            .iter()
            .filter(|declared| !declared.used && declared.auth.is_some())
        {
            self.mistakes.add(auth_of_nobody(&unused.name));
        }
        auths
            .declared
            .into_iter()
            .filter_map(|declared| declared.auth)
            .collect()
    }
}

fn realm(text: &str) -> Result<String, Invalid> {
    let fits = (1..=128).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned()).ok_or(Invalid::Realm(
        "expected 1 to 128 bytes without control characters",
    ))
}

fn role(text: &str) -> Result<String, Invalid> {
    let word = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    word.then(|| text.to_owned())
        .ok_or(Invalid::Role("expected one word"))
}
