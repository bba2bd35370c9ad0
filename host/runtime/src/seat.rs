//! One session's instance, behind the port.

use std::sync::Arc;

use wasket_session::ws::Event;
use wasket_session::{Call, CloseEvent, Fault, Inbox, Outbox, ReadyState, Seat, SessionError};
use wasmtime::component::TypedFunc;

use crate::export::{Exports, OnClose, OnControl, OnError, OnMessage, OnSession, OnTimer};
use crate::instance::Instance;

/// Serves one session with an instance of its own.
pub(crate) struct GuestSeat {
    instance: Instance,
    exports: Arc<Exports>,
    session: u64,
    on_message: TypedFunc<OnMessage<'static>, ()>,
    control: Option<ControlFunctions>,
}

struct ControlFunctions {
    on_ping: TypedFunc<OnControl<'static>, ()>,
    on_pong: TypedFunc<OnControl<'static>, ()>,
}

impl GuestSeat {
    pub(crate) fn new(mut instance: Instance, exports: Arc<Exports>) -> Result<Self, Fault> {
        let on_message = instance.function(&exports.on_message)?;
        let control = match &exports.control {
            Some(control) => Some(ControlFunctions {
                on_ping: instance.function(&control.on_ping)?,
                on_pong: instance.function(&control.on_pong)?,
            }),
            None => None,
        };
        Ok(Self {
            session: instance.guest().session().id().get(),
            instance,
            exports,
            on_message,
            control,
        })
    }

    async fn take(&mut self, inbox: Inbox<'_>) -> Result<(), Fault> {
        // Once for the whole inbox: a worker that is held for a tick lets others run, whatever number of
        // messages that tick had.
        self.instance.begin_run();
        for event in inbox {
            if self.instance.guest().session().state() != ReadyState::Open {
                break;
            }
            match event {
                Event::Message(message) => {
                    let function: &TypedFunc<OnMessage<'_>, ()> = &self.on_message;
                    let params = (self.session, message.into());
                    self.instance.call("on-message", function, params).await?;
                }
                Event::Ping(payload) => self.control("on-ping", payload).await?,
                Event::Pong(payload) => self.control("on-pong", payload).await?,
                Event::Close(_) => {}
            }
        }
        Ok(())
    }

    async fn control(&mut self, event: &'static str, payload: &[u8]) -> Result<(), Fault> {
        let Some(control) = &self.control else {
            return Ok(());
        };
        let function: &TypedFunc<OnControl<'_>, ()> = match event {
            "on-ping" => &control.on_ping,
            _ => &control.on_pong,
        };
        self.instance
            .call(event, function, (self.session, payload))
            .await
    }

    async fn wake(&mut self, token: u64) -> Result<(), Fault> {
        let Some(on_timer) = &self.exports.on_timer else {
            return Ok(());
        };
        let params: OnTimer = (Some(self.session), token);
        self.instance.call_rare("on-timer", on_timer, params).await
    }

    async fn end(&mut self, close: CloseEvent) -> Result<(), Fault> {
        let params: OnClose = (self.session, close.into());
        let on_close = &self.exports.on_close;
        let () = self
            .instance
            .call_rare("on-close", on_close, params)
            .await?;
        if let Some(lifecycle) = &self.exports.lifecycle {
            let on_stop = &lifecycle.on_stop;
            let () = self.instance.call_rare("on-stop", on_stop, ()).await?;
        }
        Ok(())
    }
}

/// Gives the guest the connection's buffer for the time of a call. What it had sent when it failed still
/// goes out.
macro_rules! with_outbox {
    ($seat:ident, $outbox:ident, $call:expr) => {
        Box::pin(async move {
            $seat.instance.swap_outbox($outbox);
            let result = $call.await;
            $seat.instance.swap_outbox($outbox);
            result
        })
    };
}

impl Seat for GuestSeat {
    fn open<'a>(&'a mut self, outbox: &'a mut Outbox) -> Call<'a> {
        let params: OnSession = (self.session,);
        with_outbox!(
            self,
            outbox,
            self.instance
                .call_rare("on-open", &self.exports.on_open, params)
        )
    }

    fn receive<'a>(&'a mut self, inbox: Inbox<'a>, outbox: &'a mut Outbox) -> Call<'a> {
        with_outbox!(self, outbox, self.take(inbox))
    }

    fn timer<'a>(&'a mut self, token: u64, outbox: &'a mut Outbox) -> Call<'a> {
        with_outbox!(self, outbox, self.wake(token))
    }

    fn error<'a>(&'a mut self, error: SessionError, outbox: &'a mut Outbox) -> Call<'a> {
        let params: OnError = (self.session, error.into());
        with_outbox!(
            self,
            outbox,
            self.instance
                .call_rare("on-error", &self.exports.on_error, params)
        )
    }

    fn close<'a>(&'a mut self, close: CloseEvent, outbox: &'a mut Outbox) -> Call<'a> {
        with_outbox!(self, outbox, self.end(close))
    }

    fn wants_control(&self) -> bool {
        self.control.is_some()
    }
}
