//! What a component exports, found and checked when it is loaded.

use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Lower, Resource,
};
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};

use crate::error::Mismatch;
use crate::store::Guest;
use crate::wire::{
    Acceptance, CloseEvent, MessageIn, Principal, Rejection, Request, Secret, SessionError,
};

/// Where the functions are that the host calls.
#[derive(Clone, Debug)]
pub(crate) struct Exports {
    pub(crate) on_open: ComponentExportIndex,
    pub(crate) on_message: ComponentExportIndex,
    pub(crate) on_error: ComponentExportIndex,
    pub(crate) on_close: ComponentExportIndex,
    pub(crate) on_handshake: Option<ComponentExportIndex>,
    pub(crate) on_messages: Option<ComponentExportIndex>,
    pub(crate) control: Option<Control>,
    pub(crate) on_timer: Option<ComponentExportIndex>,
    pub(crate) lifecycle: Option<Lifecycle>,
    pub(crate) connection: Option<Connection>,
    /// Of a component that answers plain requests, too.
    pub(crate) handler: Option<HandlerExports>,
}

/// The functions of `control`.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(crate) on_ping: ComponentExportIndex,
    pub(crate) on_pong: ComponentExportIndex,
}

/// The functions of `connection`.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) on_open: ComponentExportIndex,
    pub(crate) on_message: ComponentExportIndex,
    pub(crate) on_close: ComponentExportIndex,
}

/// Where the functions are that are called to look a user up.
#[derive(Clone, Debug)]
pub(crate) struct CredentialsExports {
    pub(crate) find: ComponentExportIndex,
    pub(crate) lifecycle: Option<Lifecycle>,
}

/// Where the functions are that are called to answer a plain request.
#[derive(Clone, Debug)]
pub(crate) struct HandlerExports {
    pub(crate) handle: ComponentExportIndex,
    pub(crate) lifecycle: Option<Lifecycle>,
}

/// The functions of `lifecycle`.
#[derive(Clone, Debug)]
pub(crate) struct Lifecycle {
    pub(crate) on_start: ComponentExportIndex,
    pub(crate) on_stop: ComponentExportIndex,
}

pub(crate) type OnSession = (u64,);
pub(crate) type OnMessage<'a> = (u64, MessageIn<'a>);
pub(crate) type OnMessages<'a> = (u64, &'a [MessageIn<'a>]);
pub(crate) type OnError = (u64, SessionError);
pub(crate) type OnClose = (u64, CloseEvent);
pub(crate) type OnHandshake = (u64, Request);
pub(crate) type OnControl<'a> = (u64, &'a [u8]);
pub(crate) type OnTimer = (Option<u64>, u64);
pub(crate) type Handshaken = (Result<Acceptance, Rejection>,);
pub(crate) type Find<'a> = (&'a str, &'a str);
pub(crate) type FindResult = (Option<(Secret, Principal)>,);
pub(crate) type Handle = (
    Resource<HostIncomingRequest>,
    Resource<HostResponseOutparam>,
);
pub(crate) type Started = (Result<(), String>,);

impl Exports {
    /// Finds them all. Optional exports that are absent cost nothing later.
    pub(crate) fn find(pre: &InstancePre<Guest>) -> Result<Self, Mismatch> {
        let behavior = Interface::find(pre, BEHAVIOR).ok_or_else(|| no_behavior(pre))?;
        let control = Interface::find(pre, CONTROL).map(|control| {
            Ok(Control {
                on_ping: control.function::<OnControl<'static>, ()>("on-ping")?,
                on_pong: control.function::<OnControl<'static>, ()>("on-pong")?,
            })
        });
        Ok(Self {
            on_open: behavior.function::<OnSession, ()>("on-open")?,
            on_message: behavior.function::<OnMessage<'static>, ()>("on-message")?,
            on_error: behavior.function::<OnError, ()>("on-error")?,
            on_close: behavior.function::<OnClose, ()>("on-close")?,
            on_handshake: Interface::find(pre, HANDSHAKE)
                .map(|handshake| handshake.function::<OnHandshake, Handshaken>("on-handshake"))
                .transpose()?,
            on_messages: Interface::find(pre, BATCH)
                .map(|batch| batch.function::<OnMessages<'static>, ()>("on-messages"))
                .transpose()?,
            control: control.transpose()?,
            on_timer: Interface::find(pre, TIMER)
                .map(|timer| timer.function::<OnTimer, ()>("on-timer"))
                .transpose()?,
            lifecycle: Lifecycle::find(pre)?,
            connection: Connection::find(pre)?,
            handler: HandlerExports::find_optional(pre)?,
        })
    }
}

impl HandlerExports {
    /// Finds them.
    pub(crate) fn find(pre: &InstancePre<Guest>) -> Result<Self, Mismatch> {
        Self::find_optional(pre)?.ok_or_else(|| Mismatch::NoHandler {
            needed: HANDLER,
            exports: exports(pre),
        })
    }

