use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasket_ws::Message;

use crate::account::Account;
use crate::registry::Registry;
use crate::topic::{TOPIC_BYTES_MAX, Topics};
use crate::{Closing, Compression, Frame, Limits, Opening, Outcome, Session, SessionId};

/// Where the sessions of one service meet: who is there, and how one speaks to all.
#[derive(Debug)]
pub struct Hub {
    service: Arc<str>,
    limits: Arc<Limits>,
    account: Arc<Account>,
    protocols: Vec<String>,
    compression: Option<Compression>,
    /// Sessions that were admitted, whether they have joined yet or not.
    reserved: AtomicUsize,
    registry: Registry,
    topics: Topics,
}

/// A session's place in its service; dropping it makes room.
#[derive(Debug)]
pub struct Reserved(Arc<Hub>);

impl Drop for Reserved {
    fn drop(&mut self) {
        self.0.reserved.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Hub {
    /// The empty hub of the service with this name. `protocols` are the subprotocols it speaks, in its
    /// order of preference.
    #[must_use]
    pub fn new(service: &str, limits: Limits, protocols: Vec<String>) -> Self {
        Self {
            service: service.into(),
            account: Account::part_of(None, limits.queued_bytes_max),
            limits: limits.into(),
            protocols,
            compression: None,
            reserved: AtomicUsize::new(0),
            registry: Registry::default(),
            topics: Topics::default(),
        }
    }

    /// Has what its sessions' queues hold count in the account of the whole host too. Done before any session is made.
    #[must_use]
    pub fn within(mut self, host: &Arc<Account>) -> Self {
        self.account = Account::part_of(Some(Arc::clone(host)), self.limits.queued_bytes_max);
        self
    }

    /// Has sessions agree on compression where clients offer it. Done before any session is made.
    #[must_use]
    pub fn with_compression(mut self, compression: Option<Compression>) -> Self {
        self.compression = compression;
        self
    }

    /// How its sessions compress; `None` if they do not.
    #[must_use]
    pub fn compression(&self) -> Option<&Compression> {
        self.compression.as_ref()
    }

    /// What its sessions' queues hold together.
    #[must_use]
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The name of the service.
    #[must_use]
    pub fn service(&self) -> &Arc<str> {
        &self.service
    }

    /// What each of its sessions may cost.
    #[must_use]
    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// The first of the service's subprotocols that the client offers (RFC 6455, section 4.2.2).
    #[must_use]
    pub fn choose_protocol(&self, opening: &Opening) -> Option<Box<str>> {
        let offered = |name: &&String| opening.protocols.iter().any(|p| **p == **name);
        self.protocols
            .iter()
            .find(offered)
            .map(|name| name.as_str().into())
    }

    /// The session with this id.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<Arc<Session>> {
        self.registry.find(id)
    }

    /// How many sessions there are on this node.
    #[must_use]
    pub fn count(&self) -> usize {
        self.registry.len()
    }

    /// Up to `limit` ids in order, those above `after`; 0 for the first page.
    #[must_use]
    pub fn ids(&self, after: u64, limit: usize) -> Vec<SessionId> {
        self.registry.page(after, limit)
    }

    /// Queues a message to one session, and never waits.
    pub fn send(&self, to: SessionId, message: &Message<'_>) -> Outcome {
        if message.len() > self.limits.message_bytes_max {
            return Outcome::TooLarge;
        }
        match self.registry.find(to) {
            Some(session) => session.push_message(message),
            None => Outcome::NotOpen,
        }
    }

    /// Queues a message to every open session but `except`: encoded once, shared by all. A slow reader
    /// fills its own outbox and delays nobody.
    pub fn broadcast(&self, message: &Message<'_>, except: Option<SessionId>) -> Outcome {
        self.broadcast_if(message, except, |_| true)
    }

    /// The same, unless `may` refuses to have it queued for so many sessions.
    pub fn broadcast_if(
        &self,
        message: &Message<'_>,
        except: Option<SessionId>,
        may: impl FnOnce(usize) -> bool,
    ) -> Outcome {
        if message.len() > self.limits.message_bytes_max {
            return Outcome::TooLarge;
        }
        if !may(self.registry.len()) {
            return Outcome::Refused;
        }
        let frame = self.shared(message);
        self.registry.for_each(|session| {
            if Some(session.id()) != except {
                session.push_broadcast(frame.clone());
            }
        });
        Outcome::Accepted
    }

    /// Has a session get what is published to a topic: 1 to 256 bytes of name.
    pub fn subscribe(&self, id: SessionId, topic: &str) -> Outcome {
        match self.registry.find(id) {
            Some(session) => self.topics.subscribe(&session, topic),
            None => Outcome::NotOpen,
        }
    }

    /// Undoes [`subscribe`](Self::subscribe).
    pub fn unsubscribe(&self, id: SessionId, topic: &str) {
        if let Some(session) = self.registry.find(id) {
            self.topics.unsubscribe(&session, topic);
        }
    }

    /// Queues a message to every subscriber of a topic but `except`.
    pub fn publish(
        &self,
        topic: &str,
        message: &Message<'_>,
        except: Option<SessionId>,
    ) -> Outcome {
        self.publish_if(topic, message, except, |_| true)
    }

    /// The same, unless `may` refuses to have it queued for so many sessions.
    pub fn publish_if(
        &self,
        topic: &str,
        message: &Message<'_>,
        except: Option<SessionId>,
        may: impl FnOnce(usize) -> bool,
    ) -> Outcome {
        if message.len() > self.limits.message_bytes_max {
            return Outcome::TooLarge;
        }
        if topic.is_empty() || topic.len() > TOPIC_BYTES_MAX {
            return Outcome::Invalid;
        }
        let frame = || self.shared(message);
        self.topics.publish(topic, frame, except, may)
    }

    /// A message for many, encoded once.
    pub(crate) fn shared(&self, message: &Message<'_>) -> Frame {
        let frame = Frame::on(&self.account, message);
        match &self.compression {
            Some(compression) if message.len() >= compression.message_bytes_min => frame.shared(),
            _ => frame,
        }
    }

    // ---- for the tasks that own connections ----

    /// Takes a place for one more session, unless `sessions_max` are taken.
    #[must_use]
    pub fn reserve(self: &Arc<Self>) -> Option<Reserved> {
        let max = self.limits.sessions_max.unwrap_or(usize::MAX);
        let taken = self
            .reserved
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| {
                (n < max).then_some(n + 1)
            });
        taken.is_ok().then(|| Reserved(Arc::clone(self)))
    }

    /// Makes a session visible to the others.
    pub fn join(&self, session: Arc<Session>) {
        self.registry.insert(session);
    }

    /// Takes a [finished](Session::finish) session out, with its subscriptions.
    pub fn leave(&self, session: &Session) {
        self.registry.remove(session.id());
        self.topics.forget(session);
    }

    /// Asks every session to close.
    pub fn shut_all(&self, closing: &Closing) {
        self.registry.for_each(|session| {
            session.shut(closing.clone());
        });
    }

    /// Wakes the connections whose deadline has passed.
    pub fn sweep(&self, now_ms: u64) {
        self.registry.for_each(|session| session.sweep(now_ms));
    }
}
