//! What is in the file: a table of rows, and one of what is known of them as a whole.

use std::ops::Bound;

use redb::{
    Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTable, Table, TableDefinition,
    TableHandle, WriteTransaction,
};
use wasket_store::{
    BATCH_BYTES_MAX, Error, PAGE_KEYS_MAX, Page, Row, Rows, Totals, check_batch, check_key,
};

use crate::file::NotOpen;
use crate::slot::{Fault, Slot};

/// Key to revision and value.
const ROWS: TableDefinition<'_, &str, (u64, &[u8])> = TableDefinition::new("rows");

/// What is known of the store as a whole.
const TOTALS: TableDefinition<'_, &str, u64> = TableDefinition::new("totals");

/// The version of all this.
const FORMAT: u64 = 1;

/// Makes the tables of a new database, and reads what is known of one that has them.
pub(crate) fn prepare(database: &Database) -> Result<Totals, NotOpen> {
    let prepared = begin(database).and_then(|transaction| {
        let Some(totals) = totals_of(&transaction)? else {
            return Ok(None);
        };
        transaction.commit()?;
        Ok(Some(totals))
    });
    match prepared {
        Ok(Some(totals)) => Ok(totals),
        Ok(None) => Err(NotOpen::foreign()),
        Err(Fault(what)) => Err(NotOpen::because(&what)),
    }
}

/// `None` where another program's tables are.
fn totals_of(transaction: &WriteTransaction) -> Result<Option<Totals>, Fault> {
    let names: Vec<String> = transaction
        .list_tables()?
        .map(|table| table.name().to_owned())
        .collect();
    let is_new = names.is_empty() && transaction.list_multimap_tables()?.next().is_none();
    let is_ours = [ROWS.name(), TOTALS.name()]
        .iter()
        .all(|ours| names.iter().any(|name| name == ours));
    if !is_new && !is_ours {
        return Ok(None);
    }
    transaction.open_table(ROWS)?;
    let mut totals = transaction.open_table(TOTALS)?;
    if is_new {
        totals.insert("format", FORMAT)?;
    }
    let value = |name| Ok::<_, Fault>(totals.get(name)?.map_or(0, |value| value.value()));
    let found = Totals {
        bytes: value("bytes")?,
        revision: value("revision")?,
    };
    Ok((value("format")? == FORMAT).then_some(found))
}

/// A transaction that is on the disk once it is committed.
pub(crate) fn begin(database: &Database) -> Result<WriteTransaction, Fault> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    Ok(transaction)
}

pub(crate) fn open_rows(transaction: &WriteTransaction) -> Result<OpenRows<'_>, Fault> {
    Ok(OpenRows(transaction.open_table(ROWS)?))
}

pub(crate) fn keep_totals(transaction: &WriteTransaction, totals: Totals) -> Result<(), Fault> {
    let mut kept = transaction.open_table(TOTALS)?;
    kept.insert("bytes", totals.bytes)?;
    kept.insert("revision", totals.revision)?;
    Ok(())
}

pub(crate) struct OpenRows<'t>(Table<'t, &'static str, (u64, &'static [u8])>);

impl Rows for OpenRows<'_> {
    type Fault = Fault;

    fn find(&self, key: &str) -> Result<Option<(u64, usize)>, Fault> {
        let found = self.0.get(key)?;
        Ok(found.map(|row| (row.value().0, row.value().1.len())))
    }

    fn read(&self, key: &str) -> Result<Option<Row>, Fault> {
        Ok(self.0.get(key)?.map(|row| row_of(row.value())))
    }

    fn put(&mut self, key: &str, revision: u64, value: &[u8]) -> Result<(), Fault> {
        self.0.insert(key, (revision, value))?;
        Ok(())
    }

    fn remove(&mut self, key: &str) -> Result<(), Fault> {
        self.0.remove(key)?;
        Ok(())
    }
}

pub(crate) fn read(slot: &Slot, keys: &[String]) -> Result<Vec<Option<Row>>, Error> {
    check_batch(keys.len(), 0)?;
    keys.iter().try_for_each(|key| check_key(key.len()))?;
    let rows = slot.with(|database| {
        let rows = snapshot(database)?;
        let mut bytes = 0;
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let row = rows.get(key.as_str())?;
            bytes += row.as_ref().map_or(0, |row| row.value().1.len());
            if bytes > BATCH_BYTES_MAX {
                return Ok(None);
            }
            found.push(row.map(|row| row_of(row.value())));
        }
        Ok(Some(found))
    });
    rows?.ok_or(Error::LargeBatch)
}

pub(crate) fn revision(slot: &Slot, key: &str) -> Result<Option<u64>, Error> {
    check_key(key.len())?;
    slot.with(|database| {
        let row = snapshot(database)?.get_owned(key)?;
        Ok(row.map(|row| row.value().0))
    })
}

pub(crate) fn keys(slot: &Slot, after: Option<&str>) -> Result<Page, Error> {
    slot.with(|database| {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = snapshot(database)?;
        let mut behind = rows.range::<&str>((from, Bound::Unbounded))?;
        let mut page = Page::default();
        for row in behind.by_ref().take(PAGE_KEYS_MAX) {
            page.keys.push(row?.0.value().to_owned());
        }
        page.has_more = behind.next().transpose()?.is_some();
        Ok(page)
    })
}

fn snapshot(
    database: &Database,
) -> Result<ReadOnlyTable<&'static str, (u64, &'static [u8])>, Fault> {
    Ok(database.begin_read()?.open_table(ROWS)?)
}

fn row_of((revision, value): (u64, &[u8])) -> Row {
    Row {
        revision,
        value: value.to_vec(),
    }
}
