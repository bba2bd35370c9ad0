//! A task for a new connection, and the ends of its queues.

use std::time::Instant;

use tokio::sync::{mpsc, watch};
use wasket_ws::deflate::{Deflater, Parameters};
use wasket_ws::{Connection, Limits, Role, Timing};

use super::deflate::{Deflate, With};
use super::inbox::{Inbox, Item};
use super::input::Input;
use super::outgoing::{Outgoing, Sending};
use super::output::Output;
use super::pings::Pings;
use super::{Task, Wish};
use crate::masks::Masks;
use crate::stream::Stream;
use crate::{Closed, Compression, Connect};

/// What is left in the hands of the caller.
pub(crate) struct Started {
    pub(crate) messages: mpsc::Sender<Outgoing>,
    pub(crate) wishes: mpsc::Sender<Wish>,
    pub(crate) items: mpsc::Receiver<Item>,
    pub(crate) outcome: watch::Receiver<Option<Closed>>,
}

/// Gives a socket whose handshake is completed to a task of its own.
///
/// The task ends by itself, at most [`Deadlines::close`](crate::Deadlines) after the connection has, or when the last
/// event is taken.
///
/// # Errors
/// When the operating system gives no random numbers.
pub(crate) fn start(
    connect: &Connect,
    stream: Stream,
    read_ahead: &[u8],
    parameters: Option<Parameters>,
) -> Result<Started, getrandom::Error> {
    let (read, write) = tokio::io::split(stream);
    let (messages, messages_in) = mpsc::channel(connect.limits.queued_messages_max.max(1));
    let (wishes, wishes_in) = mpsc::channel(WISHES_MAX);
    let (inbox, items) = Inbox::new(connect.limits.received_bytes_max, connect.show_pings);
    let (outcome, outcome_out) = watch::channel(None);
    let deflate = parameters.and_then(|parameters| {
        let compression = connect.compression.unwrap_or_default();
        deflate(&compression, &parameters)
    });
    let task = Task {
        read,
        write,
        protocol: protocol(connect, parameters, Masks::new()?),
        input: Input::starting_with(read_ahead),
        output: Output::new(connect.deadlines.write),
        sending: Sending::new(Masks::new()?, deflate, connect.limits.frame_bytes_max),
        pings: Pings::default(),
        inbox,
        messages: messages_in,
        wishes: wishes_in,
        has_senders: true,
        has_wishes: true,
        closing: None,
        last: None,
        is_close_written: false,
        began: None,
        broken: None,
        fault: None,
        settling_until: None,
        give_up_at: None,
        was_paused: false,
        patient_until: None,
        is_asking: false,
        close_within: connect.deadlines.close,
        pong_within: connect.deadlines.pong,
    };
    tokio::spawn(task.run(outcome));
    Ok(Started {
        messages,
        wishes,
        items,
        outcome: outcome_out,
    })
}

fn protocol(connect: &Connect, parameters: Option<Parameters>, mut masks: Masks) -> Connection {
    let limits = Limits {
        message_bytes_max: connect.limits.message_bytes_max,
        fragments_max: connect.limits.fragments_max,
    };
    let timing = Timing {
        ping_every: connect.ping_every,
        pong_within: connect.deadlines.pong,
        close_within: connect.deadlines.close,
    };
    let connection = Connection::new(Role::Client, limits, timing, Instant::now())
        .with_mask_keys(Box::new(move || masks.key()));
    match parameters {
        Some(parameters) => connection.with_inflate(parameters.inflate(Role::Client)),
        None => connection,
    }
}

fn deflate(compression: &Compression, parameters: &Parameters) -> Option<Deflate> {
    let profile = parameters.profile(Role::Client, compression.level)?;
    let with = match parameters.takes_over(Role::Client) {
        true => With::Own(Box::new(Deflater::new(profile))),
        false => With::Profile(profile),
    };
    Some(Deflate {
        with,
        message_bytes_min: compression.message_bytes_min,
    })
}

/// How many pings and wishes to close may wait.
const WISHES_MAX: usize = 16;
