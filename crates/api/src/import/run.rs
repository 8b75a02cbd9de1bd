//! One import: the rows of a file, batch by batch, into the store.
//!
//! While the store writes a batch, the next one is read. A batch is one transaction, which moves the import's line on, so
//! that whatever happens the rows up to that line are in, and those after it are not.
//!
//! **Invariant:** memory is that of three batches, however long the file is and however slow the store; rows that were
//! not read to their end are not used.

use super::Turn;
use crate::body::Upload;
use crate::call::Shared;
use crate::problem::Problem;
use crate::wire::csv::{Reader, Step};
use crate::wire::import::{Columns, Slugs, To, bad};
use crate::wire::link_rules::OwnHosts;
use domain::OrgId;
use std::sync::Arc;
use std::time::Duration;
use store::{Import, ImportRow, ImportStatus, StoreError};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// What one transaction takes at most: other writes wait for it.
const BATCH_ROWS: usize = 4_096;
const BATCH_BYTES: usize = 1024 * 1024;
/// Rows of a client that sends slowly don't wait for a full batch.
const BATCH_EVERY: Duration = Duration::from_millis(500);
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// A file whose first row was read.
pub(crate) struct File {
    upload: Upload,
    reader: Reader,
    pub columns: Columns,
}

impl File {
    pub async fn open(mut upload: Upload) -> Result<File, Problem> {
        let mut reader = Reader::new();
        match first_row(&mut upload, &mut reader).await {
            Ok(columns) => Ok(File { upload, reader, columns }),
            Err(problem) => {
                upload.drain().await;
                Err(problem)
            }
        }
    }
    pub async fn drain(self) {
        self.upload.drain().await;
    }
}

async fn first_row(upload: &mut Upload, reader: &mut Reader) -> Result<Columns, Problem> {
    loop {
        match reader.advance() {
            Step::Row if reader.row().is_blank() => {}
            Step::Row => return Columns::read(reader.row()),
            Step::Bad { why, .. } => return Err(bad(format!("has a first row that can't be read: it {why}"))),
            Step::More => take(upload, reader).await?,
            Step::End => return Err(bad("is empty: its first row must name the columns")),
        }
    }
}

/// The next piece of the file.
async fn take(upload: &mut Upload, reader: &mut Reader) -> Result<(), Problem> {
    match upload.next().await? {
        Some(piece) => reader.push(&piece),
        None => reader.end(),
    }
    Ok(())
}

/// An import that is being sent.
pub(crate) struct Run {
    pub shared: Arc<Shared>,
    pub org: OrgId,
    /// As far as it is on disk.
    pub import: Import,
    pub own: OwnHosts,
    pub _turn: Turn,
}

type Writing = JoinHandle<Result<Import, StoreError>>;

/// Rows that are not on disk yet.
struct Batch {
    rows: Vec<ImportRow>,
    bytes: usize,
    slugs: Slugs,
}

impl Run {
    /// Goes on after the last line that was dealt with, to the end of the file. Where it ends early, the problem says how
    /// to go on. To be spawned: a client that goes away must not drop it half-way.
    pub async fn go(mut self, mut file: File) -> Result<Import, Problem> {
        let mut writing = None;
        let mut end = self.read(&mut file, &mut writing).await;
        // What was read before the end is good, however it ended.
        if let (Err(cause), true) = (self.settle(&mut writing).await, end.is_ok()) {
            end = Err(cause);
        }
        let status = if end.is_ok() { ImportStatus::Finished } else { ImportStatus::Stopped };
        match self.shared.store.end_import(self.org, self.import.id, status).await {
            Ok(import) => self.import = import,
            Err(cause) if end.is_ok() => end = Err(cause.into()),
            Err(cause) => tracing::debug!(%cause, "an import's end could not be written"),
        }
        match end {
            Ok(()) => Ok(self.import),
            Err(problem) => {
                let id = self.shared.store.codec().text(self.import.id);
                let line = self.import.line;
                tracing::info!(import = id, line, "an import stopped early");
                let is_closing = self.shared.live.closing().is_now();
                // Before the rest of the body, which may take its time: the import can be gone on with.
                drop(self);
                if !is_closing {
                    file.drain().await;
                }
                Err(problem.adding(&format!(
                    "The import {id} stopped after line {line}: send the same file again with PUT \
                     /api/v1/link/import/{id}, and it goes on from there"
                )))
            }
        }
    }

    /// Reads to the end of the file; what was read is then on disk, or in `writing`.
    async fn read(&mut self, file: &mut File, writing: &mut Option<Writing>) -> Result<(), Problem> {
        let done = self.import.line;
        let to = To { app: self.import.app, own: self.own.clone(), now: self.shared.now() };
        let mut batch = self.batch();
        let mut closing = self.shared.live.closing();
        let (mut tick, mut is_due) = (tokio::time::interval(BATCH_EVERY), false);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            match file.reader.advance() {
                Step::Row if file.reader.row().line <= done => {}
                Step::Row => {
                    let row = file.reader.row();
                    batch.bytes += row.bytes();
                    let row = file.columns.row(row, &to, &mut batch.slugs);
                    batch.rows.extend(row);
                }
                Step::Bad { line, .. } if line <= done => {}
                Step::Bad { line, why } => {
                    batch.rows.push(ImportRow { line, row: Err(why.to_owned()), random_from: None })
                }
                Step::End => break Ok(()),
                Step::More => {
                    let taken = tokio::select! {
                        biased;
                        () = closing.wait() => Err(Problem::unavailable("The server is stopping", RETRY_AFTER)),
                        _ = tick.tick() => {
                            is_due = true;
                            Ok(())
                        }
                        taken = take(&mut file.upload, &mut file.reader) => taken,
                    };
                    if let Err(problem) = taken {
                        break Err(problem);
                    }
                }
            }
            if is_due || batch.rows.len() >= BATCH_ROWS || batch.bytes >= BATCH_BYTES {
                is_due = false;
                let full = std::mem::replace(&mut batch, self.batch());
                self.hand_over(full, writing).await?;
            }
        };
        self.hand_over(batch, writing).await?;
        end
    }

    fn batch(&self) -> Batch {
        Batch { rows: Vec::new(), bytes: 0, slugs: Slugs::new(&**self.shared.store.rng()) }
    }

    /// Gives a batch to the store, once it is through with the last one.
    async fn hand_over(&mut self, batch: Batch, writing: &mut Option<Writing>) -> Result<(), Problem> {
        self.settle(writing).await?;
        if batch.rows.is_empty() {
            return Ok(());
        }
        let (shared, org, id) = (self.shared.clone(), self.org, self.import.id);
        *writing = Some(tokio::spawn(async move { shared.store.import_links(org, id, batch.rows).await }));
        Ok(())
    }

    /// Waits for the batch that the store has.
    async fn settle(&mut self, writing: &mut Option<Writing>) -> Result<(), Problem> {
        let Some(writing) = writing.take() else { return Ok(()) };
        match writing.await {
            Ok(Ok(import)) => {
                self.import = import;
                Ok(())
            }
            Ok(Err(cause)) => Err(cause.into()),
            Err(cause) => Err(Problem::failed(&cause)),
        }
    }
}