    fn find_optional(pre: &InstancePre<Guest>) -> Result<Option<Self>, Mismatch> {
        let handler = Interface::find(pre, HANDLER).map(|handler| {
            Ok(Self {
                handle: handler.function::<Handle, ()>("handle")?,
                lifecycle: Lifecycle::find(pre)?,
            })
        });
        handler.transpose()
    }
}

impl CredentialsExports {
    /// Finds them.
    pub(crate) fn find(pre: &InstancePre<Guest>) -> Result<Self, Mismatch> {
        let credentials = Interface::find(pre, CREDENTIALS);
        let credentials = credentials.ok_or_else(|| Mismatch::NoCredentials {
            needed: CREDENTIALS,
            exports: exports(pre),
        })?;
        Ok(Self {
            find: credentials.function::<Find<'static>, FindResult>("find")?,
            lifecycle: Lifecycle::find(pre)?,
        })
    }
}

impl Lifecycle {
    fn find(pre: &InstancePre<Guest>) -> Result<Option<Self>, Mismatch> {
        let lifecycle = Interface::find(pre, LIFECYCLE).map(|lifecycle| {
            Ok(Self {
                on_start: lifecycle.function::<(), Started>("on-start")?,
                on_stop: lifecycle.function::<(), ()>("on-stop")?,
            })
        });
        lifecycle.transpose()
    }
}

impl Connection {
    fn find(pre: &InstancePre<Guest>) -> Result<Option<Self>, Mismatch> {
        let connection = Interface::find(pre, CONNECTION).map(|connection| {
            Ok(Self {
                on_open: connection.function::<OnSession, ()>("on-open")?,
                on_message: connection.function::<OnMessage<'static>, ()>("on-message")?,
                on_close: connection.function::<OnClose, ()>("on-close")?,
            })
        });
        connection.transpose()
    }
}

/// An exported interface.
struct Interface<'a> {
    pre: &'a InstancePre<Guest>,
    name: &'static str,
    index: ComponentExportIndex,
}

impl<'a> Interface<'a> {
    fn find(pre: &'a InstancePre<Guest>, name: &'static str) -> Option<Self> {
        let index = pre.component().get_export_index(None, name)?;
        Some(Self { pre, name, index })
    }

    /// A function of the interface, if its types are those of the WIT.
    fn function<P, R>(&self, name: &str) -> Result<ComponentExportIndex, Mismatch>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let mismatch = |reason: String| Mismatch::Export {
            export: format!("{}#{name}", self.name),
            reason,
        };
        match self.pre.component().get_export(Some(&self.index), name) {
            Some((ComponentItem::ComponentFunc(function), index)) => function
                .typecheck::<P, R>(&self.pre.instance_type())
                .map(|()| index)
                .map_err(|e| mismatch(format!("{e:#}"))),
            Some(_) => Err(mismatch("it is no function".into())),
            None => Err(mismatch("it is missing".into())),
        }
    }
}

fn no_behavior(pre: &InstancePre<Guest>) -> Mismatch {
    wrong_world(exports(pre))
}

fn exports(pre: &InstancePre<Guest>) -> Vec<String> {
    let component = pre.component();
    let ty = component.component_type();
    let exports = ty.exports(component.engine());
    exports.map(|(name, _)| name.to_owned()).collect()
}

/// Why a component with these exports is no service.
pub(crate) fn wrong_world(exports: Vec<String>) -> Mismatch {
    let (interface, _) = BEHAVIOR.split_once('@').unwrap_or((BEHAVIOR, ""));
    let same = |name: &&String| name.split('@').next() == Some(interface);
    match exports.iter().find(same) {
        Some(found) => Mismatch::Version {
            needed: BEHAVIOR,
            found: found.clone(),
        },
        None => Mismatch::NoBehavior {
            needed: BEHAVIOR,
            exports,
        },
    }
}

/// What every service exports.
pub(crate) const BEHAVIOR: &str = "wasket:websocket/behavior@0.1.0";
const BATCH: &str = "wasket:websocket/batch@0.1.0";
const HANDSHAKE: &str = "wasket:websocket/handshake@0.1.0";
const CONTROL: &str = "wasket:websocket/control@0.1.0";
const CONNECTION: &str = "wasket:websocket/connection@0.1.0";
const TIMER: &str = "wasket:websocket/timer@0.1.0";
/// What knows users.
const CREDENTIALS: &str = "wasket:websocket/credentials@0.1.0";
/// What answers plain requests. Any 0.2 is found by it.
pub(crate) const HANDLER: &str = "wasi:http/incoming-handler@0.2.0";
const LIFECYCLE: &str = "wasket:websocket/lifecycle@0.1.0";

/// Optional exports, and whether this version of the host uses them.
pub(crate) const OPTIONAL: [(&str, bool); 9] = [
    (BATCH, true),
    (HANDSHAKE, true),
    (CONTROL, true),
    (TIMER, true),
    (LIFECYCLE, true),
    ("wasket:websocket/hibernation@0.1.0", false),
    (CONNECTION, true),
    (CREDENTIALS, true),
    (HANDLER, true),
];
