//! Functions in the user's cache: reports are the same with them, without them, and with damage.

#[expect(dead_code, reason = "each test file uses its part")]
mod run_support;

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use run_support::{Scratch, ours, status, text};

const PROGRAMS: [&str; 3] = ["inlined", "scene", "work"];
/// The beginnings of their names in the cache: one has no build id.
const KEPT_AS: [&str; 3] = ["0a0b0c0d01", "inode-", "0a0b0c0d03"];

/// A build id, by which the functions of a file are kept.
fn build_id(number: usize) -> String {
    format!("-Wl,--build-id=0x0a0b0c0d0{number}")
}

/// A folder with the programs, and a recording of each.
fn recorded() -> Scratch {
    let scratch = Scratch::new("symbols");
    let source =
        |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs").join(name);
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "-O", "-g", "-C", &format!("link-arg={}", build_id(1)), "-o"]);
    let mut cpp = Command::new("c++");
    cpp.args(["-O2", "-g", "-Wl,--build-id=none", "-o"]);
    for (mut compile, name, source) in
        [(rustc, "inlined", source("inlined.rs")), (cpp, "scene", source("scene.cpp"))]
    {
        let output = compile.arg(scratch.join(name)).arg(source).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    scratch.compile("work", &[&build_id(3)]);
    for name in PROGRAMS {
        let (kept, program) = (format!("{name}.recording"), format!("./{name}"));
        let run = ["run", "--record", &kept, "-o", "run.json", &program];
        // No later look finds anything there.
        let output = scratch.cached(&run, "of the run").output().unwrap();
        assert_eq!(status(&output), 0, "{}", ours(&output));
    }
    scratch
}

impl Scratch {
    /// `words`, with the cache in the folder `cache`.
    fn cached(&self, words: &[&str], cache: &str) -> Command {
        let folder = self.join("caches");
        fs::create_dir_all(&folder).unwrap();
        let mut command = self.command(words);
        command.env("XDG_CACHE_HOME", folder.join(cache));
        command
    }

    /// All forms of the report of the recording of `program`.
    fn report(&self, program: &str, cache: &str) -> String {
        let recording = format!("{program}.recording");
        let words: [&[&str]; 3] = [
            &["merge", &recording],
            &["report", "--format", "json", "--stacks", &recording],
            &["report", "--tree", "--min-share", "0%", &recording],
        ];
        let printed = |words: &&[&str]| {
            let output: Output = self.cached(words, cache).output().unwrap();
            assert_eq!(status(&output), 0, "{}", ours(&output));
            text(&output.stdout) + &text(&output.stderr)
        };
        words.iter().map(printed).collect()
    }

    /// The files in the cache that keep functions.
    fn kept(&self, cache: &str) -> Vec<PathBuf> {
        let folder = self.join("caches").join(cache).join("mod-alloc/symbols");
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn reports_are_the_same_from_the_cache() {
    let scratch = recorded();
    for (program, begin) in PROGRAMS.iter().zip(KEPT_AS) {
        let cold = scratch.report(program, program);
        let kept = scratch.kept(program);
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(kept.iter().any(|path| name(path).starts_with(begin)), "{program}: {kept:?}");
        assert!(cold.contains("main"), "{cold}");
        assert_eq!(scratch.report(program, program), cold, "{program}");
        // Beside functions of others.
        assert_eq!(scratch.report(program, "common"), cold, "{program}");
        assert_eq!(scratch.report(program, "common"), cold, "{program}");
    }
    assert!(scratch.report("inlined", "inlined").contains("inlined::words"));
}

#[test]
fn debug_information_is_not_read_again() {
    let scratch = recorded();
    let program = "inlined";
    let cold = scratch.report(program, "warm");
    let path = scratch.join(program);
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    // The same file by its facts, with nothing but zeroes for debug information.
    for section in [".debug_info", ".debug_line", ".debug_abbrev"] {
        overwrite(&path, section);
    }
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    assert_eq!(scratch.report(program, "warm"), cold);
    let other = scratch.report(program, "cold");
    assert!(!other.contains("inlined.rs:"), "the information is gone:\n{other}");
    // Another time of modification is another file.
    let later = modified + std::time::Duration::from_secs(1);
    File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    assert_eq!(scratch.report(program, "warm"), other);
}

/// Fills a section with zeroes, in its place.
fn overwrite(path: &Path, section: &str) {
    use object::{Object, ObjectSection};
    use std::os::unix::fs::FileExt;
    let bytes = fs::read(path).unwrap();
    let elf = object::File::parse(&*bytes).unwrap();
    let (start, length) = elf.section_by_name(section).unwrap().file_range().unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(&vec![0; usize::try_from(length).unwrap()], start).unwrap();
}

#[test]
fn functions_that_are_named_while_the_program_runs_are_kept() {
    let scratch = Scratch::new("symbols");
    let program = scratch.compile("waits", &[&build_id(4)]);
    let mut command = scratch.cached(&["run", "-o", "run.json", "./waits"], "c");
    let mut run = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    // Debug files that were opened for that stay open.
    let maps = format!("/proc/{}/maps", run.id());
    while !fs::read_to_string(&maps).unwrap().contains(program.to_str().unwrap()) {
        assert_eq!(run.try_wait().unwrap(), None, "it ended without a look at the program");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").arg(run.id().to_string()).status().unwrap().success());
    let output = run.wait_with_output().unwrap();
    assert_eq!(status(&output), 15, "{}", ours(&output));
    let is_of_program = |path: &PathBuf| path.to_str().unwrap().contains("0a0b0c0d04");
    assert!(scratch.kept("c").iter().any(is_of_program));
}

/// Spoils the file at a path.
type Damage = fn(&Path);

#[test]
fn a_damaged_cache_is_made_anew() {
    let scratch = recorded();
    let program = "inlined";
    let cold = scratch.report(program, "c");
    let damage: [(&str, Damage); 6] = [
        ("empty", |path| fs::write(path, "").unwrap()),
        ("cut short", |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("one bit", |path| {
            let mut bytes = fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
        ("for all", |path| fs::set_permissions(path, PermissionsExt::from_mode(0o666)).unwrap()),
        ("a link", |path| {
            let target = path.with_extension("target");
            fs::rename(path, &target).unwrap();
            std::os::unix::fs::symlink(target, path).unwrap();
        }),
        ("a folder", |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        }),
    ];
    for (kind, damage) in damage {
        let kept = scratch.kept("c");
        let before: Vec<_> = kept.iter().map(|path| fs::metadata(path).unwrap().ino()).collect();
        kept.iter().for_each(|path| damage(path));
        assert_eq!(scratch.report(program, "c"), cold, "{kind}");
        for (path, before) in kept.iter().zip(before) {
            let found = fs::symlink_metadata(path).unwrap();
            let is_new = found.is_file() && found.ino() != before;
            assert!(is_new || kind == "a folder", "{kind}: {}", path.display());
        }
    }
}

#[test]
fn without_a_folder_for_it_there_is_no_cache() {
    let scratch = recorded();
    let cold = scratch.report("work", "c");
    let file = scratch.join("caches/file");
    fs::write(&file, "").unwrap();
    let mut command = scratch.cached(&["merge", "work.recording"], "file");
    let output = command.env("TMPDIR", &file).output().unwrap();
    assert_eq!(status(&output), 0, "{}", ours(&output));
    assert!(cold.starts_with(&text(&output.stdout)));
    assert_eq!(fs::read(&file).unwrap(), b"");
}
