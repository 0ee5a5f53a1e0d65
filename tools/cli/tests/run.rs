//! `mod-alloc run`: the program cannot tell, and the report is right.

mod run_support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Instant;

use mod_alloc::recording::file::RecordingFile;
use mod_alloc::recording::model::Histogram;
use run_support::{Scratch, json, of_program, ours, status, sum, sum_of, text, with_input};

#[test]
fn streams_and_status_are_the_program_s_and_the_report_is_right() {
    let scratch = Scratch::new("run");
    let program = scratch.compile("work", &[]);
    let name = program.to_str().unwrap();
    let plain = with_input(
        {
            let mut plain = Command::new(&program);
            plain.arg("42");
            plain
        },
        b"in\xff\n",
    );
    let wrapped =
        with_input(scratch.command(&["run", "-o", "r.json", "--", name, "42"]), b"in\xff\n");
    assert_eq!(wrapped.stdout, plain.stdout);
    assert_eq!(of_program(&wrapped), of_program(&plain));
    assert_eq!((status(&wrapped), status(&plain)), (42, 42));
    let report = json(&scratch.join("r.json"));
    assert_eq!(sum_of(&report, "work", "tb"), 1000);
    assert_eq!(sum_of(&report, "work", "tbk"), 10);
    assert_eq!(sum_of(&report, "work", "eb"), 100);
    assert_eq!(sum_of(&report, "work", "mb"), 100);
    assert_eq!(report["cmd"], format!("{name} 42"));
    let told = ours(&wrapped);
    assert_eq!(told.lines().count(), 4, "{told}");
    assert!(told.contains("mod-alloc: Total:     1,000 bytes in 10 blocks\n"), "{told}");
    assert!(told.contains("has been saved to r.json, and is viewable"), "{told}");
}

#[test]
fn options_of_the_program_are_its_own() {
    let scratch = Scratch::new("options");
    for words in [
        &["run", "ls", "-la", "--color=never", "/"][..],
        &["run", "--", "ls", "-la", "--color=never", "/"],
    ] {
        let wrapped = scratch.run(words);
        let plain = Command::new("ls").args(["-la", "--color=never", "/"]).output().unwrap();
        assert_eq!(text(&wrapped.stdout).lines().count(), text(&plain.stdout).lines().count());
        assert_eq!(status(&wrapped), 0);
    }
    let help = scratch.run(&["run", "ls", "--help"]);
    assert!(text(&help.stdout).starts_with("Usage: ls"), "{}", text(&help.stdout));
}

#[test]
fn the_report_is_named_after_program_and_process() {
    let scratch = Scratch::new("named");
    let output = scratch.run(&["run", "sh", "-c", "echo $$; exit 3"]);
    let pid = text(&output.stdout).trim().to_owned();
    assert_eq!(scratch.names(), [format!("mod-alloc.sh.{pid}.json")]);
    assert_eq!(json(&scratch.join(&scratch.names()[0]))["pid"].to_string(), pid);
    assert_eq!(status(&output), 3);
}

#[test]
fn the_environment_is_what_it_was_in_its_order() {
    let scratch = Scratch::new("environment");
    let run = scratch.command(&["run", "-o", "r.json", "env"]);
    let home = format!("HOME={}", scratch.path().display());
    let variables = ["Z=1", "PATH=/usr/bin:/bin", "A=b", &home, "LD_PRELOAD=libm.so.6", "B=c d"];
    // A `Command` sorts what it passes on, `env` does not.
    let mut command = Command::new("/usr/bin/env");
    command.arg("-i").args(variables).arg(run.get_program()).args(run.get_args());
    command.current_dir(scratch.path());
    let wrapped = command.output().unwrap();
    let found = text(&wrapped.stdout);
    assert_eq!(found.lines().collect::<Vec<_>>(), variables);
}

