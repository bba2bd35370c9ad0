//! Connections of guests to the outside: which are granted, whose they are, and the tasks that run them.

mod address;
mod grant;
mod link;
mod pace;
mod task;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures_util::task::AtomicWaker;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;
use wasket_client::{Connect, Deadlines, Limits};
use wasket_session::ws::{CloseCode, CloseFrame};
use wasket_session::{Hub, IdSource, Session, SessionId};

use crate::store::Shared;

pub use grant::{Grant, NotGrantable};
pub(crate) use link::{Arrived, Link};
use pace::Pace;

/// What all connections to the outside of one host share. A clone is the same.
#[derive(Clone, Debug)]
pub struct Outbound {
    ids: Arc<IdSource>,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
    connections_max: usize,
}

impl Outbound {
    /// Connections are named from the same source as sessions, and there are so many at most, those that close in the
    /// background included.
    #[must_use]
    pub fn new(ids: Arc<IdSource>, connections_max: usize) -> Self {
        Self {
            ids,
            tasks: TaskTracker::new(),
            places: Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS))),
            connections_max,
        }
    }

    /// How many there may be.
    pub(crate) fn connections_max(&self) -> usize {
        self.connections_max
    }

    /// Room for one more; `None` where there are as many as there may be.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Waits until every connection is closed, after the last session has ended: little longer than the services'
    /// `close_timeout`.
    pub async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// What a service is granted of the outside.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) outbound: Outbound,
    pub(crate) grants: Vec<Grant>,
    pub(crate) connections_max: usize,
}

impl Granted {
    pub(crate) fn new(outbound: &Outbound, grants: Vec<Grant>, connections_max: usize) -> Self {
        Self {
            outbound: outbound.clone(),
            grants,
            connections_max,
        }
    }

    /// Holds for all instances of a component, of which there are none yet.
    pub(crate) fn hold_for(self, shared: &mut Arc<Shared>) {
        if let Some(shared) = Arc::get_mut(shared) {
            shared.granted = Some(self);
        }
    }

    /// The first grant that covers this URL.
    pub(crate) fn find(&self, url: &url::Url) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.covers(url))
    }
}

/// The connections of one instance. Dropping it closes them in the background, with 1001.
#[derive(Default)]
pub(crate) struct Connections {
    links: Vec<Arc<Link>>,
    /// Whose turn it is to be heard.
    next: usize,
    progress: Arc<AtomicWaker>,
    pace: Arc<Pace>,
}

impl Connections {
    /// How many there are: those that connect, and those whose end the guest has not heard of, too.
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    pub(crate) fn find(&self, id: u64) -> Option<&Arc<Link>> {
        self.links.iter().find(|link| link.id().get() == id)
    }

    /// Begins to connect, in a task of its own; `None` where the host has as many connections as it may have.
    pub(crate) fn begin(
        &mut self,
        granted: &Granted,
        session: &Arc<Session>,
        hub: &Arc<Hub>,
        connect: Connect,
        url: String,
    ) -> Option<SessionId> {
        let place = granted.outbound.place()?;
        let id = granted.outbound.ids.next(SystemTime::now());
        let link = Arc::new(Link::new(id, session, hub, &self.progress));
        self.links.push(Arc::clone(&link));
        let close_within = hub.limits().close_timeout;
        let connect = connect
            .limits(limits(hub))
            .deadlines(deadlines(hub))
            .ping_every(hub.limits().ping_every);
        let pace = Arc::clone(&self.pace);
        let task = task::run(link, connect, url, pace, close_within, place);
        granted.outbound.tasks.spawn(task);
        Some(id)
    }

    /// The next event of any of them in turn, if the guest's session has room for as much.
    pub(crate) fn next(
        &mut self,
        mut has_room: impl FnMut(usize) -> bool,
    ) -> Option<(SessionId, Arrived)> {
        for _ in 0..self.links.len() {
            self.next = (self.next + 1) % self.links.len();
            let link = self.links.get(self.next)?;
            let Some(len) = link.next_len() else {
                continue;
            };
            if !has_room(len) {
                return None;
            }
            let (id, arrived) = (link.id(), link.take()?);
            if matches!(arrived, Arrived::Close(_)) {
                self.links.swap_remove(self.next);
            }
            return Some((id, arrived));
        }
        None
    }

    /// Whether none of them would have a guest wait that sends on so many bytes.
    pub(crate) fn have_room(&self, bytes: usize) -> bool {
        self.links.iter().all(|link| link.has_room(bytes))
    }

    /// Waits until they [have room](Self::have_room), there is something to hear that the session has room for, or
    /// the session is given up.
    pub(crate) fn poll_room(&self, cx: &Context<'_>, bytes: usize, session: &Session) -> Poll<()> {
        self.progress.register(cx.waker());
        let drained = session.poll_room(cx).is_ready();
        let to_hear = || self.links.iter().any(|link| link.next_len().is_some());
        match session.is_given_up() || self.have_room(bytes) || drained && to_hear() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        for link in &self.links {
            link.abandon(CloseFrame::from(CloseCode::GOING_AWAY));
        }
    }
}

/// Those of the service, and little that waits beside what the link holds.
fn limits(hub: &Hub) -> Limits {
    Limits {
        message_bytes_max: hub.limits().message_bytes_max,
        fragments_max: hub.limits().fragments_max,
        received_bytes_max: RECEIVED_BYTES_MAX,
        queued_messages_max: 1,
        ..Limits::default()
    }
}

/// As of the service's sessions, where they have such.
fn deadlines(hub: &Hub) -> Deadlines {
    Deadlines {
        write: hub.limits().write_timeout,
        close: hub.limits().close_timeout,
        pong: hub.limits().pong_timeout,
        ..Deadlines::default()
    }
}

/// How long a host waits for the last of its connections, beyond what its services allow theirs.
pub const ENDED_WITHIN: Duration = Duration::from_secs(1);

const RECEIVED_BYTES_MAX: usize = 64 << 10;
