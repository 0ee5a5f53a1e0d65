//! Recordings with bits turned over, parts missing, and parts of others in them: the reader says what is
//! wrong or reads what is there, and never panics. `tools/check/fuzz` looks for longer.

#[expect(dead_code, reason = "other tests run programs in other ways")]
mod run_support;
#[expect(dead_code, reason = "other tests run programs in other ways")]
mod traced;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mod_alloc::recording::file::{Error, RecordingFile};
use mod_alloc::recording::model::Recording;
use run_support::Scratch;
use traced::compact::compact;
use traced::compared::traced_like_plain;
use traced::native;
use traced::program::Program;
use traced::recorded::{dhat_of, recording};

/// Where the regions begin; what is before them decides how the rest is read.
const HEADER: u64 = 4096;

/// Numbers that are alike in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// Most often in the header.
    fn place(&mut self, length: usize) -> usize {
        let limit =
            if !self.next().is_multiple_of(4) { length.min(HEADER as usize / 2) } else { length };
        self.below(limit)
    }
}

/// Recordings of programs that do different things, and of one that was killed.
fn seeds() -> Vec<Vec<u8>> {
    let signals = Program::new(native::program("signals"), &["fibers"]);
    let loads = ["loads", &native::library("plugin")];
    let loads = Program::new(native::program("moments"), &loads);
    let threads = Program::new(native::program("crowds"), &["threads-at-once", "3"]);
    let misuse = Program::new(native::program("misuse"), &["twice"]);
    [signals, loads, threads, misuse]
        .iter()
        .map(|program| compact(&program.traced().results.join("recording")))
        .collect()
}

fn damaged(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.place(bytes.len());
        match random.below(8) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.next() as u8,
            3 => word(random, &mut bytes, at),
            4 => bytes.truncate(random.below(bytes.len()).max(1)),
            5 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.place(other.len());
                let length = random.below(4096).min(other.len() - from).min(bytes.len() - at);
                bytes[at..at + length].copy_from_slice(&other[from..from + length]);
            }
            6 => {
                let end = (at + random.below(512)).min(bytes.len());
                bytes[at..end].fill(if random.next().is_multiple_of(2) { 0 } else { 0xff });
            }
            _ => {
                let length = random.below(256).min(bytes.len() - at);
                let to = random.below(bytes.len() - length);
                bytes.copy_within(at..at + length, to);
            }
        }
    }
    bytes
}

/// A number that is the last of something.
fn word(random: &mut Random, bytes: &mut [u8], at: usize) {
    let edges = [0, 1, 511, 512, 1 << 16, u64::from(u32::MAX), 1 << 47, i64::MAX as u64, u64::MAX];
    let edge = edges[random.below(edges.len())].to_ne_bytes();
    let at = at & !7;
    if let Some(place) = bytes.get_mut(at..at + 8) {
        place.copy_from_slice(&edge);
    }
}

fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hostile_recordings");
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder.join(name)
}

/// All the way to the report.
fn read(path: &Path) -> Result<usize, Error> {
    read_with_names(path, true)
}

/// As above; looking up names takes longer than all the rest.
fn read_with_names(path: &Path, named: bool) -> Result<usize, Error> {
    let mut recording = RecordingFile::open(path)?.read_what_is_there()?;
    if !named {
        for module in &mut recording.modules {
            module.path = "/nowhere".into();
            module.build_id.clear(); // leads to debug files
        }
    }
    Ok(dhat_of(&recording).len())
}

#[test]
fn damaged_recordings_are_read_as_far_as_they_go() {
    let (seeds, path, mut random) = (seeds(), file("damaged"), Random(0x5eed));
    let (mut whole, mut refused) = (0, 0);
    for round in 0..4000 {
        let bytes = damaged(&mut random, &seeds);
        fs::write(&path, &bytes).expect("the target folder can be written to");
        match catch_unwind(AssertUnwindSafe(|| read_with_names(&path, round % 200 == 0))) {
            Ok(Ok(length)) => {
                assert!(length > 100, "a report, at least");
                whole += 1;
            }
            Ok(Err(error)) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
            Err(_) => {
                let kept = file(&format!("panic-{round}"));
                fs::write(&kept, bytes).expect("the target folder can be written to");
                panic!("{}: see above", kept.display());
            }
        }
    }
    assert!(whole > 1000 && refused > 100, "{whole} were read, {refused} refused");
}