#[test]
fn signal_mask_and_dispositions_are_what_they_were() {
    let scratch = Scratch::new("mask");
    let words = ["-E", "^Sig(Blk|Ign|Cgt):", "/proc/self/status"];
    let hostile = |command: &mut Command| {
        let set_up = || {
            // SAFETY: system calls on memory of their own.
            unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
            // SAFETY: as above.
            unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
            // SAFETY: as above.
            unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
            // SAFETY: all zeroes are an empty set.
            let mut set = unsafe { std::mem::zeroed::<libc::sigset_t>() };
            // SAFETY: as above.
            unsafe { libc::sigaddset(&raw mut set, libc::SIGUSR2) };
            // SAFETY: as above.
            unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut()) };
            Ok(())
        };
        // SAFETY: it makes system calls only.
        unsafe { command.pre_exec(set_up) };
        let output = command.output().unwrap();
        assert!(output.status.success());
        text(&output.stdout)
    };
    let plain = hostile(Command::new("grep").args(words));
    let wrapped = hostile(scratch.command(&["run", "-o", "r.json", "grep"]).args(words));
    assert_eq!(wrapped, plain);
    assert!(plain.contains("SigBlk:\t0000000000000800"), "{plain}");
}

#[test]
fn a_killed_program_gives_its_signal_and_its_report() {
    let scratch = Scratch::new("killed");
    for (signal, number) in [("KILL", 9), ("SEGV", 11), ("ABRT", 6)] {
        let output =
            scratch.run(&["run", "-o", "r.json", "sh", "-c", &format!("kill -{signal} $$")]);
        assert_eq!(status(&output), 128 + number);
        let told = ours(&output);
        assert!(told.contains(&format!("was killed by signal {number} (SIG{signal}")), "{told}");
        assert!(sum(&json(&scratch.join("r.json")), "tbk") > 0);
        fs::remove_file(scratch.join("r.json")).unwrap();
    }
}

#[test]
fn nothing_is_left_behind() {
    let scratch = Scratch::new("left");
    let temporary = scratch.join("tmp");
    fs::create_dir(&temporary).unwrap();
    // The recording's folder is named after the process that makes it.
    let child = scratch
        .command(&["run", "-o", "r.json", "true"])
        .env("TMPDIR", &temporary)
        .spawn()
        .unwrap();
    let ours = format!("mod-alloc.{}.", child.id());
    assert!(child.wait_with_output().unwrap().status.success());
    for folder in ["/dev/shm", temporary.to_str().unwrap()] {
        for entry in fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(!name.starts_with(&ours), "{folder}/{name}");
        }
    }
}

#[test]
fn a_report_that_cannot_be_written_costs_the_report_alone() {
    let scratch = Scratch::new("unwritten");
    for (program_says, expected) in [("0", 125), ("3", 3)] {
        fs::create_dir(scratch.join("gone")).unwrap();
        let script = format!("rmdir gone; exit {program_says}");
        let output = scratch.run(&["run", "-o", "gone/r.json", "sh", "-c", &script]);
        assert_eq!(status(&output), expected);
        let told = ours(&output);
        assert!(told.contains("writing the report to gone/r.json failed: No such file"), "{told}");
        assert!(!told.contains("saved"), "{told}");
        let recording =
            told.split("mod-alloc recover ").nth(1).unwrap().split(" -o").next().unwrap();
        let recovered = scratch.run(&["recover", recording, "-o", "r.json"]);
        assert_eq!(status(&recovered), 0, "{}", ours(&recovered));
        assert!(sum(&json(&scratch.join("r.json")), "tbk") > 0);
        fs::remove_dir_all(std::path::Path::new(recording).parent().unwrap()).unwrap();
    }
}

#[test]
fn off_is_off() {
    let scratch = Scratch::new("off");
    let output = scratch
        .command(&["run", "sh", "-c", "echo $LD_PRELOAD$MOD_ALLOC; exit 4"])
        .env("MOD_ALLOC", "off")
        .output();
    let output = output.unwrap();
    assert_eq!((text(&output.stdout).as_str(), status(&output)), ("off\n", 4));
    assert!(ours(&output).contains("runs without a recording"));
    assert_eq!(scratch.names(), [""; 0]);
}

