//! `connect` of a service.

use super::{Files, Reader};
use crate::mistake::{missing_setting, missing_url, user_of_http};
use crate::plan::Connect;
use crate::settings::Section;
use crate::typed::{Placed, TextOrTable, Typed};
use crate::value::{Invalid, Outward, parse_proxy};
use std::ops::Range;
use std::str::FromStr;

impl<'t> Reader<'t> {
    pub(super) fn connect(&self, service: &Typed<'t>, files: &mut Files) -> Vec<Connect> {
        let head = "`connect`";
        let entries =
            service.texts_or_tables("connect", Outward::from_str, &[Section::Connect], head);
        let entry = |entry: TextOrTable<'t, Outward>| match entry {
            TextOrTable::Text(url) => Some(Connect::new(url.value)),
            TextOrTable::Table(Placed { value, span }) => self.connection(&value, span, files),
        };
        entries.into_iter().filter_map(entry).collect()
    }

    fn connection(
        &self,
        typed: &Typed<'t>,
        span: Range<usize>,
        files: &mut Files,
    ) -> Option<Connect> {
        let url = typed.text("url", Outward::from_str);
        if typed.place("url").is_none() {
            self.mistakes.add(missing_url(span));
        }
        let user = typed.text("user", user);
        if let (Some(user), Some(url)) = (&user, url.as_ref().filter(|url| url.value.is_http())) {
            self.mistakes
                .add(user_of_http(user.span.clone(), url.span.clone()));
        }
        let password = self.password(typed, files);
        let ca = self.file(typed, "ca", "the authority of the server", files);
        let certificate = self.file(typed, "chain", "the certificate", files);
        let key = self.file(typed, "key", "the private key", files);
        let proxy = typed.text("proxy", parse_proxy);
        for (key, needs) in NEEDS {
            if let (Some(place), None) = (typed.place(key), typed.place(needs)) {
                self.mistakes.add(missing_setting(place, needs));
            }
        }
        let mut connect = Connect {
            user: user.map(|user| user.value),
            password,
            ca,
            certificate: certificate.map(|file| (file.clone(), key.unwrap_or(file))),
            proxy: proxy.map(|proxy| proxy.value),
            ..Connect::new(url?.value)
        };
        typed.flag("private_addresses", &mut connect.private_addresses);
        Some(connect)
    }
}

fn user(text: &str) -> Result<String, Invalid> {
    if text.is_empty() || text.contains(':') || text.chars().any(char::is_control) {
        return Err(Invalid::User(
            "expected a name without colons and control characters",
        ));
    }
    Ok(text.to_owned())
}

/// Settings that mean nothing without another.
const NEEDS: [(&str, &str); 3] = [
    ("password_file", "user"),
    ("password_env", "user"),
    ("key", "chain"),
];
