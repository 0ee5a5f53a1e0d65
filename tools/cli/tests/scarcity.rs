//! Little of what recording needs: room on the disk, in files, in the address space, descriptors. The
//! program must not notice; totals are exact, and what could not be kept is counted.

#[path = "../../../tests/support/over_time.rs"]
#[expect(dead_code, reason = "other tests look at more")]
mod over_time;
#[expect(dead_code, reason = "other tests run programs in other ways")]
mod traced;

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use mod_alloc::recording::file::RecordingFile;
use over_time::OverTime;
use traced::compared::assert_alike;
use traced::native;
use traced::program::{Ended, Program};
use traced::progress;
use traced::recorded::{KEYS, Recorded};

/// Enough for the table to grow several times.
const SITES: &str = "40000";

fn crowds(arguments: &[&str]) -> Program {
    Program::new(native::program("crowds"), arguments)
}

/// The sums over all stacks: what the program has done, whatever is known of where.
fn totals(recorded: &Recorded) -> [u64; 4] {
    KEYS.map(|key| recorded.report.sum().get(key))
}

/// A file system of so many bytes that this thread, and what it starts, sees at `path`; it goes with
/// the thread.
fn mount_small(path: &Path, bytes: u64, flags: libc::c_ulong) {
    let c = |text: &[u8]| CString::new(text).expect("no zero byte");
    let done = |what: &str, result: i32| {
        let error = io::Error::last_os_error();
        assert_eq!(result, 0, "{what}: {error} (these tests make file systems, as root may)");
    };
    fs::create_dir_all(path).expect("the target folder can be written to");
    let (root, tmpfs) = (c(b"/"), c(b"tmpfs"));
    let (path, options) = (c(path.as_os_str().as_bytes()), c(format!("size={bytes}").as_bytes()));
    // SAFETY: only this thread's view of the file systems becomes its own.
    done("unshare", unsafe { libc::unshare(libc::CLONE_NEWNS) });
    let (none, private) = (std::ptr::null(), libc::MS_REC | libc::MS_PRIVATE);
    // SAFETY: C strings, or none where none are needed.
    done("mount", unsafe { libc::mount(none, root.as_ptr(), none, private, none.cast()) });
    let (tmpfs, options) = (tmpfs.as_ptr(), options.as_ptr());
    // SAFETY: C strings.
    done("mount", unsafe { libc::mount(tmpfs, path.as_ptr(), tmpfs, flags, options.cast()) });
}

