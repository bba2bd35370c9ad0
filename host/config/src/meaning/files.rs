//! `[files.NAME]`.

use super::auth::Auths;
use super::{Files as Named, Reader};
use crate::mistake::{duplicate_route, no_directory, no_path_of_files, not_a_table};
use crate::plan::Files;
use crate::problem::shown;
use crate::settings::Section;
use crate::typed::{Placed, Typed};
use crate::value::{Header, HostName, Invalid, Route, Segment};
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

impl<'t> Reader<'t> {
    /// `None` when the file has no such table at all, not even a wrong one. `routes` is filled with where they stand.
    pub(super) fn all_files(
        &self,
        root: &'t DeTable<'t>,
        named: &mut Named,
        routes: &mut Vec<Placed<Route>>,
        auths: &mut Auths,
    ) -> Option<Vec<Files>> {
        let value = root.get("files")?;
        let Some(table) = value.get_ref().as_table() else {
            self.mistakes
                .add(not_a_table("files", "[files.NAME]", value));
            return Some(Vec::new());
        };
        if table.is_empty() {
            return None;
        }
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let files = entries
            .into_iter()
            .filter_map(|(key, value)| self.files(key, value, named, routes, auths));
        Some(files.collect())
    }

    fn files(
        &self,
        key: &'t Spanned<DeString<'t>>,
        value: &'t Spanned<DeValue<'t>>,
        named: &mut Named,
        routes: &mut Vec<Placed<Route>>,
        auths: &mut Auths,
    ) -> Option<Files> {
        let Some(table) = value.get_ref().as_table() else {
            self.mistakes
                .add(not_a_table(key.get_ref(), "[files.NAME]", value));
            return None;
        };
        let head = format!("[files.{}]", shown(key.get_ref()));
        let typed = Typed::new(&[Section::Files], &head, table, self.mistakes);
        // All of it is read, for its mistakes, before anything that is missing ends it.
        let name = self.name(key);
        let route = self.route_of_files(&typed, key, routes);
        let directory = self.directory(&typed, "directory", named);
        if typed.place("directory").is_none() {
            self.mistakes.add(no_directory(key));
        }
        let index = typed.text("index", index);
        let cache_control = typed.text("cache_control", cache_control);
        let (mut precompressed, mut dot_files) = (false, false);
        typed.flag("precompressed", &mut precompressed);
        typed.flag("dot_files", &mut dot_files);
        let hosts = typed.texts("hosts", HostName::from_str).into_iter();
        let hosts = hosts.map(|host| host.value).collect();
        let (login, require_roles) = self.access(&typed, key, auths);
        let response_headers = self.response_headers(&typed);
        Some(Files {
            name: name?,
            route: route?,
            directory: directory?,
            index: index.map_or_else(|| Some("index.html".to_owned()), |index| index.value),
            cache_control: cache_control
                .map_or_else(|| Some("no-cache".to_owned()), |value| value.value),
            precompressed,
            dot_files,
            hosts,
            login,
            require_roles,
            response_headers,
        })
    }

    fn route_of_files(
        &self,
        typed: &Typed<'_>,
        files: &Spanned<DeString<'_>>,
        routes: &mut Vec<Placed<Route>>,
    ) -> Option<Route> {
        if typed.place("path").is_none() {
            self.mistakes.add(no_path_of_files(files));
        }
        let route = typed.text("path", exact_route)?;
        if let Some(first) = routes.iter().find(|other| other.value == route.value) {
            self.mistakes
                .add(duplicate_route("directories", &route, first));
        }
        routes.push(route.clone());
        Some(route.value)
    }
}

fn exact_route(text: &str) -> Result<Route, Invalid> {
    let route = Route::from_str(text)?;
    let exact = |segment: &Segment| matches!(segment, Segment::Exact(_));
    if route.segments().iter().all(exact) {
        Ok(route)
    } else {
        Err(Invalid::Route(
            "a directory stands at one path, and its files are below it: \"{name}\" and \"*\" are not for it",
        ))
    }
}

fn index(text: &str) -> Result<Option<String>, Invalid> {
    if text.is_empty() || text == "." || text == ".." || text.contains(['/', '\\', '\0']) {
        return Err(Invalid::Path(
            "expected the name of a file, without a directory",
        ));
    }
    Ok((text != "off").then(|| text.to_owned()))
}

fn cache_control(text: &str) -> Result<Option<String>, Invalid> {
    Header::check_value(text)?;
    if text.is_empty() {
        return Err(Invalid::Header("expected directives, or \"off\""));
    }
    Ok((text != "off").then(|| text.to_owned()))
}
