//! `[service.NAME]`.

use super::auth::Auths;
use super::http::read_requests;
use super::{Defaults, Files, Reader, read_limits};
use crate::mistake::{
    any_and_others, digest_of_nothing, duplicate_route, no_behavior, no_path, not_a_table,
    requests_of_native, twice, two_behaviors,
};
use crate::plan::{Behavior, Native, Origins, Service};
use crate::problem::shown;
use crate::settings::{self, Section, Setting};
use crate::typed::{Placed, Typed, not_valid};
use crate::value::{Header, HostName, Origin, Route, ServiceName, Subprotocol};
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

type Entry<'t> = (&'t Spanned<DeString<'t>>, &'t Spanned<DeValue<'t>>);

impl<'t> Reader<'t> {
    /// `None` when the file has no service at all, not even a wrong one.
    pub(super) fn services(
        &self,
        root: &'t DeTable<'t>,
        defaults: &Defaults,
        files: &mut Files,
        auths: &mut Auths,
    ) -> Option<Vec<Service>> {
        let value = root.get("service")?;
        let Some(table) = value.get_ref().as_table() else {
            self.mistakes
                .add(not_a_table("service", "[service.NAME]", value));
            return Some(Vec::new());
        };
        if table.is_empty() {
            return None;
        }
        let mut entries: Vec<Entry<'t>> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut services = Vec::new();
        let mut routes = Vec::new();
        for entry in entries {
            services.extend(self.service(root, entry, defaults, files, &mut routes, auths));
        }
        Some(services)
    }

    fn service(
        &self,
        root: &'t DeTable<'t>,
        (key, value): Entry<'t>,
        defaults: &Defaults,
        files: &mut Files,
        routes: &mut Vec<Placed<Route>>,
        auths: &mut Auths,
    ) -> Option<Service> {
        let Some(table) = value.get_ref().as_table() else {
            self.mistakes
                .add(not_a_table(key.get_ref(), "[service.NAME]", value));
            return None;
        };
        let head = format!("[service.{}]", shown(key.get_ref()));
        let sections = &[
            Section::Service,
            Section::Limits,
            Section::Sandbox,
            Section::Requests,
            Section::Capabilities,
        ];
        let typed = Typed::new(sections, &head, table, self.mistakes);
        let (mut limits, mut requests) = (defaults.limits.clone(), defaults.requests.clone());
        read_limits(&typed, &mut limits);
        read_requests(&typed, &mut requests);

        // All of it is read, for its mistakes, before anything that is missing ends it.
        let name = self.name(key);
        let route = self.route(&typed, key, routes);
        let behavior = self.behavior(&typed, key, files);
        let config = typed.pairs("config").into_iter();
        let config = config
            .map(|(key, value)| (key.value, value.value))
            .collect();
        let connect = self.connect(&typed, files);
        let stores = self.granted_stores(&typed, root);
        let capabilities = self.capabilities(&typed, files);
        let protocols = self.protocols(&typed);
        let hosts = typed.texts("hosts", HostName::from_str).into_iter();
        let hosts = hosts.map(|host| host.value).collect();
        let origins = self.origins(&typed);
        let (login, require_roles) = self.access(&typed, key, auths);
        let response_headers = self.response_headers(&typed);
        Some(Service {
            name: name?,
            route: route?,
            behavior: behavior?,
            config,
            connect,
            stores,
            capabilities,
            protocols,
            hosts,
            origins,
            login,
            require_roles,
            response_headers,
            limits,
            requests,
        })
    }

    pub(super) fn name(&self, key: &Spanned<DeString<'_>>) -> Option<ServiceName> {
        match key.get_ref().parse() {
            Ok(name) => Some(name),
            Err(invalid) => {
                self.mistakes
                    .add(not_valid(key.get_ref(), key.span(), invalid));
                None
            }
        }
    }