fn place(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scarcity-places").join(name);
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

/// A run of the program with all the room that there is.
fn at_ease(program: &Program) -> (Ended, Recorded) {
    let (plain, traced) = (program.plain(), program.traced());
    assert_alike(&plain, &traced);
    let recorded = traced.recorded();
    recorded.assert_nothing_lost();
    recorded.assert_counted(&plain.stdout);
    (plain, recorded)
}

/// A run where there is so much room for the recording.
fn on_a_disk_of(kib: u64) -> (Ended, Option<Recorded>, Recorded) {
    let program = crowds(&["sites", SITES]);
    let (plain, whole) = at_ease(&program);
    let disk = place(&format!("{kib}-kib"));
    mount_small(&disk, kib << 10, 0);
    let recording = disk.join("recording");
    let ended = program.start_recording("no", &recording).wait();
    assert_alike(&plain, &ended);
    let found = RecordingFile::is_one(&recording).then(|| {
        // The report needs room elsewhere.
        let copy = ended.results.join("recording");
        fs::copy(&recording, &copy).expect("there is room here");
        Recorded::read(&copy)
    });
    (ended, found, whole)
}

fn full_disk_of(kib: u64) {
    let (_, found, whole) = on_a_disk_of(kib);
    let found = found.expect("that is enough to begin with");
    assert_eq!(totals(&found), totals(&whole), "{KEYS:?}, {kib} KiB");
    assert!(found.lost("table_full") > 0, "{:?}", found.other_losses(&[]));
    assert!(found.lost("no_room") > 0, "why the table is full: {:?}", found.other_losses(&[]));
    assert_eq!(found.other_losses(&["table_full", "no_room"]), []);
    let full = found.report.frames.iter().any(|frame| frame.contains("call-site table full"));
    assert!(full, "what it was is said");
    // The samples end where there is no room for them; the end is known.
    OverTime::of(&found.report.json);
}

#[test]
fn a_disk_that_fills_up() {
    full_disk_of(4 << 10);
}

#[test]
fn a_disk_that_fills_up_soon() {
    full_disk_of(2 << 10);
}

#[test]
fn a_disk_that_fills_up_at_once() {
    full_disk_of(1 << 10);
}

#[test]
fn a_disk_that_is_full() {
    for kib in [4, 16, 64, 256] {
        std::thread::Builder::new()
            .name(format!("a_disk_that_is_full-{kib}"))
            .spawn(move || {
                let (_, found, whole) = on_a_disk_of(kib);
                if let Some(found) = found {
                    assert_eq!(totals(&found), totals(&whole), "{KEYS:?}, {kib} KiB");
                }
            })
            .expect("a thread can be started")
            .join()
            .expect("it has said what is wrong");
    }
}

/// A disk without room for threads' arenas: their events are counted all the same.
#[test]
fn threads_on_a_full_disk() {
    let program = crowds(&["threads-at-once", "500"]);
    let (plain, whole) = at_ease(&program);
    let disk = place("threads");
    mount_small(&disk, 4 << 20, 0);
    let recording = disk.join("recording");
    let ended = program.start_recording("no", &recording).wait();
    assert_alike(&plain, &ended);
    let copy = ended.results.join("recording");
    fs::copy(&recording, &copy).expect("there is a recording");
    let found = Recorded::read(&copy);
    assert_eq!(totals(&found), totals(&whole), "{KEYS:?}");
}

/// Moments that were taken before stay, and the program goes on.
#[test]
fn moments_on_a_full_disk() {
    let disk = place("moments");
    mount_small(&disk, 8 << 20, 0);
    let recording = disk.join("recording");
    let mut running = progress::program(1, "never", u64::MAX).start_recording("no", &recording);
    progress::wait_until(&mut running, 1000);
    let file = RecordingFile::open(&recording).expect("there is room for it");
    let mut taker = file.moment_taker().expect("it can be written").expect("it has a timeline");
    assert!(taker.take().expect("there is room").is_some(), "it runs");
    let mut filler = fs::File::create(disk.join("filler")).expect("there is room for a name");
    let error = io::copy(&mut io::repeat(1), &mut filler).expect_err("the disk is small");
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    // Sites that came after the last moment have none.
    let moments = || {
        let moments = over_time::read(&recording).expect("it is whole").moments;
        let of_sites = moments.sites.into_iter().filter(|of_site| !of_site.is_empty());
        // Not their times: a later look at the clock may shift them by a microsecond.
        (moments.at_micros.len(), of_sites.collect::<Vec<_>>())
    };
    let mut kept = moments();
    // The page that the log ends in has room for some more.
    let error = (0..1000).find_map(|_| {
        assert!(!running.has_ended());
        let error = taker.take().map(|next| assert!(next.is_some(), "it runs")).err();
        if error.is_none() {
            kept = moments();
        }
        error
    });
    let error = error.expect("moments need room").to_string();
    assert!(error.contains("No space left"), "{error}");
    assert!(kept.0 > 0, "there was room for some");
    assert_eq!(moments(), kept, "the log is as it was");
    running.signal(libc::SIGKILL);
    let ended = running.wait().with_signal(libc::SIGKILL);
    let copy = ended.results.join("recording");
    fs::copy(&recording, &copy).expect("there is room here");
    let found = Recorded::read(&copy);
    let over = OverTime::of(&found.report.json);
    over.assert_agrees();
    assert_eq!(over.at.len(), kept.0);
}

fn limit(resource: libc::__rlimit_resource_t, amount: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: amount, rlim_max: amount };
    // SAFETY: the structure is valid.
    let result = unsafe { libc::setrlimit(resource, &raw const limit) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The program dies of SIGXFSZ where it writes too much itself; we must never be the reason.
#[test]
fn files_may_not_grow() {
    let (plain, whole) = at_ease(&crowds(&["sites-without-sigxfsz", SITES]));
    // In half KiB; the program alone, whose output goes through a pipe.
    for size in [8, 2000, 6000, 128_000] {
        let crowds = native::program("crowds");
        let crowds = format!("{} sites-without-sigxfsz {SITES}", crowds.display());
        let command = format!("(ulimit -f {size} && exec {crowds}) | cat");
        let program = Program::new("/bin/sh", &["-c", &command]);
        let traced = program.called(&format!("size-{size}")).traced_with_children();
        assert_eq!(traced.stdout, plain.stdout, "{traced:#?}");
        assert_eq!((traced.stderr.as_str(), traced.status.code()), ("", Some(0)));
        for path in traced.recordings() {
            if RecordingFile::is_one(&path) {
                let found = Recorded::read(&path);
                if found.sites().any(|site| site == "site_path") {
                    assert_eq!(totals(&found), totals(&whole), "{KEYS:?}");
                }
            }
        }
    }
}

#[test]
fn no_folder_for_the_recording() {
    let program = crowds(&["sites", "1000"]);
    let plain = program.plain();
    let read_only = place("read-only");
    mount_small(&read_only, 1 << 20, libc::MS_RDONLY);
    let places = [
        read_only.join("recording"),
        PathBuf::from("/proc/nothing-can-be-made-here"),
        PathBuf::from("/nowhere/at/all"),
        read_only.clone(),
        PathBuf::from("/dev/full"),
        PathBuf::from("/dev/null"),
    ];
    for place in places {
        let ended = program.start_recording("no", &place).wait();
        assert_alike(&plain, &ended);
        assert_eq!(ended.said.len(), 1, "{}: that nothing is recorded: {ended:?}", place.display());
    }
}

/// A table that is too large for the limit is smaller, or there is none.
#[test]
fn a_small_address_space() {
    let program = crowds(&["sites", "1000"]);
    let (plain, whole) = at_ease(&program);
    let sizes: [fn() -> io::Result<()>; 8] = [
        || limit(libc::RLIMIT_AS, 4096 << 20),
        || limit(libc::RLIMIT_AS, 1024 << 20),
        || limit(libc::RLIMIT_AS, 512 << 20),
        || limit(libc::RLIMIT_AS, 256 << 20),
        || limit(libc::RLIMIT_AS, 100 << 20),
        || limit(libc::RLIMIT_AS, 50 << 20),
        || limit(libc::RLIMIT_AS, 20 << 20),
        || limit(libc::RLIMIT_AS, 10 << 20),
    ];
    let mut recorded = 0;
    for (index, size) in sizes.into_iter().enumerate() {
        let program = crowds(&["sites", "1000"]).prepare(size).called(&format!("size-{index}"));
        let ended = program.traced();
        assert_alike(&plain, &ended);
        let path = ended.results.join("recording");
        if RecordingFile::is_one(&path) {
            assert_eq!(totals(&ended.recorded()), totals(&whole), "{KEYS:?}");
            recorded += 1;
        } else {
            assert_eq!(ended.said.len(), 1, "that nothing is recorded: {ended:?}");
        }
    }
    assert!((3..8).contains(&recorded), "{recorded} of 8 had room for a table");
}

#[test]
fn no_descriptor_is_left() {
    let few: fn() -> io::Result<()> = || limit(libc::RLIMIT_NOFILE, 40);
    for prepare in [None, Some(few)] {
        let mut program = crowds(&["descriptors"]);
        if let Some(prepare) = prepare {
            program = program.prepare(prepare).called("few");
        }
        // As many as without us, too.
        let (_, recorded) = at_ease(&program);
        assert_eq!(recorded.lost("table_full"), 0);
    }
}

/// Not even one to begin with.
#[test]
fn no_descriptor_from_the_start() {
    let program = crowds(&["sites", "100"]);
    let program = program.prepare(|| limit(libc::RLIMIT_NOFILE, 4)).called("four");
    let (plain, traced) = (program.plain(), program.traced());
    assert_alike(&plain, &traced);
}

fn close(descriptors: &[i32]) -> io::Result<()> {
    for &descriptor in descriptors {
        // SAFETY: the process is about to become another program; its descriptors are nobody's else.
        unsafe { libc::close(descriptor) };
    }
    Ok(())
}

/// Files that the program opens get the numbers that they would get without us.
#[test]
fn standard_input_output_and_error_are_closed() {
    let closed: [fn() -> io::Result<()>; 3] =
        [|| close(&[0]), || close(&[0, 1]), || close(&[0, 1, 2])];
    for (index, prepare) in closed.into_iter().enumerate() {
        let program = crowds(&["closed", "3000"]).prepare(prepare).called(&format!("{index}"));
        let contents = |ended: &Ended| {
            ["first", "second", "third", "output"]
                .map(|name| fs::read_to_string(ended.work.join(name)).expect("the program's"))
        };
        let plain = program.plain();
        let expected = contents(&plain);
        let traced = program.traced();
        assert_alike(&plain, &traced);
        assert_eq!(contents(&traced), expected, "{index}");
        let recorded = traced.recorded();
        recorded.assert_nothing_lost();
        recorded.assert_counted(&format!("{}{}", traced.stdout, expected[1]));
    }
}
