//! A disk that forgets: what a file system promises about synced and unsynced bytes, and nothing more.
//!
//! A file is what programs see (the page cache), what would be left after a power cut, and the changes in between. A
//! sync makes the changes durable; a power cut keeps any subset of those not synced, sector by sector. A failed sync
//! leaves the page cache telling a story that the disk will never know, as Linux does.
//! **Invariant:** nothing here knows SQLite.

use crate::chance::Dice;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The unit that a power cut keeps or loses.
const SECTOR: usize = 512;

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// No space left.
    Full,
    /// The device failed.
    Io,
    /// The process that opened the file is dead.
    Stale,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Clone, Debug, Default)]
struct File {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

/// What is to go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// No file may grow.
    pub full: bool,
    /// So many of the next writes fail, after writing some of their bytes.
    pub failing_writes: u32,
    /// So many of the next reads fail.
    pub failing_reads: u32,
    /// So many of the next syncs fail.
    pub failing_syncs: u32,
    /// The power goes at the n-th write or sync from now (1 is the next).
    pub power_cut_in: Option<u32>,
    /// Syncs say that they did, and didn't.
    pub lying: bool,
}

#[derive(Debug)]
struct State {
    files: BTreeMap<String, File>,
    faults: Faults,
    /// Handles of earlier generations belong to dead processes.
    generation: u64,
    powerless: bool,
    dice: Dice,
}

#[derive(Debug)]
pub struct Disk(Mutex<State>);

/// An open file, as long as its process lives.
#[derive(Clone, Debug)]
pub struct Handle {
    name: String,
    generation: u64,
}

type Result<T> = std::result::Result<T, DiskError>;

