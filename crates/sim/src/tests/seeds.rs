//! Two thousand worlds, one for each seed; a failure prints its seed.

use crate::disk::Disk;
use crate::vfs::Vfs;
use crate::{Failure, Image, Report, Sabotage, Settings, World};
use crate::{chance::Dice, clock::SimClock, process::Process};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What a first start leaves on the disk; most worlds begin with it, for speed.
fn image() -> Image {
    let disk = Arc::new(Disk::new(0));
    let vfs = Vfs::register(disk.clone());
    let settings = Settings::draw(&mut Dice::new(0), Sabotage::None);
    let config = settings.store_config(vfs.name());
    let process = Process::start(&settings, config, &disk, Arc::new(SimClock::default()), 0).unwrap();
    process.writer.end();
    drop(process.store);
    disk.image()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|v| v.parse().unwrap_or_else(|e| panic!("{name}={v}: {e}")))
}

fn told(f: &Failure) -> String {
    let story = f.story.join("\n");
    let seed = f.seed;
    format!(
        "seed {seed}: {}\n{story}\n{:#?}\nplay it again: POSTRIDER_SIM_SEED={seed} cargo test -p postrider-sim two_thousand",
        f.what, f.settings
    )
}

/// Plays the seeds on all cores; the first failure, or what they all went through.
fn play(seeds: std::ops::Range<u64>, sabotage: Sabotage) -> Result<Report, Box<Failure>> {
    let image = image();
    let next = AtomicU64::new(seeds.start);
    let stop = AtomicBool::new(false);
    let run = || {
        let mut sum = Report::default();
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= seeds.end || stop.load(Relaxed) {
                return Ok(sum);
            }
            let world = World::new(seed, sabotage, &image);
            let world = if seeds.end - seeds.start == 1 { world.at_length() } else { world };
            match world.run() {
                Ok(report) => sum.add(&report),
                Err(failure) => {
                    stop.store(true, Relaxed);
                    return Err(failure);
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get());
    let parts: Vec<_> = std::thread::scope(|s| {
        let all: Vec<_> = (0..threads).map(|_| s.spawn(run)).collect();
        all.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let mut sum = Report::default();
    for part in parts {
        sum.add(&part?);
    }
    Ok(sum)
}

#[test]
fn two_thousand_seeds_keep_every_promise() {
    let seeds = match number("POSTRIDER_SIM_SEED") {
        Some(one) => one..one + 1,
        None => 0..number("POSTRIDER_SIM_SEEDS").unwrap_or(2000),
    };
    let n = seeds.end - seeds.start;
    match play(seeds, Sabotage::None) {
        Err(f) => panic!("{}", told(&f)),
        Ok(r) => {
            println!("{n} seeds: {r:?}");
            // Worlds in which nothing happens would keep every promise too.
            if n >= 500 {
                let each = [r.kills, r.power_cuts, r.broken_disks, r.full_disks, r.repeats, r.duplicates, r.dead];
                assert!(each.iter().all(|c| *c > n / 20), "too little happened: {r:?}");
                assert!(r.acknowledged > 20 * n && r.received > 20 * n, "too little happened: {r:?}");
            }
        }
    }
}

#[test]
fn a_seed_tells_the_same_story_each_time() {
    let image = image();
    for seed in 0..20 {
        let play = || World::new(seed, Sabotage::None, &image).run().unwrap_or_else(|f| panic!("{}", told(&f)));
        assert_eq!(play(), play(), "seed {seed}");
    }
}

/// A simulation that can't see a lost message proves nothing.
fn finds_the_loss(sabotage: Sabotage, within: u64) {
    let failure = play(0..within, sabotage).expect_err("nothing was lost, so the simulation is blind");
    let lost = ["lost", "vanished", "no delivery", "damaged", "came back", "not a database", "doesn't start"];
    assert!(lost.iter().any(|w| failure.what.contains(w)), "{}", told(&failure));
    println!("seed {}: {}", failure.seed, failure.what);
}

#[test]
fn commits_that_do_not_sync_are_caught() {
    finds_the_loss(Sabotage::Unsynced, 100);
}

#[test]
fn commits_that_sync_only_at_checkpoints_are_caught() {
    finds_the_loss(Sabotage::Normal, 100);
}

#[test]
fn a_disk_that_lies_about_syncing_is_caught() {
    finds_the_loss(Sabotage::LyingDisk, 100);
}
