//! What arrived, on its way to the receiver.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{Event, Message};

/// An event, and its share of the bytes that may wait: to be given back when the next one is asked for.
pub(crate) struct Item {
    pub(crate) event: Event,
    pub(crate) share: OwnedSemaphorePermit,
}

/// What one read brought and is not handed over yet, and the queue it is handed over by.
pub(super) struct Inbox {
    waiting: VecDeque<Event>,
    to: mpsc::Sender<Item>,
    /// What may still be in the queue, in bytes.
    budget: Arc<Semaphore>,
    budget_max: u32,
    shows_pings: bool,
}

impl Inbox {
    /// With a queue for so many bytes.
    pub(super) fn new(bytes_max: usize, shows_pings: bool) -> (Self, mpsc::Receiver<Item>) {
        let budget_max = u32::try_from(bytes_max)
            .unwrap_or(BUDGET_MAX)
            .clamp(EVENT_BYTES, BUDGET_MAX);
        // Every event takes part of the budget, so there is always room where there is budget.
        let events_max = budget_max / EVENT_BYTES + 1;
        let (to, from) = mpsc::channel(usize::try_from(events_max).unwrap_or(1));
        let budget = Arc::new(Semaphore::new(usize::try_from(budget_max).unwrap_or(1)));
        let inbox = Self {
            waiting: VecDeque::new(),
            to,
            budget,
            budget_max,
            shows_pings,
        };
        (inbox, from)
    }

    pub(super) fn push(&mut self, event: Event) {
        if self.is_abandoned() {
            return;
        }
        self.waiting.push_back(event);
        self.deliver();
    }

    pub(super) fn push_ping(&mut self, is_pong: bool, payload: &[u8]) {
        if self.shows_pings {
            let payload = Bytes::copy_from_slice(payload);
            self.push(match is_pong {
                true => Event::Pong(payload),
                false => Event::Ping(payload),
            });
        }
    }

    /// Whether something waits for room in the queue.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty() && !self.is_abandoned()
    }

    /// Whether nobody takes events any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.to.is_closed()
    }

    /// Whether every event was taken and the next one is asked for, so that what was to be done about them is done.
    pub(super) fn is_settled(&self) -> bool {
        let all = usize::try_from(self.budget_max).unwrap_or(usize::MAX);
        self.is_abandoned() || !self.is_waiting() && self.budget.available_permits() >= all
    }

    /// Waits until something is handed over, or nobody is there any more to take it; and if it is asked for, until
    /// everything is settled.
    pub(super) async fn moved(&mut self, until_settled: bool) {
        let Some(next) = self.waiting.front() else {
            let all = Arc::clone(&self.budget).acquire_many_owned(self.budget_max);
            tokio::select! {
                _ = all, if until_settled => {}
                () = self.to.closed() => {}
            }
            return;
        };
        let share = weight(next).min(self.budget_max);
        let room = Arc::clone(&self.budget).acquire_many_owned(share);
        tokio::select! {
            Ok(share) = room => self.hand_over(share),
            () = self.to.closed() => self.waiting.clear(),
        }
        self.deliver();
    }

    /// Hands over everything, as it is taken.
    pub(super) async fn deliver_rest(mut self) {
        while self.is_waiting() {
            self.moved(false).await;
        }
    }

    /// Hands over what there is room for.
    fn deliver(&mut self) {
        while let Some(next) = self.waiting.front() {
            let share = weight(next).min(self.budget_max);
            match Arc::clone(&self.budget).try_acquire_many_owned(share) {
                Ok(share) => self.hand_over(share),
                Err(_) => return,
            }
        }
        if self.waiting.capacity() > CAPACITY_KEPT {
            self.waiting = VecDeque::new();
        }
    }

    fn hand_over(&mut self, share: OwnedSemaphorePermit) {
        if let Some(event) = self.waiting.pop_front() {
            let item = Item { event, share };
            // Nobody there to take it: then it is nobody's loss.
            let _ = self.to.try_send(item);
        }
    }
}

fn weight(event: &Event) -> u32 {
    let bytes = match event {
        Event::Message(Message::Text(text)) => text.len(),
        Event::Message(Message::Binary(bytes)) | Event::Ping(bytes) | Event::Pong(bytes) => {
            bytes.len()
        }
        Event::Close(_) => 0,
    };
    u32::try_from(bytes)
        .unwrap_or(BUDGET_MAX)
        .saturating_add(EVENT_BYTES)
}

/// What an event counts for beside what it carries.
const EVENT_BYTES: u32 = 256;

/// The most that can be asked for: 1 GiB.
const BUDGET_MAX: u32 = 1 << 30;

/// A queue that a read of many small messages has grown past this is not kept.
const CAPACITY_KEPT: usize = 256;
