//! The generated bindings. One world for the imports, of which a component keeps what its code uses, and
//! one for each export, which enters a component only where [`export!`](crate::export!) names it.

pub(crate) mod host;

/// Borrowing: what goes to the host is lent, never cloned.
#[allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    reason = "generated"
)]
mod imports {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package wasket:guest;
            world imports {
                import wasket:websocket/sessions@0.1.0;
                import wasket:websocket/topics@0.1.0;
                import wasket:websocket/timers@0.1.0;
                import wasket:websocket/connections@0.1.0;
                import wasi:logging/logging@0.1.0-draft;
                import wasi:config/store@0.2.0-rc.1;
            }
        ",
        world: "wasket:guest/imports",
        ownership: Borrowing { duplicate_if_necessary: true },
        generate_all,
    });
}

/// `behavior`, which every component exports.
#[allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    reason = "generated"
)]
pub mod behavior {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package wasket:guest;
            world behavior { export wasket:websocket/behavior@0.1.0; }
        ",
        world: "wasket:guest/behavior",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "::wasket_guest::rt::behavior",
        generate_all,
    });
    pub use self::exports::wasket::websocket::behavior::{
        CloseEvent, Guest, Message, SessionError,
    };
}

/// `batch`, which every component exports too.
#[allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    reason = "generated"
)]
pub mod batch {
    wit_bindgen::generate!({
        path: "../wit",
        world: "wasket:websocket/with-batch",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "::wasket_guest::rt::batch",
        with: { "wasket:websocket/types@0.1.0": crate::wit::behavior::wasket::websocket::types },
    });
    pub use self::exports::wasket::websocket::batch::{Guest, Message};
}

/// `handshake`.
#[allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    reason = "generated"
)]
pub mod handshake {
    wit_bindgen::generate!({
        path: "../wit",
        world: "wasket:websocket/with-handshake",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "::wasket_guest::rt::handshake",
        with: { "wasket:websocket/types@0.1.0": crate::wit::imports::wasket::websocket::types },
    });
    pub use self::exports::wasket::websocket::handshake::{Acceptance, Guest, Rejection, Request};

    /// `on-handshake`.
    pub fn run<B: crate::Handshake>(
        session: u64,
        request: Request,
    ) -> Result<Acceptance, Rejection> {
        match B::handshake(crate::Session::from_id(session), request.into()) {
            Ok(acceptance) => Ok(acceptance.into()),
            Err(rejection) => Err(rejection.into()),
        }
    }
}

/// `control`.
#[allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    reason = "generated"
)]
pub mod control {
    wit_bindgen::generate!({
        path: "../wit",
        world: "wasket:websocket/with-control",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "::wasket_guest::rt::control",
        generate_all,
    });
    pub use self::exports::wasket::websocket::control::Guest;
}

/// `timer`.
#[allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    reason = "generated"
)]
pub mod timer {
    wit_bindgen::generate!({
        path: "../wit",
        world: "wasket:websocket/with-timer",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "::wasket_guest::rt::timer",
        generate_all,
    });
    pub use self::exports::wasket::websocket::timer::Guest;
}

/// `connection`.
#[allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    reason = "generated"
)]
pub mod connection {
    wit_bindgen::generate!({
        path: "../wit",
        inline: "
            package wasket:guest;
            world connection { export wasket:websocket/connection@0.1.0; }
        ",
        world: "wasket:guest/connection",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "::wasket_guest::rt::connection",
        with: { "wasket:websocket/types@0.1.0": crate::wit::behavior::wasket::websocket::types },
    });
    pub use self::exports::wasket::websocket::connection::{CloseEvent, Guest, Message};
}

/// `credentials`.
#[allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    reason = "generated"
)]
pub mod credentials {
    wit_bindgen::generate!({
        path: "../wit",
        world: "wasket:websocket/with-credentials",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "::wasket_guest::rt::credentials",
        with: { "wasket:websocket/types@0.1.0": crate::wit::imports::wasket::websocket::types },
    });
    pub use self::exports::wasket::websocket::credentials::{Guest, Principal, Secret};

    /// `find`.
    pub fn run<C: crate::Credentials>(realm: &str, name: &str) -> Option<(Secret, Principal)> {
        let (secret, principal) = C::find(realm, name)?;
        let secret = match secret {
            crate::Secret::Plain(text) => Secret::Plain(text),
            crate::Secret::Hashed(text) => Secret::Hashed(text),
            crate::Secret::DigestMd5(digits) => Secret::DigestMd5(digits),
            crate::Secret::DigestSha256(digits) => Secret::DigestSha256(digits),
        };
        let principal = Principal {
            name: principal.name,
            roles: principal.roles,
            claims: principal.claims,
        };
        Some((secret, principal))
    }
}

/// `lifecycle`.
#[allow(
    unsafe_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    reason = "generated"
)]
pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../wit",
        world: "wasket:websocket/with-lifecycle",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "::wasket_guest::rt::lifecycle",
        generate_all,
    });
    pub use self::exports::wasket::websocket::lifecycle::Guest;
}

impl From<behavior::Message> for crate::Message {
    fn from(message: behavior::Message) -> Self {
        match message {
            behavior::Message::Text(text) => Self::Text(text),
            behavior::Message::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

impl From<behavior::SessionError> for crate::SessionError {
    fn from(error: behavior::SessionError) -> Self {
        match error {
            behavior::SessionError::Protocol(text) => Self::Protocol(text),
            behavior::SessionError::Limit(text) => Self::Limit(text),
            behavior::SessionError::Connection(text) => Self::Connection(text),
        }
    }
}

impl From<behavior::CloseEvent> for crate::Close {
    fn from(close: behavior::CloseEvent) -> Self {
        use behavior::wasket::websocket::types::Party;
        let by = match close.by {
            Party::Peer => crate::Party::Peer,
            Party::Guest => crate::Party::Guest,
            Party::Host => crate::Party::Host,
        };
        Self {
            code: close.code,
            reason: close.reason,
            clean: close.clean,
            by,
        }
    }
}

impl From<handshake::Request> for crate::Request {
    fn from(it: handshake::Request) -> Self {
        let cookies = it.cookies.into_iter();
        Self {
            service: it.service,
            method: it.method,
            authority: it.authority,
            target: it.target,
            path: it.path,
            parameters: it.parameters,
            query: it.query,
            headers: it.headers,
            cookies: cookies
                .map(|cookie| crate::Cookie {
                    name: cookie.name,
                    value: cookie.value,
                })
                .collect(),
            protocols: it.protocols,
            principal: it.principal.map(|it| crate::Principal {
                name: it.name,
                roles: it.roles,
                claims: it.claims,
            }),
            remote_address: it.remote_address,
            secure: it.secure,
            properties: it.properties,
        }
    }
}

impl From<crate::Acceptance> for handshake::Acceptance {
    fn from(it: crate::Acceptance) -> Self {
        Self {
            protocol: it.protocol,
            headers: it.headers,
            principal: it
                .principal
                .map(|it| imports::wasket::websocket::types::Principal {
                    name: it.name,
                    roles: it.roles,
                    claims: it.claims,
                }),
        }
    }
}

impl From<crate::Rejection> for handshake::Rejection {
    fn from(it: crate::Rejection) -> Self {
        Self {
            status: it.status,
            headers: it.headers,
            body: it.body,
        }
    }
}
