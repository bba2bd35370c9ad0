//! The place of the database, which may be broken for a while.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::{RwLock, RwLockReadGuard};
use redb::Database;
use wasket_store::{Error, Totals};

use crate::file::NotOpen;
use crate::synced::Unsynced;
use crate::table;

/// How the database is opened, at the start and after a failure.
pub(crate) type Open = Box<dyn Fn(&Unsynced) -> Result<Database, NotOpen> + Send + Sync>;

/// A database. Its lock is held for writing only while there is none: who reads or writes the database does not wait.
pub(crate) struct Slot {
    open: Open,
    unsynced: Unsynced,
    state: RwLock<State>,
}

pub(crate) enum State {
    Open(Database),
    /// It has failed, so, and is not open again.
    Broken(Arc<str>),
    Closed,
}

impl Slot {
    pub(crate) fn open(open: Open) -> Result<(Self, Totals), NotOpen> {
        let unsynced = Unsynced::default();
        let database = open(&unsynced)?;
        let totals = table::prepare(&database)?;
        let slot = Self {
            open,
            unsynced,
            state: RwLock::new(State::Open(database)),
        };
        Ok((slot, totals))
    }

    /// The database, if there is one.
    pub(crate) fn with<T>(
        &self,
        act: impl FnOnce(&Database) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let state: RwLockReadGuard<'_, State> = self.state.read();
        match &*state {
            State::Open(database) => act(database).map_err(|Fault(text)| Error::Failed(text)),
            State::Broken(why) => Err(Error::Failed(Arc::clone(why))),
            State::Closed => Err(Error::Closed),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(&*self.state.read(), State::Open(_))
    }

    /// Whether it is not open, and could be opened again.
    pub(crate) fn may_open(&self) -> bool {
        !self.is_open() && self.unsynced().is_none()
    }

    /// Why it stays closed until the host is started again.
    pub(crate) fn unsynced(&self) -> Option<Arc<str>> {
        self.unsynced.why()
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(&*self.state.read(), State::Closed)
    }

    /// Closes the database after a failure, of which it does not recover by itself.
    pub(crate) fn break_off(&self, why: Arc<str>) {
        self.replace(State::Broken(why));
    }

    /// Opens it again. What was written before the failure and acknowledged is there.
    pub(crate) fn reopen(&self) -> Result<Totals, Arc<str>> {
        if let Some(why) = self.unsynced() {
            return Err(why);
        }
        let opened = caught(|| {
            let database = (self.open)(&self.unsynced)?;
            let totals = table::prepare(&database)?;
            Ok((database, totals))
        });
        let (database, totals) = opened.map_err(|Fault(why)| why)?;
        self.replace(State::Open(database));
        Ok(totals)
    }

    /// Ends: the file is whole and free when this returns.
    pub(crate) fn close(&self) {
        self.replace(State::Closed);
    }

    fn replace(&self, state: State) {
        // The database closes its file outside of the lock.
        let before = std::mem::replace(&mut *self.state.write(), state);
        let _ = caught(|| {
            drop(before);
            Ok(())
        });
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

/// What the database said when it did not do as it was told.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) Arc<str>);

impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(error.to_string().into())
    }
}

/// The database asserts what it believes of its file; a file or disk of which that is not so must not end the thread that
/// writes it. The database is not to be used any more after that.
pub(crate) fn caught<T>(act: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|panic| Err(Fault(said(&*panic).into())))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref().map(String::as_str));
    format!("the database gave up: {}", text.unwrap_or("unknown"))
}