impl Disk {
    pub fn new(seed: u64) -> Self {
        Disk(Mutex::new(State {
            files: BTreeMap::new(),
            faults: Faults::default(),
            generation: 0,
            powerless: false,
            dice: Dice::new(seed ^ 0xD15C),
        }))
    }
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // ---- what the world does to it ----

    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = faults;
    }
    pub fn faults(&self) -> Faults {
        self.state().faults
    }
    /// Whether the power went at a planned point.
    pub fn is_powerless(&self) -> bool {
        self.state().powerless
    }
    /// The process dies: its handles work no more. What it wrote is seen by the next one.
    pub fn kill(&self) {
        self.state().generation += 1;
    }
    /// The power goes and comes back: what was not synced is there, or not, or in part.
    pub fn cut_power(&self) {
        let state = &mut *self.state();
        state.generation += 1;
        state.powerless = false;
        state.faults = Faults { lying: state.faults.lying, ..Faults::default() };
        let mood = state.dice.below(4);
        for file in state.files.values_mut() {
            let n = file.unsynced.len();
            let kept = match mood {
                0 => 0,
                1 => n,
                _ => state.dice.below(n + 1),
            };
            for (i, change) in std::mem::take(&mut file.unsynced).into_iter().enumerate() {
                if mood == 3 {
                    file.persist_some(change, &mut state.dice);
                } else if i < kept {
                    file.persist(change);
                } else if i == kept && mood == 2 {
                    file.persist_some(change, &mut state.dice);
                }
            }
            file.seen.clone_from(&file.durable);
        }
    }
    /// All files as programs see them, to begin another world with.
    pub fn image(&self) -> Vec<(String, Vec<u8>)> {
        self.state().files.iter().map(|(n, f)| (n.clone(), f.seen.clone())).collect()
    }
    /// Durable files to begin with.
    pub fn install(&self, image: &[(String, Vec<u8>)]) {
        let mut state = self.state();
        for (name, bytes) in image {
            let file = File { seen: bytes.clone(), durable: bytes.clone(), unsynced: Vec::new() };
            state.files.insert(name.clone(), file);
        }
    }

    // ---- what programs do with it ----

    pub fn exists(&self, name: &str) -> bool {
        self.state().files.contains_key(name)
    }
    /// The file's creation, like its deletion, is durable at once.
    pub fn open(&self, name: &str, create: bool) -> Option<Handle> {
        let mut state = self.state();
        if !state.files.contains_key(name) {
            if !create {
                return None;
            }
            state.files.insert(name.to_owned(), File::default());
        }
        Some(Handle { name: name.to_owned(), generation: state.generation })
    }
    /// `None` when there is no such file.
    pub fn delete(&self, name: &str) -> Option<()> {
        let mut state = self.state();
        if state.powerless {
            return Some(());
        }
        state.files.remove(name).map(|_| ())
    }
    /// Reads as much as there is; returns how much that was.
    pub fn read(&self, handle: &Handle, offset: usize, into: &mut [u8]) -> Result<usize> {
        let mut state = self.state();
        if state.faults.failing_reads > 0 {
            state.faults.failing_reads -= 1;
            return Err(DiskError::Io);
        }
        let file = state.file(handle)?;
        let from = file.seen.get(offset..).unwrap_or_default();
        let n = from.len().min(into.len());
        if let (Some(to), Some(from)) = (into.get_mut(..n), from.get(..n)) {
            to.copy_from_slice(from);
        }
        Ok(n)
    }
    pub fn write(&self, handle: &Handle, offset: usize, bytes: &[u8]) -> Result<()> {
        let mut state = self.state();
        state.file(handle)?;
        let cut = state.approach_power_cut();
        let faults = state.faults;
        let grows = state.file(handle)?.seen.len() < offset + bytes.len();
        if faults.full && grows {
            return Err(DiskError::Full);
        }
        let some = state.dice.below(bytes.len() + 1);
        let fails = faults.failing_writes > 0;
        if fails {
            state.faults.failing_writes -= 1;
        }
        let bytes = if fails || cut { bytes.get(..some).unwrap_or_default() } else { bytes };
        let file = state.file(handle)?;
        let change = Change::Write(offset, bytes.to_vec());
        change.apply(&mut file.seen);
        file.unsynced.push(change);
        state.powerless |= cut;
        if fails || cut { Err(DiskError::Io) } else { Ok(()) }
    }
    pub fn truncate(&self, handle: &Handle, len: usize) -> Result<()> {
        let mut state = self.state();
        let file = state.file(handle)?;
        let change = Change::Truncate(len);
        change.apply(&mut file.seen);
        file.unsynced.push(change);
        Ok(())
    }
    pub fn sync(&self, handle: &Handle) -> Result<()> {
        let state = &mut *self.state();
        state.file(handle)?;
        if state.approach_power_cut() {
            state.powerless = true;
            return Err(DiskError::Io);
        }
        let Some(file) = state.files.get_mut(&handle.name) else { return Err(DiskError::Stale) };
        if state.faults.failing_syncs > 0 {
            state.faults.failing_syncs -= 1;
            // Some of it reached the disk; the rest never will, and is marked clean.
            for change in std::mem::take(&mut file.unsynced) {
                file.persist_some(change, &mut state.dice);
            }
            return Err(DiskError::Io);
        }
        if !state.faults.lying {
            for change in std::mem::take(&mut file.unsynced) {
                file.persist(change);
            }
        }
        Ok(())
    }
    /// Writes a file's bytes again as they are seen, and syncs them: what a failed sync left undone is done.
    pub fn rewrite(&self, name: &str) -> Result<()> {
        let Some(handle) = self.open(name, false) else { return Ok(()) };
        let mut bytes = vec![0; self.len(&handle)?];
        self.read(&handle, 0, &mut bytes)?;
        self.write(&handle, 0, &bytes)?;
        self.sync(&handle)
    }
    pub fn len(&self, handle: &Handle) -> Result<usize> {
        Ok(self.state().file(handle)?.seen.len())
    }
}

impl State {
    fn file(&mut self, handle: &Handle) -> Result<&mut File> {
        if self.powerless || handle.generation != self.generation {
            return Err(DiskError::Stale);
        }
        self.files.get_mut(&handle.name).ok_or(DiskError::Stale)
    }
    /// Whether the power goes now.
    fn approach_power_cut(&mut self) -> bool {
        let left = self.faults.power_cut_in.map(|n| n.saturating_sub(1));
        self.faults.power_cut_in = left.filter(|n| *n > 0);
        left == Some(0)
    }
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Change::Write(offset, bytes) => {
                if to.len() < offset + bytes.len() {
                    to.resize(offset + bytes.len(), 0);
                }
                if let Some(to) = to.get_mut(*offset..offset + bytes.len()) {
                    to.copy_from_slice(bytes);
                }
            }
            Change::Truncate(len) => to.truncate(*len),
        }
    }
}

