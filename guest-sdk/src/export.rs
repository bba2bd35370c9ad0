/// Makes the component out of a [`Behavior`](crate::Behavior). Call it once, at the root of the crate.
///
/// ```
/// # use std::time::Duration;
/// # use wasket_guest::{Behavior, Message, Session, Timer};
/// struct Clock;
///
/// impl Behavior for Clock {
///     fn open(session: Session) -> Self {
///         let _ = session.set_timer(Duration::from_secs(1), 0);
///         Self
///     }
///     fn message(&mut self, _session: Session, _message: Message) {}
/// }
///
/// impl Timer for Clock {
///     fn timer(&mut self, session: Session, token: u64) {
///         let _ = session.send("tick");
///         let _ = session.set_timer(Duration::from_secs(1), token);
///     }
/// }
///
/// wasket_guest::export!(Clock: Timer);
/// # fn main() {}
/// ```
///
/// After the colon come the optional exports that the type implements, as in a bound: any of
/// [`Handshake`](crate::Handshake), [`Control`](crate::Control), [`Timer`](crate::Timer),
/// [`Lifecycle`](crate::Lifecycle), [`Connections`](crate::Connections) and [`Credentials`](crate::Credentials), joined with `+`. An implementation that
/// is not named is not exported, and the host never calls it.
///
/// `export!(Login as Credentials)` makes a component that is no service and only knows users.
///
/// The contract's `batch` is always exported: messages that arrived together come in one call of the host,
/// and [`Behavior::message`](crate::Behavior::message) gets one after the other as ever.
#[macro_export]
macro_rules! export {
    ($ty:ty as Credentials) => {
        $crate::__export!(Credentials $ty);
    };
    ($ty:ty) => {
        $crate::__export!(Behavior $ty);
    };
    ($ty:ty : $first:ident $(+ $more:ident)*) => {
        $crate::__export!(Behavior $ty);
        $crate::__export!($first $ty);
        $($crate::__export!($more $ty);)*
    };
}

/// One export. Each has a world and a generated macro of its own: a component exports what is named here
/// and imports what its code uses.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    (Behavior $ty:ty) => {
        const _: () = {
            ::std::thread_local! {
                static SESSIONS: $crate::rt::Registry<$ty> = const { $crate::rt::Registry::new() };
            }
            impl $crate::rt::Exported for $ty {
                fn registry() -> &'static ::std::thread::LocalKey<$crate::rt::Registry<Self>> {
                    &SESSIONS
                }
            }
            $crate::__component!(behavior $ty {
                fn on_open(session: u64) {
                    SESSIONS.with(|sessions| sessions.open(session));
                }
                fn on_message(session: u64, message: $crate::rt::behavior::Message) {
                    SESSIONS.with(|sessions| sessions.message(session, message.into()));
                }
                fn on_error(session: u64, error: $crate::rt::behavior::SessionError) {
                    SESSIONS.with(|sessions| sessions.error(session, error.into()));
                }
                fn on_close(session: u64, close: $crate::rt::behavior::CloseEvent) {
                    SESSIONS.with(|sessions| sessions.close(session, close.into()));
                }
            });
            $crate::__component!(batch $ty {
                fn on_messages(session: u64, messages: ::std::vec::Vec<$crate::rt::batch::Message>) {
                    SESSIONS.with(|sessions| sessions.messages(session, messages));
                }
            });
        };
    };
    (Handshake $ty:ty) => {
        $crate::__requires!($ty: Handshake);
        $crate::__component!(handshake $ty {
            fn on_handshake(
                session: u64,
                request: $crate::rt::handshake::Request,
            ) -> ::core::result::Result<
                $crate::rt::handshake::Acceptance,
                $crate::rt::handshake::Rejection,
            > {
                $crate::rt::handshake::run::<$ty>(session, request)
            }
        });
    };
    (Control $ty:ty) => {
        $crate::__requires!($ty: Control);
        $crate::__component!(control $ty {
            fn on_ping(session: u64, payload: ::std::vec::Vec<u8>) {
                <$ty as $crate::rt::Exported>::registry().with(|it| it.ping(session, payload));
            }
            fn on_pong(session: u64, payload: ::std::vec::Vec<u8>) {
                <$ty as $crate::rt::Exported>::registry().with(|it| it.pong(session, payload));
            }
        });
    };
    (Timer $ty:ty) => {
        $crate::__requires!($ty: Timer);
        $crate::__component!(timer $ty {
            fn on_timer(session: ::core::option::Option<u64>, token: u64) {
                <$ty as $crate::rt::Exported>::registry().with(|it| it.timer(session, token));
            }
        });
    };
    (Lifecycle $ty:ty) => {
        $crate::__requires!($ty: Lifecycle);
        $crate::__component!(lifecycle $ty {
            fn on_start() -> ::core::result::Result<(), ::std::string::String> {
                <$ty as $crate::Lifecycle>::start()
            }
            fn on_stop() {
                <$ty as $crate::Lifecycle>::stop();
            }
        });
    };
    (Connections $ty:ty) => {
        $crate::__requires!($ty: Connections);
        $crate::__component!(connection $ty {
            fn on_open(id: u64) {
                <$ty as $crate::rt::Exported>::registry().with(|it| it.connected(id));
            }
            fn on_message(id: u64, message: $crate::rt::connection::Message) {
                <$ty as $crate::rt::Exported>::registry().with(|it| it.received(id, message.into()));
            }
            fn on_close(id: u64, close: $crate::rt::connection::CloseEvent) {
                <$ty as $crate::rt::Exported>::registry().with(|it| it.disconnected(id, close.into()));
            }
        });
    };
    (Credentials $ty:ty) => {
        $crate::__requires!($ty: Credentials);
        $crate::__component!(credentials $ty {
            fn find(
                realm: ::std::string::String,
                name: ::std::string::String,
            ) -> ::core::option::Option<(
                $crate::rt::credentials::Secret,
                $crate::rt::credentials::Principal,
            )> {
                $crate::rt::credentials::run::<$ty>(&realm, &name)
            }
        });
    };
    ($other:ident $ty:ty) => {
        ::core::compile_error!(::core::concat!(
            "no optional export named `",
            ::core::stringify!($other),
            "`: expected Handshake, Control, Timer, Lifecycle, Connections or Credentials"
        ));
    };
}

/// A missing implementation is reported in the author's words, natively too.
#[doc(hidden)]
#[macro_export]
macro_rules! __requires {
    ($ty:ty : $bound:ident) => {
        const _: () = {
            const fn requires<T: $crate::$bound>() {}
            requires::<$ty>();
        };
    };
}

/// Implements the generated trait and exports it.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[macro_export]
macro_rules! __component {
    ($module:ident $ty:ty { $($body:tt)* }) => {
        const _: () = {
            struct Component;
            impl $crate::rt::$module::Guest for Component {
                $($body)*
            }
            $crate::rt::$module::export_component!(Component with_types_in $crate::rt::$module);
        };
    };
}

/// There is nobody to export to natively; the type counts as used all the same.
#[cfg(not(target_family = "wasm"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __component {
    (credentials $ty:ty { $($body:tt)* }) => {};
    ($module:ident $ty:ty { $($body:tt)* }) => {
        const _: fn($crate::Session) -> $ty = <$ty as $crate::Behavior>::open;
    };
}