    fn route(
        &self,
        typed: &Typed<'_>,
        service: &Spanned<DeString<'_>>,
        routes: &mut Vec<Placed<Route>>,
    ) -> Option<Route> {
        if typed.place("path").is_none() {
            self.mistakes.add(no_path(service));
        }
        let route = typed.text("path", Route::from_str)?;
        let same = |other: &&Placed<Route>| other.value.matches_the_same_as(&route.value);
        if let Some(first) = routes.iter().find(same) {
            self.mistakes
                .add(duplicate_route("services", &route, first));
        }
        routes.push(route.clone());
        Some(route.value)
    }

    fn behavior(
        &self,
        typed: &Typed<'_>,
        service: &Spanned<DeString<'_>>,
        files: &mut Files,
    ) -> Option<Behavior> {
        let component = self.file(typed, "component", "the component", files);
        let native = typed.choice("native", Native::named);
        let sha256 = typed
            .text("sha256", FromStr::from_str)
            .map(|digest| digest.value);
        let place = |key| typed.place(key);
        match (place("component"), place("native"), place("sha256")) {
            (None, None, _) => self.mistakes.add(no_behavior(service)),
            (Some(component), Some(native), _) => {
                self.mistakes.add(two_behaviors(native, component));
            }
            (None, Some(native), Some(digest)) => {
                self.mistakes.add(digest_of_nothing(digest, native));
            }
            _ => {}
        }
        if let (None, Some(native)) = (place("component"), place("native")) {
            let of_requests = |setting: &&Setting| setting.section == Section::Requests;
            for setting in settings::all().filter(of_requests) {
                if let Some(place) = place(setting.key) {
                    let mistake = requests_of_native(setting.key, place, native.clone());
                    self.mistakes.add(mistake);
                }
            }
        }
        match component {
            Some(file) => Some(Behavior::Component { file, sha256 }),
            None => native.map(Behavior::Native),
        }
    }

    fn protocols(&self, typed: &Typed<'_>) -> Vec<Subprotocol> {
        let mut protocols: Vec<Placed<Subprotocol>> = Vec::new();
        for protocol in typed.texts("protocols", Subprotocol::from_str) {
            match protocols.iter().find(|other| other.value == protocol.value) {
                None => protocols.push(protocol),
                Some(first) => {
                    let mistake = twice("subprotocol", &protocol.value, &protocol, first);
                    self.mistakes.add(mistake);
                }
            }
        }
        protocols
            .into_iter()
            .map(|protocol| protocol.value)
            .collect()
    }

    pub(super) fn origins(&self, typed: &Typed<'_>) -> Origins {
        // `None` stands for "*".
        let listed = typed.texts("origins", |text| match text {
            "*" => Ok(None),
            _ => Origin::from_str(text).map(Some),
        });
        let others = listed.len() > 1;
        for any in listed
            .iter()
            .filter(|origin| others && origin.value.is_none())
        {
            self.mistakes.add(any_and_others(any.span.clone()));
        }
        match listed.as_slice() {
            [] => Origins::SameHost,
            [Placed { value: None, .. }] => Origins::Any,
            _ => Origins::Listed(
                listed
                    .into_iter()
                    .filter_map(|origin| origin.value)
                    .collect(),
            ),
        }
    }

    pub(super) fn response_headers(&self, typed: &Typed<'_>) -> Vec<Header> {
        let mut headers: Vec<Placed<Header>> = Vec::new();
        for (name, value) in typed.pairs("response_headers") {
            if let Err(invalid) = Header::check_name(&name.value) {
                self.mistakes
                    .add(not_valid(&name.value, name.span, invalid));
                continue;
            }
            let header = match Header::new(&name.value, &value.value) {
                Ok(header) => header,
                Err(invalid) => {
                    self.mistakes
                        .add(not_valid(&value.value, value.span, invalid));
                    continue;
                }
            };
            let same = |other: &&Placed<Header>| other.value.has_name(&name.value);
            match headers.iter().find(same) {
                Some(first) => self
                    .mistakes
                    .add(twice("header field", &name.value, &name, first)),
                None => headers.push(Placed {
                    value: header,
                    span: name.span,
                }),
            }
        }
        headers.into_iter().map(|header| header.value).collect()
    }
}
