//! One session's instance, behind the port.

use std::future::poll_fn;
use std::sync::Arc;

use wasket_session::ws::Event;
use wasket_session::{Call, CloseEvent, Fault, Inbox, Outbox, Seat, SessionError};
use wasmtime::component::TypedFunc;

use crate::batch::Batch;
use crate::export::{
    Exports, OnClose, OnControl, OnError, OnMessage, OnMessages, OnSession, OnTimer,
};
use crate::instance::Instance;
use crate::outbound::Arrived;

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

    async fn on_timer(&mut self, token: u64) -> Result<(), Fault> {
        let Some(on_timer) = &self.exports.on_timer else {
            return Ok(());
        };
        let params: OnTimer = (Some(self.session), token);
        self.instance.call_rare("on-timer", on_timer, params).await
    }

    /// Tells the guest what its connections brought, as long as its session has room for as much. Whether that was
    /// anything.
    async fn hear(&mut self) -> Result<bool, Fault> {
        // Once for all of them, as for an inbox.
        self.instance.begin_run();
        let mut on_message = None;
        for told in 0..HEARD_AT_ONCE {
            if self.instance.guest().session().is_given_up() {
                return Ok(told > 0);
            }
            let Some((id, arrived)) = self.instance.guest_mut().next_arrived() else {
                return Ok(told > 0);
            };
            self.tell(id.get(), arrived, &mut on_message).await?;
        }
        // Others get their turn.
        self.instance.guest().session().wake_seat();
        Ok(true)
    }

    async fn tell(
        &mut self,
        id: u64,
        arrived: Arrived,
        on_message: &mut Option<TypedFunc<OnMessage<'static>, ()>>,
    ) -> Result<(), Fault> {
        let Some(connection) = &self.exports.connection else {
            return Ok(());
        };
        match arrived {
            Arrived::Open => {
                let on_open = self.instance.function(&connection.on_open)?;
                let params: OnSession = (id,);
                let name = "connection.on-open";
                self.instance.call(name, 1, &on_open, params).await
            }
            Arrived::Message(message, _charge) => {
                let function: &TypedFunc<OnMessage<'_>, ()> = match on_message {
                    Some(on_message) => on_message,
                    None => on_message.insert(self.instance.function(&connection.on_message)?),
                };
                let params = (id, (&message).into());
                let name = "connection.on-message";
                self.instance.call(name, 1, function, params).await
            }
            Arrived::Close(close) => {
                let on_close = self.instance.function(&connection.on_close)?;
                let params: OnClose = (id, close.into());
                let name = "connection.on-close";
                self.instance.call(name, 1, &on_close, params).await
            }
        }
    }

    /// Messages of a session whose guest has connections. Each waits until the guest could send it on: it hears
    /// of its connections meanwhile, so that two peers who both stall do not stall each other for good.
    async fn take_with_connections(&mut self, inbox: Inbox<'_>) -> Result<(), Fault> {
        self.instance.begin_run();
        for event in inbox {
            if let Event::Message(message) = event
                && self.make_room(message.len()).await?
            {
                // What was waited is not what the guest ran.
                self.instance.begin_run();
            }
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

    /// Whether it had to wait.
    async fn make_room(&mut self, bytes: usize) -> Result<bool, Fault> {
        let mut waited = false;
        loop {
            let guest = self.instance.guest_mut();
            let session = Arc::clone(guest.session());
            let is_over = session.is_given_up();
            match guest.open_connections() {
                Some(connections) if !is_over && !connections.have_room(bytes) => {}
                _ => return Ok(waited),
            }
            waited = true;
            if self.hear().await? {
                // However much there is to hear: the session's line has its turn between.
                tokio::task::yield_now().await;
            }
            self.instance.guest_mut().publish();
            let guest = self.instance.guest();
            if let Some(connections) = guest.open_connections() {
                poll_fn(|cx| connections.poll_room(cx, bytes, &session)).await;
            }
        }
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
        if self.instance.guest().open_connections().is_some() {
            return with_outbox!(self, outbox, self.take_with_connections(inbox));
        }
        // Each in a box of its own size: that for batches is the larger one, and most reads bring one message.
        if self.on_messages.is_some() && inbox.len() > 1 {
            with_outbox!(self, outbox, self.take_in_batches(inbox))
        } else {
            with_outbox!(self, outbox, self.take(inbox))
        }
    }

    fn timer<'a>(&'a mut self, token: u64, outbox: &'a mut Outbox) -> Call<'a> {
        with_outbox!(self, outbox, self.on_timer(token))
    }

    fn wake<'a>(&'a mut self, outbox: &'a mut Outbox) -> Call<'a> {
        if self.instance.guest().open_connections().is_none() {
            return Box::pin(std::future::ready(Ok(())));
        }
        with_outbox!(self, outbox, async { self.hear().await.map(drop) })
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

/// Events of connections that a guest hears of before its session has its turn.
const HEARD_AT_ONCE: usize = 32;