/// The ground of the other tests: nothing is lost by it but names.
#[test]
fn a_compact_recording_is_the_same_recording() {
    let program = Program::new(native::program("moments"), &["threads-end"]);
    let (ended, recorded) = traced_like_plain(&program);
    let path = file("compact");
    let bytes = compact(&ended.results.join("recording"));
    assert!(bytes.len() < 2 << 20, "{} bytes", bytes.len());
    fs::write(&path, bytes).expect("the target folder can be written to");
    let sum = recorded.report.sum();
    let sites = recording(&path).sites;
    let blocks: u64 = sites.iter().map(|site| site.counters.total_blocks).sum();
    let bytes: u64 = sites.iter().map(|site| site.counters.total_bytes).sum();
    assert_eq!((bytes, blocks), (sum.get("tb"), sum.get("tbk")));
}

/// The header's words of the heap over time, and the entry of its region in the table.
const SCHEDULE: Range<usize> = 280..320;
const TIMELINE: usize = 16 + 16 * 9;
/// Bytes of the samples, before the log of moments.
const SAMPLES: usize = 1024 * 64;

/// A small recording with a log of moments, of a program that was killed.
fn with_moments() -> Vec<u8> {
    let scratch = Scratch::new("hostile");
    let path = scratch.join("rec");
    let mut command = Command::new(scratch.compile("over_time", &["-pthread"]));
    command.arg("steps").stdin(Stdio::piped()).stdout(Stdio::piped());
    command.env("LD_PRELOAD", env!("MOD_ALLOC_PRELOAD_LIBRARY")).env("MOD_ALLOC_RECORD", &path);
    let mut child = command.env_remove("MOD_ALLOC_TIMELINE").spawn().expect("a program");
    let mut input = child.stdin.take().expect("piped");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    lines.next().expect("it has begun").expect("text");
    let file = RecordingFile::open(&path).expect("a recording");
    let mut taker = file.moment_taker().expect("it can be written").expect("it has a timeline");
    for _ in 0..20 {
        input.write_all(b"\n").expect("it reads");
        lines.next().expect("it goes on").expect("text");
        assert!(taker.take().expect("it can be written").is_some(), "it runs");
    }
    child.kill().expect("it runs");
    child.wait().expect("it is our child");
    compact(&path)
}

/// Damage to what is read as the heap over time: samples, the log, and the words that lead there.
fn damage_timeline(random: &mut Random, bytes: &mut [u8]) {
    let offset = u64::from_ne_bytes(bytes[TIMELINE..][..8].try_into().expect("eight bytes"));
    let samples = offset as usize..offset as usize + SAMPLES;
    for _ in 0..=random.below(12) {
        let places = match random.below(8) {
            0 | 1 => SCHEDULE,
            2 | 3 => samples.start..samples.start + 64 * 40,
            _ => samples.end..bytes.len().min(samples.end + 64 * 200),
        };
        let at = places.start + random.below(places.len());
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 | 3 => word(random, bytes, at),
            _ => {
                let from = places.start + random.below(places.len());
                let length = random.below(512).min(places.end - from.max(at));
                bytes.copy_within(from..from + length, at);
            }
        }
    }
}

#[test]
fn a_damaged_heap_over_time_is_read_as_far_as_it_goes() {
    let (seed, path, mut random) = (with_moments(), file("over-time"), Random(0x71e));
    fs::write(&path, &seed).expect("the target folder can be written to");
    let whole = RecordingFile::open(&path).and_then(|file| file.read()).expect("a recording");
    assert_eq!(whole.moments.at_micros.len(), 20, "up to {}", whole.end_micros);
    assert!(whole.timeline.is_some());
    let mut with_moments = 0;
    for round in 0..3000 {
        let mut bytes = seed.clone();
        damage_timeline(&mut random, &mut bytes);
        fs::write(&path, &bytes).expect("the target folder can be written to");
        let judged = catch_unwind(AssertUnwindSafe(|| {
            let recording = RecordingFile::open(&path)?.read_what_is_there()?;
            assert_sound(&recording);
            if round % 50 == 0 {
                read_with_names(&path, false)?;
            }
            Ok::<_, Error>(recording.moments.at_micros.len())
        }));
        match judged {
            Ok(moments) => {
                with_moments += usize::from(moments.expect("the rest of it is whole") > 0);
            }
            Err(_) => {
                let kept = file(&format!("over-time-panic-{round}"));
                fs::write(&kept, bytes).expect("the target folder can be written to");
                panic!("{}: see above", kept.display());
            }
        }
    }
    assert!(with_moments > 1000, "{with_moments}");
}

