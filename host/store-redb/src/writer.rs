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
    /// A read has failed: whether the database still works is to be looked at.
    Mend,
    Close(oneshot::Sender<Result<(), Error>>),
}

pub(crate) struct Writer {
    pub(crate) slot: Arc<Slot>,
    pub(crate) jobs: mpsc::Receiver<Job>,
    pub(crate) totals: Totals,
    pub(crate) bytes_max: u64,
    /// How often a file that failed is tried again.
    pub(crate) mend_every: Duration,
    /// How a write last failed, if none has succeeded since.
    pub(crate) failed: Option<Arc<str>>,
    /// When the file may be opened again, once it has been.
    pub(crate) mend_from: Option<Instant>,
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
            if self.may_mend() {
                self.reopen();
            }
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
        let mut mend = false;
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
                Job::Mend => mend = true,
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
        if mend {
            self.look();
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
        let mut begun = false;
        let mut done = self.transact(writes, &mut begun);
        if let (Err(Error::Failed(why)), false) = (&done, begun)
            && self.slot.is_open()
            && self.may_mend()
        {
            // A read has failed before, and nothing was applied yet.
            self.mend(&Arc::clone(why));
            done = self.transact(writes, &mut begun);
        }
        match done {
            Ok((totals, outcomes)) => {
                self.totals = totals;
                self.failed = None;
                outcomes
            }
            Err(Error::Failed(why)) if self.slot.is_open() => {
                let why = self.slot.unsynced().unwrap_or(why);
                self.failed = Some(Arc::clone(&why));
                self.mend(&why);
                all(writes, &Error::Failed(why))
            }
            Err(error) => all(writes, &error),
        }
    }

    fn transact(&self, writes: &[Write], begun: &mut bool) -> Result<(Totals, Outcomes), Error> {
        let (before, bytes_max) = (self.totals, self.bytes_max);
        self.slot
            .with(|database| caught(|| transact(database, before, bytes_max, writes, begun)))
    }

    /// Opens the file anew if its database has failed, as one does for good by a single read that fails.
    fn look(&mut self) {
        let works = |database: &_| caught(|| Ok(begin(database)?.abort()?));
        if let (true, Err(Error::Failed(why))) = (self.may_mend(), self.slot.with(works)) {
            self.mend(&why);
        }
    }

    /// Closes a file that has failed, and opens it anew: at once, or later where that was done shortly before.
    fn mend(&mut self, why: &Arc<str>) {
        self.slot.break_off(Arc::clone(why));
        if self.may_mend() {
            self.reopen();
        }
    }

    /// Opening a file that was not closed reads all of it, and who reads it otherwise hears that it does not work: that must
    /// not be so for most of the time where it fails again and again.
    fn may_mend(&self) -> bool {
        self.mend_from.is_none_or(|from| from <= Instant::now())
    }

    /// Why nothing is written for a while after a failure: each costs opening the file again, which those who read wait for.
    fn rests(&self) -> Option<Arc<str>> {
        self.failed.clone().filter(|_| !self.may_mend())
    }

    /// After a failed write the database works no more until it is opened anew; its file is as the last commit left it, unless
    /// the disk has not taken what was written: then nobody knows what is there, and it stays closed.
    fn reopen(&mut self) {
        let began = Instant::now();
        match self.slot.reopen() {
            Ok(totals) => self.totals = totals,
            Err(why) => self.slot.break_off(why),
        }
        let rest = self.mend_every.max(began.elapsed() * MEND_SHARE);
        self.mend_from = Some(Instant::now() + rest);
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
    begun: &mut bool,
) -> Result<(Totals, Outcomes), Fault> {
    let transaction = begin(database)?;
    *begun = true;
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

/// How much longer a file is left alone than opening it has taken.
const MEND_SHARE: u32 = 9;
