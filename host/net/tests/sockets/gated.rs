//! A service whose guests wait at a gate when they are told to, and write down what they see.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use wasket_session::ws::{Event, Message};
use wasket_session::{
    Admission, Call, CloseEvent, Frame, Hub, Inbox, Limits, Outbox, Outcome, Refusal, Seat,
    Service, Session, SessionError,
};

use crate::support::{Peer, Running, until};

/// The service. A guest waits when it opens, if told so, and at every message "wait".
struct Gated {
    hub: Arc<Hub>,
    shared: Arc<Shared>,
}

struct Shared {
    gate: Semaphore,
    log: Mutex<Vec<String>>,
    waits_at_open: bool,
}

struct GatedSeat(Arc<Shared>);

impl Service for Gated {
    fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    fn admit<'a>(
        &'a self,
        _: &'a Arc<Session>,
    ) -> Pin<Box<dyn Future<Output = Result<Admission, Refusal>> + Send + 'a>> {
        let seat = Box::new(GatedSeat(Arc::clone(&self.shared)));
        Box::pin(async {
            Ok(Admission {
                protocol: None,
                headers: Vec::new(),
                principal: None,
                seat,
            })
        })
    }
}

impl GatedSeat {
    fn note(&self, what: String) {
        self.0.log.lock().push(what);
    }

    async fn wait(&self) {
        self.0.gate.acquire().await.unwrap().forget();
    }
}

impl Seat for GatedSeat {
    fn open<'a>(&'a mut self, _: &'a mut Outbox) -> Call<'a> {
        self.note("open".into());
        Box::pin(async {
            if self.0.waits_at_open {
                self.wait().await;
            }
            Ok(())
        })
    }

    fn receive<'a>(&'a mut self, inbox: Inbox<'a>, _: &'a mut Outbox) -> Call<'a> {
        Box::pin(async move {
            for event in inbox {
                if let Event::Message(message) = event {
                    self.note(String::from_utf8_lossy(message.as_bytes()).into());
                    assert_ne!(message.as_bytes(), b"panic", "a seat's own mistake");
                    if message.as_bytes() == b"wait" {
                        self.wait().await;
                    }
                }
            }
            Ok(())
        })
    }

    fn timer<'a>(&'a mut self, token: u64, _: &'a mut Outbox) -> Call<'a> {
        self.note(format!("timer {token}"));
        Box::pin(async { Ok(()) })
    }

    fn wake<'a>(&'a mut self, _: &'a mut Outbox) -> Call<'a> {
        self.note("woken".into());
        Box::pin(async { Ok(()) })
    }

    fn error<'a>(&'a mut self, error: SessionError, _: &'a mut Outbox) -> Call<'a> {
        self.note(format!("error {error:?}"));
        Box::pin(async { Ok(()) })
    }

    fn close<'a>(&'a mut self, close: CloseEvent, _: &'a mut Outbox) -> Call<'a> {
        let CloseEvent {
            code, clean, by, ..
        } = close;
        self.note(format!("close {code} clean={clean} by={by:?}"));
        Box::pin(async { Ok(()) })
    }
}

/// A server with it.
pub(crate) struct Host {
    pub(crate) server: Running,
    shared: Arc<Shared>,
}

impl Host {
    pub(crate) fn new(limits: Limits, waits_at_open: bool) -> Self {
        let shared = Arc::new(Shared {
            gate: Semaphore::new(0),
            log: Mutex::default(),
            waits_at_open,
        });
        let service = Gated {
            hub: Arc::new(Hub::new("gated", limits, Vec::new())),
            shared: Arc::clone(&shared),
        };
        let server = Running::start(Arc::new(service), |_| {});
        Self { server, shared }
    }

    /// A peer whose guest waits.
    pub(crate) async fn waiting(&self) -> Peer {
        let mut peer = self.server.open().await;
        peer.frame(0x81, b"wait").await;
        self.logged("wait").await;
        peer
    }

    pub(crate) fn go_on(&self) {
        self.shared.gate.add_permits(1);
    }

    pub(crate) async fn logged(&self, line: &str) {
        until(line, || self.log().last().is_some_and(|last| last == line)).await;
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.shared.log.lock().clone()
    }

    /// How many lines the log has.
    pub(crate) fn lines(&self) -> usize {
        self.shared.log.lock().len()
    }

    pub(crate) fn session(&self) -> Arc<Session> {
        let hub = &self.server.hub;
        hub.session(hub.ids(0, 1)[0]).unwrap()
    }

    /// Queues messages until neither the socket nor the outbox takes more.
    pub(crate) async fn fill(&self) {
        let frame = Frame::new(&Message::Binary(vec![7; 64 << 10].into()));
        let session = self.session();
        loop {
            let fits = session.push(frame.clone()) == Outcome::Accepted;
            if !fits {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if session.push(frame.clone()) != Outcome::Accepted {
                    return;
                }
            }
        }
    }
}
