//! Stands in for the connection: sessions, their seats, and what comes out of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, Once};
use std::task::Poll;
use std::time::Duration;

use wasket_runtime::{Component, Grant, GuestService, Limits, Outbound, Runtime, Settings, Stores};
use wasket_session::ws::{Event, Message};
use wasket_session::{
    Admission, CloseEvent, Closing, Fault, Headers, Hub, IdSource, Inbox, Item, Opening, Outbox,
    Party, Refusal, Seat, Service, Session,
};

/// A runtime for a few instances, with ticks short enough for tests that use up their time.
pub(crate) fn runtime() -> Runtime {
    runtime_of(8, None)
}

pub(crate) fn runtime_of(instances_max: u32, cache_directory: Option<PathBuf>) -> Runtime {
    Runtime::new(Settings {
        instances_max,
        epoch_tick: Duration::from_millis(1),
        cache_directory,
    })
    .expect("an engine")
}

pub(crate) async fn load(runtime: &Runtime, wat: &str) -> Component {
    let name = Path::new("test.wat");
    let loaded = runtime.load_bytes(name, wat.as_bytes().to_vec()).await;
    loaded.unwrap_or_else(|e| panic!("{e}"))
}

/// One of the workspace's example components.
pub(crate) async fn guest(runtime: &Runtime, name: &str) -> Component {
    let loaded = runtime.load(&guest_file(name), None).await;
    loaded.unwrap_or_else(|e| panic!("{e}"))
}

/// Where it is.
pub(crate) fn guest_file(name: &str) -> PathBuf {
    let release = "../../guests/target/wasm32-wasip2/release";
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(release)
        .join(format!("{name}.wasm"));
    assert!(
        path.exists(),
        "{} is missing: run cargo xtask guests first",
        path.display()
    );
    path
}

/// What a test may set of a service.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) sessions: wasket_session::Limits,
    pub(crate) config: &'static [(&'static str, &'static str)],
    pub(crate) protocols: &'static [&'static str],
    /// What its guests may connect to, and find as `upstream` in their configuration.
    pub(crate) connect: Option<String>,
    /// What they may open of key-value.
    pub(crate) stores: Stores,
}

/// A service and the ids of its sessions.
pub(crate) struct Bench {
    pub(crate) service: GuestService,
    ids: IdSource,
}

impl Bench {
    pub(crate) fn new(runtime: &Runtime, component: &Component, setup: Setup) -> Self {
        let protocols = setup.protocols.iter().map(|&p| p.into()).collect();
        let hub = Arc::new(Hub::new("test", setup.sessions, protocols));
        let config: BTreeMap<String, String> = setup
            .config
            .iter()
            .map(|&(key, value)| (key.into(), value.into()))
            .chain(
                setup
                    .connect
                    .iter()
                    .map(|url| ("upstream".into(), url.clone())),
            )
            .collect();
        let service = GuestService::new(runtime, component, hub, config, setup.limits);
        let service = service.expect("limits in their bounds");
        let outbound = Outbound::new(Arc::new(IdSource::new(1)), 100);
        let grants = setup.connect.iter();
        let grants = grants.map(|url| Grant::new(url).expect("an entry"));
        Self {
            service: service
                .with_connections(&outbound, grants.collect(), 4)
                .with_stores(setup.stores),
            ids: IdSource::new(0),
        }
    }

    pub(crate) fn session(&self, target: &str, protocols: &[&str]) -> Arc<Session> {
        let hub = self.service.hub();
        let opening = Opening {
            service: Arc::clone(hub.service()),
            method: "GET",
            authority: "localhost".into(),
            target: target.into(),
            path: target.split('?').next().unwrap_or_default().into(),
            parameters: Box::new([("room".into(), "1".into())]),
            headers: Headers::new([("X-Test", b"yes".as_slice()), ("cookie", b"a=1")]),
            protocols: protocols.iter().map(|&p| p.into()).collect(),
            principal: None,
            remote_address: ([127, 0, 0, 1], 9).into(),
            secure: false,
            properties: Arc::new([("http-version".into(), "1.1".into())]),
        };
        let id = self.ids.next(std::time::SystemTime::now());
        Arc::new(Session::new(id, hub, opening, 1_000))
    }

    pub(crate) async fn admit(&self, target: &str) -> Result<(Arc<Session>, Admission), Refusal> {
        let session = self.session(target, &["a", "b"]);
        let admission = self.service.admit(&session).await?;
        Ok((session, admission))
    }

    /// A session whose `on-open` has not been called yet.
    pub(crate) async fn connect(&self, target: &str) -> Client {
        let (session, admission) = match self.admit(target).await {
            Ok(admitted) => admitted,
            Err(refusal) => panic!("refused with {}", refusal.status),
        };
        session.open(admission.protocol, admission.principal);
        self.service.hub().join(Arc::clone(&session));
        Client {
            outbox: Outbox::new(Arc::clone(&session)),
            session,
            seat: admission.seat,
            closing: None,
        }
    }

