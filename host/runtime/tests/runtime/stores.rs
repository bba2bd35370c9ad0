//! Key-value stores that do not do as they should.

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use wasket_runtime::{Limits, Stores};
use wasket_session::Fault;
use wasket_store::{Answer, Error, Page, Room, Row, Store, Write, Written};

use crate::harness::{Bench, Log, Setup, guest, runtime};

/// Every answer of it is the same.
enum Broken {
    NeverAnswers,
    Fails,
}

impl Broken {
    fn answer<T: Send + 'static>(&self) -> Answer<'_, T> {
        match self {
            Self::NeverAnswers => Box::pin(pending()),
            Self::Fails => Box::pin(ready(Err(Error::Failed("/dev/disk: no space".into())))),
        }
    }
}

impl Store for Broken {
    fn read(&self, _: Vec<String>) -> Answer<'_, Vec<Option<Row>>> {
        self.answer()
    }

    fn revision(&self, _: String) -> Answer<'_, Option<u64>> {
        self.answer()
    }

    fn keys(&self, _: Option<String>) -> Answer<'_, Page> {
        self.answer()
    }

    fn room(&self, _: usize) -> Answer<'_, Room> {
        Box::pin(ready(Ok(Room::default())))
    }

    fn write(&self, _: Write, _: Room) -> Answer<'_, Written> {
        self.answer()
    }

    fn close(&self) -> Answer<'_, ()> {
        self.answer()
    }

    fn bytes_max(&self) -> u64 {
        0
    }
}

/// A bench of guests/kvprobe that has this store.
async fn bench(store: Broken, event_wall_time: Duration) -> Bench {
    let runtime = runtime();
    let component = guest(&runtime, "kvprobe").await;
    let mut stores = Stores::default();
    stores.grant("default", "a", Arc::new(store));
    let limits = Limits {
        event_wall_time,
        ..Limits::default()
    };
    let setup = Setup {
        limits,
        stores,
        ..Setup::default()
    };
    Bench::new(&runtime, &component, setup)
}

const COMMANDS: [&str; 14] = [
    "1 default get a",
    "1 default set a b",
    "1 default delete a",
    "1 default exists a",
    "1 default list",
    "1 default increment a 1",
    "1 default get-many a b",
    "1 default set-many a=b",
    "1 default delete-many a",
    "2 default list",
    "2 default increment a 1",
    "2 default get-many a",
    "2 default cas a b",
    "2 default cas-late a b",
];

// hardening H28
#[tokio::test]
async fn a_store_that_does_not_answer_ends_the_guest_and_not_what_it_has_sent() {
    let patient = bench(Broken::NeverAnswers, Duration::from_millis(500)).await;
    let mut client = patient.open("/").await;
    let session = Arc::clone(&client.session);
    let mut waiting = Box::pin(client.text("loud 1 default set a b"));
    let soon = tokio::time::timeout(Duration::from_millis(200), &mut waiting).await;
    assert!(soon.is_err(), "nothing answers");
    // It went out before the guest began to wait.
    let mut sent = 0;
    session.drain(|item| {
        sent += item.len();
        true
    });
    assert!(sent > 0, "nothing was sent");
    assert_eq!(waiting.await, Err(Fault::WallTime));
    let hasty = bench(Broken::NeverAnswers, Duration::from_millis(50)).await;
    for command in COMMANDS {
        let mut client = hasty.open("/").await;
        assert_eq!(
            client.text(command).await,
            Err(Fault::WallTime),
            "{command}"
        );
    }
}

// hardening H28
#[tokio::test]
async fn a_store_that_fails_tells_the_guest_little_and_the_operator_all() {
    let (log, _guard) = Log::record();
    let bench = bench(Broken::Fails, Duration::from_secs(10)).await;
    let mut client = bench.open("/").await;
    for command in COMMANDS {
        let answers = client.ask(command).await;
        assert_eq!(answers, ["error=the store does not work"], "{command}");
    }
    let told = log.lines("/dev/disk: no space");
    assert_eq!(told.len(), 1, "{told:?}");
}