#[test]
fn a_signal_that_would_be_asked_by_is_the_program_s_and_one_line_says_so() {
    let scratch = Scratch::new("signal");
    let output = scratch
        .command(&["run", "--children", "no", "sh", "-c", "kill -USR1 $$; echo survived"])
        .env("MOD_ALLOC_SIGNAL", "USR1")
        .output();
    let output = output.unwrap();
    assert_eq!((text(&output.stdout).as_str(), status(&output)), ("", 128 + 10));
    let told = ours(&output);
    let told: Vec<_> = told.lines().filter(|line| line.contains("MOD_ALLOC_SIGNAL")).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("ignored MOD_ALLOC_SIGNAL under mod-alloc run; use mod-alloc top "),
        "{told:?}"
    );
}

#[test]
fn what_is_set_reaches_the_recorder() {
    let scratch = Scratch::new("settings");
    let program = scratch.compile("work", &[]);
    let name = program.to_str().unwrap();
    let output = scratch.run(&[
        "run",
        "-o",
        "r.json",
        "--frames",
        "1",
        "--buckets",
        "100",
        "--peak",
        "exact",
        name,
    ]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    let settings = &json(&scratch.join("r.json"))["x_settings"];
    assert_eq!(
        (&settings["frames"], &settings["buckets"], &settings["peak"]),
        (&1.into(), &128.into(), &"exact".into())
    );
}

#[test]
fn other_preloaded_libraries_stay() {
    let scratch = Scratch::new("preloaded");
    let words = [
        "run",
        "-o",
        "r.json",
        "grep",
        "-c",
        "libSegFault\\|libmod_alloc_preload\\|libm\\.so",
        "/proc/self/maps",
    ];
    let mut command = scratch.command(&words);
    let alone = text(&command.output().unwrap().stdout);
    let both = text(&command.env("LD_PRELOAD", "libm.so.6").output().unwrap().stdout);
    let count = |text: &str| text.trim().parse::<u32>().unwrap();
    assert!(count(&alone) > 0 && count(&both) > count(&alone), "{alone} {both}");
}

#[test]
fn the_library_is_unpacked_where_there_is_room_for_it() {
    let scratch = Scratch::new("unpacked");
    let (cache, temporary) = (scratch.join("cache"), scratch.join("tmp"));
    fs::create_dir(&temporary).unwrap();
    let run = |home: &str, cache: &str| {
        let mut command = scratch.command(&["run", "-o", "r.json", "sh", "-c", ":"]);
        command.env("HOME", home).env("XDG_CACHE_HOME", cache).env("TMPDIR", &temporary);
        let output = command.output().unwrap();
        assert_eq!(status(&output), 0, "{}", ours(&output));
        assert!(sum(&json(&scratch.join("r.json")), "tbk") > 0);
    };
    run("/nonexistent", cache.to_str().unwrap());
    let folders = fs::read_dir(cache.join("mod-alloc")).unwrap();
    let mut paths = folders.map(|entry| entry.unwrap().path().join("libmod_alloc_preload.so"));
    let library = paths.find(|path| path.exists()).unwrap();
    assert_eq!(fs::metadata(&library).unwrap().permissions().mode() & 0o777, 0o755);
    // Not even root can make anything there, and a path that is not absolute does not count.
    run("/proc/nothing", "relative");
    assert!(fs::read_dir(&temporary).unwrap().any(|entry| {
        entry.unwrap().file_name().into_string().unwrap().starts_with("mod-alloc-")
    }));
    assert!(!scratch.join("relative").exists());
}

#[test]
fn the_variable_keeps_the_recording_as_the_option_does() {
    let scratch = Scratch::new("variable");
    let program = scratch.compile("work", &[]);
    let program = program.to_str().unwrap();
    let run = |value: &str, words: &[&str]| {
        let words = [&["run", "-o", "r.json"], words, &[program]].concat();
        let output = scratch.command(&words).env("MOD_ALLOC_RECORD", value).output().unwrap();
        (status(&output), ours(&output))
    };
    let (plain, _) = run("", &[]);
    assert_eq!(run("%e.rec", &[]).0, plain);
    assert!(scratch.join("work.rec").is_file(), "{:?}", scratch.names());
    let (refused, told) = run("%e.rec", &[]);
    assert!(refused == 125 && told.contains("work.rec: there is something already"), "{told}");
    assert_eq!(run("pid.%p.rec", &[]).0, plain);
    let kept = scratch.only("pid.", ".rec");
    assert_eq!(json(&scratch.join("r.json"))["pid"].to_string(), {
        let name = kept.file_name().unwrap().to_str().unwrap();
        name.split('.').nth(1).unwrap().to_owned()
    });
    assert_eq!(run("unused.rec", &["--record", "asked.rec"]).0, plain);
    assert!(scratch.join("asked.rec").is_file() && !scratch.join("unused.rec").exists());
    assert_eq!(run("folder", &["--children", "yes"]).0, plain);
    assert!(scratch.join("folder").is_dir());
    assert_eq!(run("f.%p", &["--children", "yes"]).0, 125);
}

#[test]
fn a_kept_recording_gives_the_same_report() {
    let scratch = Scratch::new("kept");
    let program = scratch.compile("work", &[]);
    let output =
        scratch.run(&["run", "--record", "100%.rec", "-o", "r.json", program.to_str().unwrap()]);
    assert_eq!(status(&output), 0, "{}", ours(&output));
    let of = |file: &str| text(&scratch.run(&["report", "--format", "json", file]).stdout);
    assert_eq!(of("100%.rec"), of("r.json"));
    assert!(of("r.json").contains("\"work\""));
    let again = scratch.run(&["run", "--record", "100%.rec", "true"]);
    assert_eq!(status(&again), 125);
    assert!(ours(&again).contains("100%.rec: there is something already"), "{}", ours(&again));
}

#[test]
fn blocks_are_in_the_classes_of_their_sizes_and_of_their_lifetimes() {
    let scratch = Scratch::new("histograms");
    let program = scratch.compile("work", &[]);
    let name = program.to_str().unwrap();
    for lifetimes in ["off", "on"] {
        let file = format!("{lifetimes}.rec");
        let mut command = scratch.command(&["run", "--record", &file, "-o", "r.json", name]);
        let output = command.env("MOD_ALLOC_LIFETIMES", lifetimes).output().unwrap();
        assert_eq!(status(&output), 0, "{}", ours(&output));
        let recording = RecordingFile::open(&scratch.join(&file)).unwrap().read().unwrap();
        let found = recording.histograms.unwrap();
        // Ten blocks of 64 to 127 bytes.
        let sizes = found.sizes.unwrap();
        assert_eq!(sizes.blocks, [0, 0, 0, 0, 0, 0, 0, 10]);
        assert_eq!(sizes.bytes, [0, 0, 0, 0, 0, 0, 0, 1000]);
        // The last one lives.
        let sums = |found: Histogram| (found.blocks.iter().sum(), found.bytes.iter().sum());
        let expected: Option<(u64, u64)> = (lifetimes == "on").then_some((9, 900));
        assert_eq!(found.lifetimes.map(sums), expected);
    }
}

#[test]
fn a_block_that_is_resized_has_one_lifetime() {
    let scratch = Scratch::new("resized");
    let program = scratch.compile("resized", &[]);
    let mut command = scratch.command(&["run", "--record", "r.rec", program.to_str().unwrap()]);
    let started = Instant::now();
    let output = command.env("MOD_ALLOC_LIFETIMES", "on").output().unwrap();
    let longest = u64::try_from(started.elapsed().as_micros()).unwrap();
    assert_eq!(status(&output), 0, "{}", ours(&output));
    let recording = RecordingFile::open(&scratch.join("r.rec")).unwrap().read().unwrap();
    let found = recording.histograms.unwrap();
    assert_eq!(found.sizes.unwrap().bytes[21..], [1 << 20, 0, 1 << 22]);
    // 40 ms or more: 2^15 µs are 33 ms.
    let lifetimes = found.lifetimes.unwrap();
    let class = lifetimes.blocks.len() - 1;
    assert!((16..=class_of(longest)).contains(&class), "{lifetimes:?}");
    assert_eq!((lifetimes.blocks[class], lifetimes.bytes[class]), (1, 1 << 22));
    assert_eq!(lifetimes.blocks.iter().sum::<u64>(), 1);
}

fn class_of(value: u64) -> usize {
    (u64::BITS - value.leading_zeros()) as usize
}

#[test]
fn a_library_that_was_deleted_is_named_in_the_end() {
    let scratch = Scratch::new("deleted");
    scratch.compile("deletes", &["-DLIBRARY", "-shared", "-fPIC", "-Wl,--build-id=none"]);
    let library = scratch.join("plugin.so");
    fs::rename(scratch.join("deletes"), &library).unwrap();
    scratch.compile("deletes", &["-ldl"]);
    let output = scratch.run(&["run", "-o", "r.json", "./deletes", library.to_str().unwrap()]);
    let said = ours(&output);
    assert_eq!(status(&output), 0, "{said}");
    let expected =
        format!("{}: deleted meanwhile; functions in it have no names\n", library.display());
    assert_eq!(said.matches("deleted meanwhile").count(), 1, "{said}");
    assert!(said.contains(&expected), "{said}");
}

#[test]
fn a_report_may_be_text_and_go_to_standard_output() {
    let scratch = Scratch::new("formats");
    let program = scratch.compile("work", &[]);
    let name = program.to_str().unwrap();
    let output = scratch.run(&["run", "--format", "text", "-o", "-", name]);
    assert!(
        text(&output.stdout).contains("\n #1   100.0 %     1000 B  in 10 blocks"),
        "{}",
        text(&output.stdout)
    );
    let output = scratch.run(&["--color", "always", "run", "--format", "text", name]);
    assert_eq!(status(&output), 0);
    let written = fs::read_to_string(scratch.only("mod-alloc.work.", ".txt")).unwrap();
    assert!(written.contains("work") && !written.contains('\x1b'), "{written}");
    scratch.run(&["run", "--format", "json", "-o", "r.json", name]);
    assert_eq!(json(&scratch.join("r.json"))["schema_version"], 1);
}

/// The program's allocator is glibc's, so its books are read; on the way out, too, which leads through code
/// without unwind tables.
#[test]
fn the_allocators_state_is_in_the_report() {
    let scratch = Scratch::new("heap-state");
    let program = scratch.compile("work", &[]);
    scratch.run(&["run", "-o", "r.json", program.to_str().unwrap()]);
    let states = &json(&scratch.join("r.json"))["x_heap_state"];
    let end = &states["end"];
    assert_eq!(end["allocator"], "glibc", "{states}");
    let figure = |name: &str| end[name].as_u64().unwrap_or_else(|| panic!("{name} of {states}"));
    assert!(figure("requested_bytes") <= figure("allocated"), "{states}");
    assert!(figure("allocated") <= figure("mapped"), "{states}");
    assert!(figure("process_resident") <= figure("process_peak_resident"), "{states}");
    let shown = text(&scratch.run(&["report", "r.json"]).stdout);
    assert!(shown.contains("\n  heap at end: requested "), "{shown}");
    let output = scratch.run(&["report", "--format", "json", "r.json"]);
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(shown["heap_state"], *states);
}

/// A name of 250 bytes leaves no room for ours around it.
#[test]
fn programs_with_long_names_have_reports() {
    let scratch = Scratch::new("long-name");
    let program = scratch.compile("work", &[]);
    let long = scratch.join(&"n".repeat(250));
    std::fs::rename(program, &long).unwrap();
    for children in ["no", "yes"] {
        let output =
            scratch.run(&["run", "--children", children, "--html", long.to_str().unwrap()]);
        assert!(!ours(&output).contains("failed"), "{}", ours(&output));
    }
    let names = scratch.names();
    let of = |names: &[String], end: &str| names.iter().filter(|name| name.ends_with(end)).count();
    assert_eq!((of(&names, ".json"), of(&names, ".html")), (1, 1), "{names:?}");
    // Of `yes` its own and the sum.
    let is_folder = |name: &&String| name.starts_with("mod-alloc.") && !name.contains("json");
    let folder = names.iter().find(|name| is_folder(name) && !name.contains("html")).unwrap();
    let names: Vec<_> = std::fs::read_dir(scratch.join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!((of(&names, ".json"), of(&names, ".html")), (2, 2), "{names:?}");
}
