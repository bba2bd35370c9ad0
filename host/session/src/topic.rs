use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::{Frame, Outcome, ReadyState, Session, SessionId};

/// Who listens to what, within one service. A topic exists while it has subscribers.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    subscribers: RwLock<Subscribers>,
}

type Subscribers = HashMap<Arc<str>, BTreeMap<SessionId, Arc<Session>>>;

impl Topics {
    /// Subscribes a session; a second time changes nothing.
    pub(crate) fn subscribe(&self, session: &Arc<Session>, topic: &str) -> Outcome {
        if topic.is_empty() || topic.len() > TOPIC_BYTES_MAX {
            return Outcome::Invalid;
        }
        let mut subscribers = self.subscribers.write();
        // Under the lock: a session that is over has been, or will be, forgotten under it.
        if session.state() != ReadyState::Open {
            return Outcome::NotOpen;
        }
        let name: Arc<str> = match subscribers.get_key_value(topic) {
            Some((name, _)) => Arc::clone(name),
            None => topic.into(),
        };
        let limit = session.limits().topics_max;
        let outcome = session.with_rare(|rare| {
            if rare.topics.contains(&name) {
                return Outcome::Accepted;
            }
            if rare.topics.len() >= limit {
                return Outcome::Refused;
            }
            rare.topics.push(Arc::clone(&name));
            Outcome::Accepted
        });
        if outcome == Outcome::Accepted {
            let topic = subscribers.entry(name).or_default();
            topic.insert(session.id(), Arc::clone(session));
        }
        outcome
    }

    pub(crate) fn unsubscribe(&self, session: &Session, topic: &str) {
        let mut subscribers = self.subscribers.write();
        session.with_rare(|rare| rare.topics.retain(|name| **name != *topic));
        remove(&mut subscribers, topic, session.id());
    }

    /// Takes a session that is over out of every topic.
    pub(crate) fn forget(&self, session: &Session) {
        let mut subscribers = self.subscribers.write();
        for topic in session.take_topics() {
            remove(&mut subscribers, &topic, session.id());
        }
    }

    pub(crate) fn publish(&self, topic: &str, frame: &Frame, except: Option<SessionId>) {
        let subscribers = self.subscribers.read();
        for (id, session) in subscribers.get(topic).into_iter().flatten() {
            if Some(*id) != except {
                session.push_broadcast(frame.clone());
            }
        }
    }
}

fn remove(subscribers: &mut Subscribers, topic: &str, id: SessionId) {
    if let Some(sessions) = subscribers.get_mut(topic) {
        sessions.remove(&id);
        if sessions.is_empty() {
            subscribers.remove(topic);
        }
    }
}

/// The longest name of a topic, in bytes.
pub(crate) const TOPIC_BYTES_MAX: usize = 256;
