//! One session's instance, behind the port.

use std::sync::Arc;

use wasket_session::ws::Event;
use wasket_session::{Call, CloseEvent, Fault, Inbox, Outbox, Seat, SessionError};
use wasmtime::component::TypedFunc;

use crate::batch::Batch;
use crate::export::{
    Exports, OnClose, OnControl, OnError, OnMessage, OnMessages, OnSession, OnTimer,
};
use crate::instance::Instance;

/// Serves one session with an instance of its own.
pub(crate) struct GuestSeat {
    instance: Instance,
    exports: Arc<Exports>,
    session: u64,
    on_message: TypedFunc<OnMessage<'static>, ()>,
    on_messages: Option<TypedFunc<OnMessages<'static>, ()>>,
    control: Option<ControlFunctions>,
}

struct ControlFunctions {
    on_ping: TypedFunc<OnControl<'static>, ()>,
    on_pong: TypedFunc<OnControl<'static>, ()>,
}

impl GuestSeat {
    pub(crate) fn new(mut instance: Instance, exports: Arc<Exports>) -> Result<Self, Fault> {
        let on_message = instance.function(&exports.on_message)?;
        let on_messages = match &exports.on_messages {
            Some(on_messages) => Some(instance.function(on_messages)?),
            None => None,
        };
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
            on_messages,
            control,
        })
    }

    async fn take(&mut self, inbox: Inbox<'_>) -> Result<(), Fault> {
        // Once for the whole inbox: a worker that is held for a tick lets others run, whatever number of
        // messages that tick had.
        self.instance.begin_run();
        for event in inbox {
            if self.is_shut() {
                break;
            }
            match event {
                Event::Message(message) => {
                    let function: &TypedFunc<OnMessage<'_>, ()> = &self.on_message;
                    let params = (self.session, message.into());
                    self.instance
                        .call("on-message", 1, function, params)
                        .await?;
                }
                Event::Ping(_) | Event::Pong(_) => self.control(event).await?,
                Event::Close(_) => {}
            }
        }
        Ok(())
    }

    /// Messages that follow one another go in together; a control frame that the guest wants to hear of
    /// keeps its place between them.
    async fn take_in_batches(&mut self, inbox: Inbox<'_>) -> Result<(), Fault> {
        self.instance.begin_run();
        let mut batch = Batch::for_events(inbox.len());
        for event in inbox {
            if let Event::Message(message) = event {
                if !batch.has_room_for(message) {
                    self.deliver(&mut batch).await?;
                }
                batch.push(message);
            } else if self.control.is_some() {
                self.deliver(&mut batch).await?;
                if !self.is_shut() {
                    self.control(event).await?;
                }
            }
        }
        self.deliver(&mut batch).await
    }

    /// Empties a batch into the guest: one message by `on-message`, several by `on-messages`.
    async fn deliver(&mut self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        if !self.is_shut() {
            match (batch.messages(), &self.on_messages) {
                ([], _) | (_, None) => {}
                ([message], _) => {
                    let function: &TypedFunc<OnMessage<'_>, ()> = &self.on_message;
                    let params = (self.session, *message);
                    self.instance
                        .call("on-message", 1, function, params)
                        .await?;
                }
                (messages, Some(on_messages)) => {
                    let function: &TypedFunc<OnMessages<'_>, ()> = on_messages;
                    let events = u32::try_from(messages.len()).unwrap_or(u32::MAX);
                    let params = (self.session, messages);
                    self.instance
                        .call("on-messages", events, function, params)
                        .await?;
                }
            }
        }
        batch.clear();
        Ok(())
    }

    /// After the guest or the host asked to close, nothing more is delivered.
    fn is_shut(&self) -> bool {
        self.instance.guest().session().is_shut()
    }

    async fn control(&mut self, event: &Event<'_>) -> Result<(), Fault> {
        let Some(control) = &self.control else {
            return Ok(());
        };
        let (name, function, payload) = match event {
            Event::Ping(payload) => ("on-ping", &control.on_ping, payload),
            Event::Pong(payload) => ("on-pong", &control.on_pong, payload),
            Event::Message(_) | Event::Close(_) => return Ok(()),
        };
        let function: &TypedFunc<OnControl<'_>, ()> = function;
        let params: OnControl<'_> = (self.session, payload);
        self.instance.call(name, 1, function, params).await
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
        // Each in a box of its own size: that for batches is the larger one, and most reads bring one message.
        if self.on_messages.is_some() && inbox.len() > 1 {
            with_outbox!(self, outbox, self.take_in_batches(inbox))
        } else {
            with_outbox!(self, outbox, self.take(inbox))
        }
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