impl File {
    fn persist(&mut self, change: Change) {
        change.apply(&mut self.durable);
    }
    /// Each sector of the change, or not.
    fn persist_some(&mut self, change: Change, dice: &mut Dice) {
        match change {
            Change::Truncate(_) => {
                if dice.percent(50) {
                    self.persist(change);
                }
            }
            Change::Write(offset, bytes) => {
                let mut at = 0;
                while let Some(rest) = bytes.get(at..).filter(|r| !r.is_empty()) {
                    let n = (SECTOR - (offset + at) % SECTOR).min(rest.len());
                    if dice.percent(50) {
                        self.persist(Change::Write(offset + at, rest.get(..n).unwrap_or_default().to_vec()));
                    }
                    at += n;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(what: &str, prepare: impl Fn(&Disk, &Handle), possible: impl Fn(&[u8]) -> bool) {
        for seed in 0..200 {
            let disk = Disk::new(seed);
            let h = disk.open("f", true).unwrap();
            disk.write(&h, 0, &[1; 2048]).unwrap();
            disk.sync(&h).unwrap();
            prepare(&disk, &h);
            disk.cut_power();
            let after = &disk.image()[0].1;
            assert!(possible(after), "{what}, seed {seed}: {} bytes", after.len());
        }
    }
    fn sectors(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
        bytes.chunks(SECTOR)
    }

    #[test]
    fn what_was_synced_survives_every_power_cut() {
        let write = |disk: &Disk, h: &Handle| {
            disk.write(h, 512, &[2; 1024]).unwrap();
            disk.sync(h).unwrap();
        };
        check("synced", write, |b| b == [[1; 512], [2; 512], [2; 512], [1; 512]].concat());
    }

    #[test]
    fn what_was_not_synced_is_kept_or_lost_by_sectors() {
        let write = |disk: &Disk, h: &Handle| disk.write(h, 0, &[2; 2048]).unwrap();
        check("unsynced", write, |b| sectors(b).all(|s| s == [1; 512] || s == [2; 512]));
        let (mut none, mut all, mut torn) = (0, 0, 0);
        for seed in 0..200 {
            let disk = Disk::new(seed);
            let h = disk.open("f", true).unwrap();
            disk.write(&h, 0, &[2; 2048]).unwrap();
            disk.cut_power();
            match disk.image()[0].1.as_slice() {
                [] => none += 1,
                b if b == [2; 2048] => all += 1,
                _ => torn += 1,
            }
        }
        assert!(none > 20 && all > 20 && torn > 20, "{none} {all} {torn}");
    }

    #[test]
    fn a_failed_sync_hides_the_loss_until_the_power_goes() {
        let mut lost = 0;
        for seed in 0..50 {
            let disk = Disk::new(seed);
            let h = disk.open("f", true).unwrap();
            disk.write(&h, 0, &[2; 4096]).unwrap();
            disk.set_faults(Faults { failing_syncs: 1, ..Faults::default() });
            assert_eq!(disk.sync(&h), Err(DiskError::Io));
            assert_eq!(disk.sync(&h), Ok(()));
            let mut seen = [0; 4096];
            assert_eq!(disk.read(&h, 0, &mut seen), Ok(4096));
            assert_eq!(seen, [2; 4096]);
            disk.cut_power();
            lost += u32::from(disk.image()[0].1 != [2; 4096]);
        }
        assert!(lost > 40, "{lost}");
    }

    #[test]
    fn a_dead_process_writes_no_more_and_a_full_disk_only_in_place() {
        let disk = Disk::new(1);
        let h = disk.open("f", true).unwrap();
        disk.write(&h, 0, &[1; 512]).unwrap();
        disk.set_faults(Faults { full: true, ..Faults::default() });
        assert_eq!(disk.write(&h, 512, &[1; 512]), Err(DiskError::Full));
        assert_eq!(disk.write(&h, 0, &[3; 512]), Ok(()));
        disk.kill();
        assert_eq!(disk.write(&h, 0, &[2; 512]), Err(DiskError::Stale));
        assert_eq!(disk.image()[0].1, [3; 512]);
    }

    #[test]
    fn a_planned_power_cut_comes_at_its_write_and_stops_everything() {
        let disk = Disk::new(1);
        let h = disk.open("f", true).unwrap();
        disk.set_faults(Faults { power_cut_in: Some(2), ..Faults::default() });
        assert_eq!(disk.write(&h, 0, &[1; 512]), Ok(()));
        assert_eq!(disk.write(&h, 512, &[1; 512]), Err(DiskError::Io));
        assert!(disk.is_powerless());
        assert_eq!(disk.sync(&h), Err(DiskError::Stale));
        disk.cut_power();
        assert!(!disk.is_powerless());
    }
}