    /// An open session.
    pub(crate) async fn open(&self, target: &str) -> Client {
        let mut client = self.connect(target).await;
        client.on_open().await.expect("on-open");
        client
    }
}

/// One session as its connection sees it.
pub(crate) struct Client {
    pub(crate) session: Arc<Session>,
    pub(crate) seat: Box<dyn Seat>,
    pub(crate) outbox: Outbox,
    pub(crate) closing: Option<Closing>,
}

impl Client {
    pub(crate) async fn on_open(&mut self) -> Result<(), Fault> {
        self.seat.open(&mut self.outbox).await
    }

    pub(crate) async fn events(&mut self, events: &[Event<'_>]) -> Result<(), Fault> {
        let inbox = Inbox::new(events);
        self.seat.receive(inbox, &mut self.outbox).await
    }

    pub(crate) async fn text(&mut self, text: &str) -> Result<(), Fault> {
        self.events(&[Event::Message(Message::Text(text.into()))])
            .await
    }

    /// Sends a text and takes what came back.
    pub(crate) async fn ask(&mut self, text: &str) -> Vec<String> {
        self.text(text).await.expect("on-message");
        self.received()
    }

    pub(crate) async fn on_close(&mut self) -> Result<(), Fault> {
        let close = CloseEvent {
            code: 1000,
            reason: "bye".into(),
            clean: true,
            by: Party::Peer,
        };
        self.session.stop_accepting();
        self.seat.close(close, &mut self.outbox).await
    }

    /// The payloads of everything sent to the peer since the last call; binary as `N bytes`.
    pub(crate) fn received(&mut self) -> Vec<String> {
        let mut wire = Vec::new();
        let mut pings = Vec::new();
        let closing = self.session.drain(|item| {
            self.session.written(item.len());
            match item {
                Item::Frame(frame) => wire.extend_from_slice(frame.bytes()),
                Item::Ping(payload) => pings.push(format!("ping of {}", payload.len())),
            }
            true
        });
        self.closing = closing.or(self.closing.take());
        wire.extend(self.outbox.take());
        let mut received = frames(&wire);
        received.extend(pings);
        received
    }
}

/// Unmasked, unfragmented frames (RFC 6455, section 5.2).
fn frames(mut wire: &[u8]) -> Vec<String> {
    let mut payloads = Vec::new();
    while let [first, length, rest @ ..] = wire {
        let (length, rest) = match length {
            126 => (
                u64::from(u16::from_be_bytes([rest[0], rest[1]])),
                &rest[2..],
            ),
            127 => {
                let length = rest[..8].try_into().expect("eight bytes");
                (u64::from_be_bytes(length), &rest[8..])
            }
            length => (u64::from(*length), rest),
        };
        let (payload, rest) = rest.split_at(usize::try_from(length).expect("a length"));
        payloads.push(match first {
            0x81 => String::from_utf8(payload.to_vec()).expect("UTF-8"),
            0x82 => format!("{} bytes", payload.len()),
            other => panic!("a frame that begins with {other:#x}"),
        });
        wire = rest;
    }
    payloads
}

/// Polls once.
pub(crate) async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    let mut future = Pin::new(future);
    poll_fn(move |cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

/// What a thread logs. One subscriber serves all tests, for tracing remembers of every place whether
/// anyone listens there, and tests that each bring their own make it forget one another.
#[derive(Clone, Default)]
pub(crate) struct Log {
    text: Arc<Mutex<Vec<u8>>>,
}

thread_local! {
    static RECORDING: RefCell<Option<Log>> = const { RefCell::new(None) };
}

impl Log {
    /// Records this thread until the guard is dropped.
    pub(crate) fn record() -> (Self, Recording) {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            tracing_subscriber::fmt()
                .with_ansi(false)
                .with_env_filter("wasket=trace")
                .with_writer(|| Recorder)
                .init();
        });
        let log = Self::default();
        log.attach();
        (log, Recording)
    }

    /// Records this thread too.
    pub(crate) fn attach(&self) {
        RECORDING.set(Some(self.clone()));
    }

    pub(crate) fn text(&self) -> String {
        let text = self.text.lock().expect("the log");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The lines that hold this text.
    pub(crate) fn lines(&self, with: &str) -> Vec<String> {
        let text = self.text();
        let lines = text.lines().filter(|line| line.contains(with));
        lines.map(str::to_owned).collect()
    }
}

/// Ends a recording.
pub(crate) struct Recording;

impl Drop for Recording {
    fn drop(&mut self) {
        RECORDING.set(None);
    }
}

struct Recorder;

impl io::Write for Recorder {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        RECORDING.with_borrow(|log| {
            if let Some(log) = log {
                log.text.lock().expect("the log").extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
