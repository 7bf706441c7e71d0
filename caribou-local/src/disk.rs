//! What survives a restart: one redb database with one writer, which batches what many ask into one commit.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction,
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::CloudError;

/// A key within a region: the region's code, then the key.
pub(crate) type RegionKey = (&'static str, &'static str);

pub(crate) const ITEMS: TableDefinition<'_, RegionKey, &[u8]> = TableDefinition::new("items");
pub(crate) const SETS: TableDefinition<'_, RegionKey, &[u8]> = TableDefinition::new("sets");
pub(crate) const MESSAGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("messages");
pub(crate) const BODIES: TableDefinition<'_, u64, &str> = TableDefinition::new("bodies");
pub(crate) const DEAD_LETTERS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("dead_letters");
pub(crate) const TELEMETRY: TableDefinition<'_, u64, &str> = TableDefinition::new("telemetry");
pub(crate) const DEPLOYMENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("deployments");
const COUNTERS: TableDefinition<'_, &str, u64> = TableDefinition::new("counters");

const SEQUENCE: &str = "sequence";
/// Pages kept in memory, in bytes. The redb default of 1 GiB is more than a laptop's cloud should take.
const CACHE: usize = 64 << 20;
/// Operations of one commit at most, so that the first does not wait for a flood behind it.
const BATCH: usize = 512;

/// All tables, open in one transaction.
pub(crate) struct Tables<'t> {
    pub(crate) items: Table<'t, RegionKey, &'static [u8]>,
    pub(crate) sets: Table<'t, RegionKey, &'static [u8]>,
    pub(crate) messages: Table<'t, u64, &'static [u8]>,
    pub(crate) bodies: Table<'t, u64, &'static str>,
    pub(crate) dead_letters: Table<'t, u64, &'static [u8]>,
    pub(crate) telemetry: Table<'t, u64, &'static str>,
    pub(crate) deployments: Table<'t, &'static str, &'static [u8]>,
    sequence: u64,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction, sequence: u64) -> Result<Self, redb::Error> {
        Ok(Self {
            items: transaction.open_table(ITEMS)?,
            sets: transaction.open_table(SETS)?,
            messages: transaction.open_table(MESSAGES)?,
            bodies: transaction.open_table(BODIES)?,
            dead_letters: transaction.open_table(DEAD_LETTERS)?,
            telemetry: transaction.open_table(TELEMETRY)?,
            deployments: transaction.open_table(DEPLOYMENTS)?,
            sequence,
        })
    }

    /// A number that was never used before, larger than all that were.
    pub(crate) fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

/// Why something is not on disk.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum DiskError {
    #[error("the disk that holds the state of the embedded cloud is full")]
    Full,
    #[error("the state of the embedded cloud cannot be read or written: {0}")]
    Other(String),
    #[error("the embedded cloud is stopping")]
    Stopping,
}

impl From<redb::Error> for DiskError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(cause)
                if matches!(cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                Self::Full
            }
            other => Self::Other(other.to_string()),
        }
    }
}

macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for DiskError {
            fn from(error: redb::$error) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}

from_redb!(TransactionError, TableError, StorageError, CommitError);

/// One thing to write, and what to do when it is on disk, or is not.
trait Operation: Send {
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error>;
    fn finish(self: Box<Self>, committed: Result<(), DiskError>);
}

struct Write<F, T, G> {
    apply: Option<F>,
    value: Option<T>,
    then: G,
}

