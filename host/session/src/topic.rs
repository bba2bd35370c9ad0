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
        session.drop_topic(topic);
        remove(&mut subscribers, topic, session.id());
    }

    /// Takes a session that is over out of every topic.
    pub(crate) fn forget(&self, session: &Session) {
        let mut subscribers = self.subscribers.write();
        for topic in session.take_topics() {
            remove(&mut subscribers, &topic, session.id());
        }
    }

    /// Encodes a frame only for a topic that has subscribers.
    pub(crate) fn publish(
        &self,
        topic: &str,
        frame: impl FnOnce() -> Frame,
        except: Option<SessionId>,
        may: impl FnOnce(usize) -> bool,
    ) -> Outcome {
        let subscribers = self.subscribers.read();
        let Some(receivers) = subscribers.get(topic) else {
            return Outcome::Accepted;
        };
        if !may(receivers.len()) {
            return Outcome::Refused;
        }
        let frame = frame();
        for (id, session) in receivers {
            if Some(*id) != except {
                session.push_broadcast(frame.clone());
            }
        }
        Outcome::Accepted
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::tests::{connecting, open};

    fn limits() -> Limits {
        Limits {
            topics_max: 2,
            ..Limits::default()
        }
    }

    // parity M5
    #[test]
    fn names_and_numbers_of_topics_are_limited() {
        let topics = Topics::default();
        let session = open(1, limits());
        let (longest, longer) = ("x".repeat(TOPIC_BYTES_MAX), "x".repeat(TOPIC_BYTES_MAX + 1));
        for (topic, expected) in [
            ("", Outcome::Invalid),
            (&*longer, Outcome::Invalid),
            (&*longest, Outcome::Accepted),
            ("b", Outcome::Accepted),
            ("c", Outcome::Refused),
            // Not a further one.
            ("b", Outcome::Accepted),
        ] {
            assert_eq!(topics.subscribe(&session, topic), expected, "{topic:?}");
        }
        topics.unsubscribe(&session, "b");
        assert_eq!(topics.subscribe(&session, "c"), Outcome::Accepted);
        assert_eq!(topics.subscribers.read().len(), 2);
    }

    #[test]
    fn a_topic_exists_while_it_has_subscribers() {
        let topics = Topics::default();
        let (one, other) = (open(1, limits()), open(2, limits()));
        for session in [&one, &other] {
            for topic in ["a", "b", "refused"] {
                topics.subscribe(session, topic);
            }
        }
        topics.unsubscribe(&one, "a");
        topics.unsubscribe(&one, "a");
        topics.unsubscribe(&one, "never");
        topics.forget(&other);
        assert_eq!(topics.subscribers.read().len(), 1);
        topics.forget(&one);
        topics.forget(&one);
        assert!(topics.subscribers.read().is_empty());
        assert_eq!((Arc::strong_count(&one), Arc::strong_count(&other)), (1, 1));
    }

    #[test]
    fn only_open_sessions_subscribe() {
        let topics = Topics::default();
        let session = connecting(1, limits());
        assert_eq!(topics.subscribe(&session, "a"), Outcome::NotOpen);
        session.open(None, None);
        session.stop_accepting();
        assert_eq!(topics.subscribe(&session, "a"), Outcome::NotOpen);
        session.finish();
        assert_eq!(topics.subscribe(&session, "a"), Outcome::NotOpen);
        assert!(topics.subscribers.read().is_empty());
    }
}
