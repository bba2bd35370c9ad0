//! Publish and subscribe within a service, across nodes. The host fans out: no guest runs per receiver.
//! Sessions join with [`Session::subscribe`].

use crate::{AsMessage, Error, Session, host};

/// Queues a message to every session that subscribed to the topic. Never waits; no subscriber is no
/// error.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Invalid`] for an empty name or more than 256 bytes of it, [`Error::Refused`] past what one event
/// may deliver.
pub fn publish(topic: &str, message: impl AsMessage) -> Result<(), Error> {
    host::publish(topic, message.as_message(), None)
}

/// [`publish`] to all subscribers but one.
///
/// # Errors
/// As [`publish`].
pub fn publish_except(topic: &str, session: Session, message: impl AsMessage) -> Result<(), Error> {
    host::publish(topic, message.as_message(), Some(session.id()))
}