impl<F, T, G> Operation for Write<F, T, G>
where
    F: FnOnce(&mut Tables<'_>) -> Result<T, redb::Error> + Send,
    T: Send,
    G: FnOnce(Result<T, DiskError>) + Send,
{
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        if let Some(apply) = self.apply.take() {
            self.value = Some(apply(tables)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, committed: Result<(), DiskError>) {
        let Self { value, then, .. } = *self;
        then(committed.and_then(|()| value.ok_or(DiskError::Stopping)));
    }
}

/// What the writer of the state has done since the cloud was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskUse {
    /// Commits, each of them forced to the disk.
    pub commits: u64,
    /// Writes in them.
    pub writes: u64,
    /// Time spent on the writes before their commit, in µs.
    pub applying_us: u64,
    /// Time spent on the commits, in µs: above all waiting for the disk.
    pub committing_us: u64,
}

#[derive(Default)]
struct Gauge {
    commits: AtomicU64,
    writes: AtomicU64,
    applying_us: AtomicU64,
    committing_us: AtomicU64,
}

impl Gauge {
    fn note(&self, writes: usize, applying: Duration, committing: Duration) {
        let add = |to: &AtomicU64, more: u64| to.fetch_add(more, Ordering::Relaxed);
        add(&self.commits, 1);
        add(&self.writes, writes as u64);
        add(&self.applying_us, applying.as_micros() as u64);
        add(&self.committing_us, committing.as_micros() as u64);
    }
}

/// The state on disk. Clones share it; the last one to go ends the writer.
#[derive(Clone)]
pub(crate) struct Disk {
    database: Arc<Database>,
    writer: Sender<Box<dyn Operation>>,
    gauge: Arc<Gauge>,
}

impl Disk {
    /// Opens or creates the database in `state`, and starts its writer. The writer ends when the last `Disk` is
    /// dropped; the database is closed then.
    pub(crate) fn open(state: &Path) -> Result<(Self, JoinHandle<()>), CloudError> {
        std::fs::create_dir_all(state).map_err(|error| CloudError::io(state, &error))?;
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE);
        let database = builder.create(state.join("cloud.redb")).map_err(|error| match error {
            redb::DatabaseError::DatabaseAlreadyOpen | redb::DatabaseError::LockProtocolMismatch => {
                CloudError::InUse(state.into())
            }
            redb::DatabaseError::Storage(redb::StorageError::Io(cause)) => CloudError::io(state, &cause),
            other => CloudError::State { path: state.into(), cause: other.to_string() },
        })?;
        let unusable = |cause: DiskError| match cause {
            DiskError::Full => CloudError::DiskFull(state.into()),
            other => CloudError::State { path: state.into(), cause: other.to_string() },
        };
        let sequence = last_sequence(&database).map_err(unusable)?;
        let database = Arc::new(database);
        let (writer, operations) = mpsc::channel();
        let written = Arc::clone(&database);
        let gauge = Arc::new(Gauge::default());
        let writing = Arc::clone(&gauge);
        let thread = std::thread::Builder::new()
            .name("caribou-disk".into())
            .spawn(move || write_all(&written, &operations, sequence, &writing))
            .map_err(CloudError::Threads)?;
        Ok((Self { database, writer, gauge }, thread))
    }

    /// Hands over something to write; `then` is called by the writer once it is on disk, or is not. What is
    /// submitted first is applied first.
    pub(crate) fn submit<T: Send + 'static>(
        &self,
        apply: impl FnOnce(&mut Tables<'_>) -> Result<T, redb::Error> + Send + 'static,
        then: impl FnOnce(Result<T, DiskError>) + Send + 'static,
    ) {
        let operation = Box::new(Write { apply: Some(apply), value: None, then });
        if let Err(mpsc::SendError(operation)) = self.writer.send(operation) {
            operation.finish(Err(DiskError::Stopping));
        }
    }

    /// Writes something and waits until it is on disk.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        apply: impl FnOnce(&mut Tables<'_>) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, DiskError> {
        let (sender, receiver) = oneshot::channel();
        self.submit(apply, move |outcome| {
            let _ = sender.send(outcome);
        });
        receiver.await.unwrap_or(Err(DiskError::Stopping))
    }

    /// What the writer has done.
    pub(crate) fn used(&self) -> DiskUse {
        let of = |gauge: &AtomicU64| gauge.load(Ordering::Relaxed);
        let Gauge { commits, writes, applying_us, committing_us } = &*self.gauge;
        DiskUse {
            commits: of(commits),
            writes: of(writes),
            applying_us: of(applying_us),
            committing_us: of(committing_us),
        }
    }

    /// A view of everything that is on disk now.
    pub(crate) fn read(&self) -> Result<ReadTransaction, DiskError> {
        Ok(self.database.begin_read()?)
    }
}

/// Creates the tables where they are missing, so that readers find them.
fn last_sequence(database: &Database) -> Result<u64, DiskError> {
    let transaction = database.begin_write()?;
    drop(Tables::open(&transaction, 0)?);
    let sequence = transaction.open_table(COUNTERS)?.get(SEQUENCE)?.map_or(0, |guard| guard.value());
    transaction.commit()?;
    Ok(sequence)
}

fn write_all(
    database: &Database,
    operations: &Receiver<Box<dyn Operation>>,
    mut sequence: u64,
    gauge: &Gauge,
) {
    while let Ok(first) = operations.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match operations.try_recv() {
                Ok(operation) => batch.push(operation),
                Err(_) => break,
            }
        }
        let committed = write_batch(database, &mut batch, sequence, gauge);
        if let Ok(last) = &committed {
            sequence = *last;
        }
        let outcome = committed.map(|_| ());
        for operation in batch {
            operation.finish(outcome.clone());
        }
    }
}

fn write_batch(
    database: &Database,
    batch: &mut [Box<dyn Operation>],
    sequence: u64,
    gauge: &Gauge,
) -> Result<u64, DiskError> {
    let (began, writes) = (Instant::now(), batch.len());
    let transaction = database.begin_write()?;
    let mut tables = Tables::open(&transaction, sequence)?;
    for operation in batch {
        operation.apply(&mut tables)?;
    }
    let last = tables.sequence;
    drop(tables);
    if last != sequence {
        transaction.open_table(COUNTERS)?.insert(SEQUENCE, last)?;
    }
    let applied = Instant::now();
    transaction.commit()?;
    gauge.note(writes, applied - began, applied.elapsed());
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn numbers_are_never_used_again_after_a_restart() {
        let state = tempfile::tempdir().unwrap();
        let mut numbers = Vec::new();
        for _ in 0..2 {
            let (disk, writer) = Disk::open(state.path()).unwrap();
            numbers.push(disk.write(|tables| Ok(tables.next())).await.unwrap());
            drop(disk);
            writer.join().unwrap();
        }
        assert!(numbers[1] > numbers[0], "{numbers:?}");
    }

    #[test]
    fn a_second_user_of_the_same_state_is_refused() {
        let state = tempfile::tempdir().unwrap();
        let _first = Disk::open(state.path()).unwrap();
        let second = Disk::open(state.path()).map(|_| ()).unwrap_err();
        assert!(matches!(second, CloudError::InUse(_)), "{second}");
    }
}
