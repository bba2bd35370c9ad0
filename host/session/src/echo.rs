//! A native service that answers every message with itself: to test and measure everything around the
//! guests, and to show what the sandbox costs.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use wasket_ws::{Event, Message};

use crate::{
    Admission, Call, CloseEvent, Fault, Hub, Inbox, Outbox, Outcome, Refusal, Seat, Service,
    Session, SessionError,
};

/// The service.
#[derive(Debug)]
pub struct Echo {
    hub: Arc<Hub>,
}

impl Echo {
    /// An echo for the sessions of this hub.
    #[must_use]
    pub fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }
}

impl Service for Echo {
    fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    fn admit<'a>(
        &'a self,
        session: &'a Arc<Session>,
    ) -> Pin<Box<dyn Future<Output = Result<Admission, Refusal>> + Send + 'a>> {
        Box::pin(async {
            Ok(Admission {
                protocol: self.hub.choose_protocol(session.opening()),
                headers: Vec::new(),
                principal: None,
                seat: Box::new(EchoSeat),
            })
        })
    }
}

struct EchoSeat;

impl Seat for EchoSeat {
    fn open<'a>(&'a mut self, _: &'a mut Outbox) -> Call<'a> {
        nothing()
    }

    fn receive<'a>(&'a mut self, inbox: Inbox<'a>, outbox: &'a mut Outbox) -> Call<'a> {
        Box::pin(async move {
            for event in inbox {
                let Event::Message(message) = event else {
                    continue;
                };
                match outbox.send(message) {
                    Outcome::Accepted => {}
                    Outcome::Backlogged => send_when_room(outbox, message).await,
                    _ => break,
                }
            }
            Ok(())
        })
    }

    fn timer<'a>(&'a mut self, _: u64, _: &'a mut Outbox) -> Call<'a> {
        nothing()
    }

    fn error<'a>(&'a mut self, _: SessionError, _: &'a mut Outbox) -> Call<'a> {
        nothing()
    }

    fn close<'a>(&'a mut self, _: CloseEvent, _: &'a mut Outbox) -> Call<'a> {
        nothing()
    }
}

fn nothing<'a>() -> Call<'a> {
    Box::pin(std::future::ready(Ok::<(), Fault>(())))
}

#[cold]
async fn send_when_room(outbox: &mut Outbox, message: &Message<'_>) {
    while outbox.send(message) == Outcome::Backlogged {
        poll_fn(|cx| outbox.poll_room(cx)).await;
    }
}
