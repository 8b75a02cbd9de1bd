//! A small disk, to be filled.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of its own, gone when the test is over.
pub struct Disk {
    path: PathBuf,
}

impl Disk {
    /// `None`, and the reason printed, where this is not allowed: only root may mount.
    pub fn mount(path: &Path, options: &str) -> Option<Disk> {
        fs::create_dir(path).unwrap();
        let output = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).output();
        match output {
            Ok(output) if output.status.success() => Some(Disk { path: path.to_owned() }),
            Ok(output) => {
                eprintln!("skipped, no disk to fill: {}", String::from_utf8_lossy(&output.stderr));
                None
            }
            Err(error) => {
                eprintln!("skipped, no disk to fill: mount: {error}");
                None
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn make_read_only(&self) {
        let status = Command::new("mount").args(["-o", "remount,ro"]).arg(&self.path).status().unwrap();
        assert!(status.success());
    }

    /// Takes room with a file of its own, in MiB, or as much as there is.
    pub fn take(&self, name: &str, mib: usize) {
        let mut file = File::create(self.path.join(name)).unwrap();
        let block = vec![7; 4096];
        for _ in 0..mib * 256 {
            if file.write_all(&block).is_err() {
                return;
            }
        }
    }
    pub fn give_back(&self, name: &str) {
        fs::remove_file(self.path.join(name)).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