/// A log of as many moments as there is room for: they are read in the time that they take.
#[test]
fn no_number_of_moments_is_too_large() {
    let (mut bytes, path) = (with_moments(), file("over-time-long"));
    const ENTRIES: u64 = (24 << 20) / 64;
    let offset = bytes.len().next_multiple_of(64);
    bytes.resize(offset, 0);
    let old = u64::from_ne_bytes(bytes[TIMELINE..][..8].try_into().expect("eight bytes")) as usize;
    bytes.extend_from_within(old..old + SAMPLES);
    for end in 1..=ENTRIES {
        let mut record = [0; 64];
        record[8..16].copy_from_slice(&end.to_ne_bytes());
        bytes.extend(record);
    }
    bytes[TIMELINE..][..8].copy_from_slice(&(offset as u64).to_ne_bytes());
    bytes[SCHEDULE][32..].copy_from_slice(&ENTRIES.to_ne_bytes());
    fs::write(&path, &bytes).expect("the target folder can be written to");
    let recording =
        RecordingFile::open(&path).and_then(|file| file.read_what_is_there()).expect("a recording");
    assert_sound(&recording);
    fs::remove_file(&path).expect("it was written");
}

/// True of whatever was read.
fn assert_sound(recording: &Recording) {
    if let Some(timeline) = &recording.timeline {
        let lists = [
            &timeline.min_bytes,
            &timeline.max_bytes,
            &timeline.blocks,
            &timeline.total_bytes,
            &timeline.total_blocks,
        ];
        let length = timeline.end_micros.len();
        assert!(length > 0 && lists.iter().all(|list| list.len() == length));
        assert_eq!(timeline.resident_bytes.len(), length);
        assert!(timeline.end_micros.is_sorted(), "{:?}", timeline.end_micros);
        let mut bounds = timeline.min_bytes.iter().zip(&timeline.max_bytes);
        assert!(bounds.all(|(least, most)| least <= most));
    }
    let moments = &recording.moments;
    assert!(moments.at_micros.is_sorted_by(|one, next| one < next));
    if !moments.at_micros.is_empty() {
        assert_eq!(moments.sites.len(), recording.sites.len());
    }
    for site in &moments.sites {
        assert!(site.is_sorted_by(|one, next| one.moment < next.moment));
        let last = site.last().map_or(0, |last| last.moment as usize);
        assert!(site.is_empty() || last < moments.at_micros.len());
    }
}

#[test]
fn what_is_no_recording_is_told_from_what_is_a_bad_one() {
    let whole = compact(&{
        let program = Program::new(native::program("misuse"), &["twice"]);
        program.traced().results.join("recording")
    });
    let path = file("told");
    let said = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("the target folder can be written to");
        read(&path).map_err(|error| error.to_string())
    };
    assert!(said(&whole).is_ok());
    assert_eq!(said(b""), Err("not a recording of mod-alloc".into()));
    assert_eq!(said(b"{\"dhatFileVersion\":2}"), Err("not a recording of mod-alloc".into()));
    let ends_early = said(&whole[..100]).expect_err("it ends early");
    assert!(ends_early.starts_with("a damaged recording: "), "{ends_early}");
    let mut newer = whole.clone();
    newer[8..12].copy_from_slice(&9999_u32.to_ne_bytes());
    let newer = said(&newer).expect_err("it is newer");
    assert!(newer.starts_with("format version 9999"), "{newer}");
    let mut swapped = whole.clone();
    swapped[..8].reverse();
    let swapped = said(&swapped).expect_err("the other order");
    assert!(swapped.contains("byte order"), "{swapped}");
    for path in ["/", "/dev/null", "/dev/zero", "/nowhere"] {
        assert!(read(Path::new(path)).is_err(), "{path}");
    }
}
