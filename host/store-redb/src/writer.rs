//! The one thread that writes a file.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use redb::Database;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};
use wasket_store::{Error, Room, Spoiled, Totals, Write, Written, apply};

use crate::WAITING_MAX;
use crate::file::NotOpen;
use crate::slot::{Fault, Slot, caught};
use crate::table::{begin, keep_totals, open_rows};

/// What the thread is asked to do.
pub(crate) enum Job {
    Write {
        write: Write,
        answer: oneshot::Sender<Result<Written, Error>>,
        /// Given back when it is done.
        room: Room,
    },
    Close(oneshot::Sender<Result<(), Error>>),
}

pub(crate) struct Writer {
    pub(crate) slot: Arc<Slot>,
    pub(crate) jobs: mpsc::Receiver<Job>,
    pub(crate) totals: Totals,
    pub(crate) bytes_max: u64,
    /// How often a file that failed is tried again.
    pub(crate) mend_every: Duration,
    /// When a write last failed, and how.
    pub(crate) failed: Option<(Instant, Arc<str>)>,
}

impl Writer {
    /// Starts the thread. It ends with the queue.
    pub(crate) fn start(self) -> Result<(), NotOpen> {
        let thread = thread::Builder::new().name("wasket-store".into());
        let started = thread.spawn(|| self.run());
        started.map_err(|error| NotOpen::because(&format!("no thread for it: {error}")))?;
        Ok(())
    }

    fn run(mut self) {
        while let Some(first) = self.next() {
            let mut group = vec![first];
            while let Some(job) = (group.len() < WAITING_MAX)
                .then(|| self.jobs.try_recv().ok())
                .flatten()
            {
                group.push(job);
            }
            if let Some(end) = self.serve(group) {
                self.slot.close();
                let _ = end.answer.send(Ok(()));
                return;
            }
        }
        self.slot.close();
    }

    /// What is asked for next. A file that could not be opened again is tried meanwhile, whether anything is asked or not,
    /// unless it shall not be.
    fn next(&mut self) -> Option<Job> {
        while self.slot.may_open() {
            thread::sleep(self.mend_every);
            self.reopen();
            match self.jobs.try_recv() {
                Ok(job) => return Some(job),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return None,
            }
        }
        self.jobs.blocking_recv()
    }

    /// Does what has come together, by one transaction.
    fn serve(&mut self, group: Vec<Job>) -> Option<End> {
        let mut writes = Vec::with_capacity(group.len());
        let mut answers = Vec::with_capacity(group.len());
        let mut end = None;
        let mut jobs = group.into_iter();
        for job in jobs.by_ref() {
            match job {
                Job::Write {
                    write,
                    answer,
                    room,
                } => {
                    writes.push(write);
                    answers.push((answer, room));
                }
                Job::Close(answer) => {
                    end = Some(answer);
                    break;
                }
            }
        }
        let outcomes = self.write(&writes);
        for ((answer, _room), outcome) in answers.into_iter().zip(outcomes) {
            // Who does not wait any more does not want to know.
            let _ = answer.send(outcome);
        }
        end.map(|answer| End {
            answer,
            _late: jobs.collect(),
        })
    }

    fn write(&mut self, writes: &[Write]) -> Vec<Result<Written, Error>> {
        if writes.is_empty() {
            return Vec::new();
        }
        if let Some(why) = self.rests() {
            return all(writes, &Error::Failed(why));
        }
        let (before, bytes_max) = (self.totals, self.bytes_max);
        let done = self
            .slot
            .with(|database| caught(|| transact(database, before, bytes_max, writes)));
        match done {
            Ok((totals, outcomes)) => {
                self.totals = totals;
                outcomes
            }
            Err(Error::Failed(why)) if self.slot.is_open() => {
                let why = self.slot.unsynced().unwrap_or(why);
                self.failed = Some((Instant::now(), Arc::clone(&why)));
                self.slot.break_off(Arc::clone(&why));
                self.reopen();
                all(writes, &Error::Failed(why))
            }
            Err(error) => all(writes, &error),
        }
    }

    /// Why nothing is written for a while after a failure: each costs opening the file again, which those who read wait for.
    fn rests(&self) -> Option<Arc<str>> {
        let (at, why) = self.failed.as_ref()?;
        (at.elapsed() < self.mend_every).then(|| Arc::clone(why))
    }

    /// After a failed write the database works no more until it is opened anew; its file is as the last commit left it, unless
    /// the disk has not taken what was written: then nobody knows what is there, and it stays closed.
    fn reopen(&mut self) {
        match self.slot.reopen() {
            Ok(totals) => self.totals = totals,
            Err(why) => self.slot.break_off(why),
        }
    }
}

fn all(writes: &[Write], error: &Error) -> Outcomes {
    writes.iter().map(|_| Err(error.clone())).collect()
}

/// Somebody wants the file closed.
struct End {
    answer: oneshot::Sender<Result<(), Error>>,
    /// What came behind that: dropped when the file is closed, so that who asked hears of it.
    _late: Vec<Job>,
}

type Outcomes = Vec<Result<Written, Error>>;

/// One transaction of all writes. Those that are refused take nothing away from the others.
fn transact(
    database: &Database,
    before: Totals,
    bytes_max: u64,
    writes: &[Write],
) -> Result<(Totals, Outcomes), Fault> {
    let transaction = begin(database)?;
    let mut totals = before;
    let mut outcomes = Vec::with_capacity(writes.len());
    let mut rows = open_rows(&transaction)?;
    for write in writes {
        outcomes.push(match apply(&mut rows, &mut totals, bytes_max, write) {
            Ok(written) => Ok(written),
            Err(Spoiled::Refused(error)) => Err(error),
            Err(Spoiled::Fault(fault)) => return Err(fault),
        });
    }
    drop(rows);
    if totals.revision == before.revision {
        // Nothing has changed, and nobody has to wait for a disk.
        transaction.abort()?;
    } else {
        keep_totals(&transaction, totals)?;
        transaction.commit()?;
    }
    Ok((totals, outcomes))
}
