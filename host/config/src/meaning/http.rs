//! `[http.NAME]`, and the limits of requests.

use super::auth::Auths;
use super::{Defaults, Files as Named, Reader, read_sandbox};
use crate::mistake::{
    beside_files, duplicate_route, no_handler, no_path_of_http, not_a_table, other_parameters,
    unknown_service,
};
use crate::plan::{Http, Requests, Service};
use crate::problem::shown;
use crate::settings::Section;
use crate::typed::{Placed, Typed};
use crate::value::{HostName, Route, Segment, ServiceName};
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

impl<'t> Reader<'t> {
    /// `None` when the file has no such table at all, not even a wrong one. No two answer the same requests, and none those
    /// for `directories`. Where one shares the paths of a service, it writes them alike.
    pub(super) fn all_http(
        &self,
        root: &'t DeTable<'t>,
        defaults: &Defaults,
        (services, directories): (&[Service], &[Placed<Route>]),
        named: &mut Named,
        auths: &mut Auths,
    ) -> Option<Vec<Http>> {
        let value = root.get("http")?;
        let Some(table) = value.get_ref().as_table() else {
            self.mistakes.add(not_a_table("http", "[http.NAME]", value));
            return Some(Vec::new());
        };
        if table.is_empty() {
            return None;
        }
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut routes = Vec::new();
        let all = entries.into_iter().filter_map(|(key, value)| {
            self.http(root, (key, value), defaults, named, &mut routes, auths)
        });
        let all = all.collect();
        for route in &routes {
            let same = |files: &&Placed<Route>| answers(&files.value, &route.value);
            if let Some(files) = directories.iter().find(same) {
                self.mistakes.add(beside_files(route, files));
            }
            let alike = |own: &&Service| own.route.matches_the_same_as(&route.value);
            if let Some(service) = services.iter().find(alike)
                && service.route != route.value
            {
                self.mistakes.add(other_parameters(route, service));
            }
        }
        Some(all)
    }

    fn http(
        &self,
        root: &'t DeTable<'t>,
        (key, value): (&'t Spanned<DeString<'t>>, &'t Spanned<DeValue<'t>>),
        defaults: &Defaults,
        named: &mut Named,
        routes: &mut Vec<Placed<Route>>,
        auths: &mut Auths,
    ) -> Option<Http> {
        let Some(table) = value.get_ref().as_table() else {
            self.mistakes
                .add(not_a_table(key.get_ref(), "[http.NAME]", value));
            return None;
        };
        let head = format!("[http.{}]", shown(key.get_ref()));
        let sections = &[
            Section::Http,
            Section::Requests,
            Section::Sandbox,
            Section::Capabilities,
        ];
        let typed = Typed::new(sections, &head, table, self.mistakes);
        let (mut limits, mut requests) = (defaults.limits.clone(), defaults.requests.clone());
        read_sandbox(&typed, &mut limits);
        read_requests(&typed, &mut requests);

        // All of it is read, for its mistakes, before anything that is missing ends it.
        let name = self.name(key);
        let route = self.route_of_http(&typed, key, routes);
        let component = self.file(&typed, "component", "the component", named);
        if typed.place("component").is_none() {
            self.mistakes.add(no_handler(key));
        }
        let sha256 = typed.text("sha256", FromStr::from_str);
        let config = typed.pairs("config").into_iter();
        let config = config.map(|(key, value)| (key.value, value.value));
        let publishes_to = self.publishes_to(&typed, root);
        let connect = self.connect(&typed, named);
        let stores = self.granted_stores(&typed, root);
        let capabilities = self.capabilities(&typed, named);
        let hosts = typed.texts("hosts", HostName::from_str).into_iter();
        let origins = self.origins(&typed);
        let (login, require_roles) = self.access(&typed, key, auths);
        let response_headers = self.response_headers(&typed);
        Some(Http {
            name: name?,
            route: route?.value,
            component: component?,
            sha256: sha256.map(|digest| digest.value),
            config: config.collect(),
            publishes_to,
            connect,
            stores,
            capabilities,
            hosts: hosts.map(|host| host.value).collect(),
            origins,
            login,
            require_roles,
            response_headers,
            limits,
            requests,
        })
    }

    fn route_of_http(
        &self,
        typed: &Typed<'_>,
        http: &Spanned<DeString<'_>>,
        routes: &mut Vec<Placed<Route>>,
    ) -> Option<Placed<Route>> {
        if typed.place("path").is_none() {
            self.mistakes.add(no_path_of_http(http));
        }
        let route = typed.text("path", Route::from_str)?;
        let same = |other: &&Placed<Route>| other.value.matches_the_same_as(&route.value);
        if let Some(first) = routes.iter().find(same) {
            self.mistakes.add(duplicate_route("http", &route, first));
        }
        routes.push(route.clone());
        Some(route)
    }

    /// A service that the file has.
    fn publishes_to(&self, typed: &Typed<'_>, root: &'t DeTable<'t>) -> Option<ServiceName> {
        let named = typed.text("publishes_to", |text| Ok(text.to_owned()))?;
        let services = root.get("service");
        let services = services.and_then(|value| value.get_ref().as_table());
        let names = || services.into_iter().flat_map(|table| table.keys());
        if !names().any(|known| **known.get_ref() == *named.value) {
            let names = names().map(|name| &**name.get_ref());
            self.mistakes.add(unknown_service(&named, names));
        }
        // A wrong name is reported where the service is.
        named.value.parse().ok()
    }
}

/// Whether a directory answers the very paths of a route: those of its own, or those below it.
fn answers(directory: &Route, route: &Route) -> bool {
    let below = [directory.segments(), &[Segment::Rest]].concat();
    route.segments() == directory.segments() || route.segments() == below
}

pub(super) fn read_requests(typed: &Typed<'_>, requests: &mut Requests) {
    typed.number("body_bytes_max", &mut requests.body_bytes_max);
    typed.time("request_time", &mut requests.request_time);
    typed.timer("request_wall_time", &mut requests.request_wall_time);
    typed.number("requests_max", &mut requests.requests_max);
}
