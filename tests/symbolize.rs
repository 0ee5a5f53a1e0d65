//! Small programs, compiled in every way that leaves debug information somewhere else,
//! and known addresses in them resolved.
#![cfg(feature = "symbolicate")]

use std::ffi::CString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use mod_alloc::recording::model::Module;
use mod_alloc::symbolize::Place;
use object::{Object, ObjectSection};

#[path = "symbolize/programs.rs"]
mod programs;
#[path = "symbolize/stripped.rs"]
mod stripped;
#[path = "symbolize/units.rs"]
mod units;
use programs::*;

/// Name of the physical function.
#[track_caller]
fn outermost(module: Module, debug_dirs: &[PathBuf], address: u64) -> String {
    resolve(module, debug_dirs, address).last().unwrap().name.clone()
}

/// The function that begins at `start` has no name, and no named one is before it.
#[track_caller]
fn assert_nameless(found: &[Named], start: u64) {
    assert!(found.len() == 1 && found[0].is_nearest(&format!("sub_{start:x}")), "{found:?}");
}

#[track_caller]
fn assert_c_inlines(path: &Path, symbols_in: &Path, debug_dirs: &[PathBuf]) {
    let recording = recording(vec![module(path)]);
    let found = Asked::new(&recording, debug_dirs).deepest(function(symbols_in, "outer"));
    let short: Vec<_> = found.iter().map(Named::short).collect();
    assert_eq!(short, [("inner", 3, true), ("middle", 6, true), ("outer", 9, false)]);
    assert!(found.iter().all(|symbol| symbol.file.ends_with("/app.c")), "{found:?}");
}

#[track_caller]
fn assert_rust_inlines(path: &Path, inlined: [&str; 2]) {
    let recording = recording(vec![module(path)]);
    let found = Asked::new(&recording, &[]).deepest(function(path, "outer"));
    let short: Vec<_> = found.iter().map(Named::short).collect();
    let expected = [(inlined[0], 7, true), (inlined[1], 11, true), ("app::deep::outer", 16, false)];
    assert_eq!(short, expected);
    assert!(found.iter().all(|at| at.file.ends_with("app.rs") && at.column > 0), "{found:?}");
}

#[test]
fn a_position_independent_program_is_resolved_at_its_load_address() {
    let app = cc(&dir("pie"), &["-g", "-fPIE", "-pie"]);
    assert_c_inlines(&app, &app, &[]);
    let (start, _) = function(&app, "outer");
    let recording = recording(vec![module(&app)]);
    let mut asked = Asked::new(&recording, &[]);
    let (place, symbols) = asked.at(start);
    assert_eq!(place, Place { module: Some(0), address: start + 1 });
    assert_eq!(symbols.last().unwrap().name, "outer");
    // The call before the return address decides: `start` itself belongs to what is before.
    let (_, before) = asked.at(start - 1);
    assert_ne!(before.last().map(|symbol| symbol.name.as_str()), Some("outer"));
    assert_eq!(asked.at_loaded(BIAS, 0).0, Place { module: None, address: BIAS });
}

#[test]
fn a_shared_library_is_resolved() {
    let library = cc(&dir("shared"), &["-g", "-shared", "-fPIC"]);
    assert_c_inlines(&library, &library, &[]);
}

#[test]
fn the_c_library_has_no_lines_in_a_process_s_own_report() {
    let dir = dir("c-library");
    let library = cc(&dir, &["-g", "-shared", "-fPIC"]);
    let (start, _) = function(&library, "outer");
    let named = dir.join("libc.so.6");
    fs::rename(library, &named).unwrap();
    let found = resolve(module(&named), &[], start + 1);
    assert!(!found[0].is_bare("outer"), "{found:?}");
    let mut own = recording(vec![module(&named)]);
    own.pid = std::process::id();
    let (_, symbols) = Asked::new(&own, &[]).at(start + 1);
    assert!(symbols.len() == 1 && symbols[0].is_bare("outer"), "{symbols:?}");
}

#[test]
fn a_symbol_table_tells_functions_alone() {
    let (c, rust) = (cc(&dir("bare-c"), &["-g"]), rustc(&dir("bare-rust"), &["-g"]));
    for (path, name) in [(&c, "outer"), (&rust, "app::deep::outer")] {
        let recording = recording(vec![module(path)]);
        let asked = Asked::new(&recording, &[]);
        let (start, size) = function(path, "outer");
        assert_eq!(asked.bare(start).as_deref(), Some(name));
        assert_eq!(asked.bare(start + size - 1).as_deref(), Some(name));
        assert_ne!(asked.bare(start + size).as_deref(), Some(name));
    }
    let (start, _) = function(&c, "outer");
    must("strip", &["-s", "app"], c.parent().unwrap());
    let recording = recording(vec![module(&c)]);
    assert_eq!(Asked::new(&recording, &[]).bare(start), None);
}

#[test]
fn the_generation_decides_between_modules_at_one_address() {
    let (c, rust) = (cc(&dir("generation-c"), &["-g"]), rustc(&dir("generation-rust"), &["-g"]));
    let (mut first, mut second) = (module(&c), module(&rust));
    (first.generations, second.generations) = ((0, 4), (5, 9));
    let recording = recording(vec![first, second]);
    let mut asked = Asked::new(&recording, &[]);
    let (_, old) = asked.at_loaded(BIAS + function(&c, "outer").0 + 1, 4);
    let (_, new) = asked.at_loaded(BIAS + function(&rust, "outer").0 + 1, 5);
    let outermost = |found: &[Named]| found.last().unwrap().name.clone();
    assert_eq!((outermost(&old), outermost(&new)), ("outer".into(), "app::deep::outer".into()));
    assert_eq!(asked.at_loaded(BIAS + 1, 10).0.module, None);
}

/// Moves the debug information of `dir/app` to `dir/app.debug` and links the two.
fn split_off(dir: &Path) {
    must("objcopy", &["--only-keep-debug", "app", "app.debug"], dir);
    fs::copy(dir.join("app"), dir.join("whole")).unwrap();
    must("strip", &["-s", "app"], dir);
    must("objcopy", &["--add-gnu-debuglink=app.debug", "app"], dir);
}

#[test]
fn a_debug_link_leads_to_the_file_beside_the_program_or_below() {
    let dir = dir("debuglink");
    let app = cc(&dir, &["-g"]);
    split_off(&dir);
    assert_c_inlines(&app, &dir.join("whole"), &[]);
    fs::create_dir(dir.join(".debug")).unwrap();
    fs::rename(dir.join("app.debug"), dir.join(".debug/app.debug")).unwrap();
    assert_c_inlines(&app, &dir.join("whole"), &[]);
    let elsewhere = dir.join("elsewhere");
    let copy = elsewhere.join(dir.strip_prefix("/").unwrap());
    fs::create_dir_all(&copy).unwrap();
    fs::rename(dir.join(".debug/app.debug"), copy.join("app.debug")).unwrap();
    assert_c_inlines(&app, &dir.join("whole"), std::slice::from_ref(&elsewhere));
    let (start, _) = function(&dir.join("whole"), "outer");
    assert_nameless(&resolve(module(&app), &[], start), start);

    // An empty section, as some tools leave it, is no debug information.
    fs::rename(copy.join("app.debug"), dir.join("app.debug")).unwrap();
    fs::write(dir.join("nothing"), "").unwrap();
    must("objcopy", &["--add-section", ".debug_info=nothing", "app"], &dir);
    assert_c_inlines(&app, &dir.join("whole"), &[]);
}

#[test]
fn a_debug_file_with_another_checksum_is_passed_over() {
    let dir = dir("checksum");
    let app = cc(&dir, &["-g", "-Wl,--build-id=none"]);
    split_off(&dir);
    let (start, _) = function(&dir.join("whole"), "outer");
    assert_eq!(outermost(module(&app), &[], start), "outer");
    let mut debug = fs::read(dir.join("app.debug")).unwrap();
    debug.push(0);
    fs::write(dir.join("app.debug"), debug).unwrap();
    assert_nameless(&resolve(module(&app), &[], start), start);
}

fn by_build_id(root: &Path, id: &[u8]) -> PathBuf {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = root.join(".build-id").join(&hex[..2]).join(format!("{}.debug", &hex[2..]));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

#[test]
fn a_build_id_leads_to_the_debug_file() {
    let dir = dir("build-id");
    let app = cc(&dir, &["-g"]);
    let id = build_id(&app);
    split_off(&dir);
    must("objcopy", &["--remove-section=.gnu_debuglink", "app"], &dir);
    let debug = by_build_id(&dir.join("root"), &id);
    fs::rename(dir.join("app.debug"), &debug).unwrap();
    let roots = [dir.join("root")];
    assert_c_inlines(&app, &dir.join("whole"), &roots);

    // The program itself is not needed.
    let (start, _) = function(&dir.join("whole"), "outer");
    let mut gone = module(&dir.join("gone"));
    gone.build_id = id.clone();
    assert_eq!(outermost(gone.clone(), &roots, start), "outer");

    // Another program under the right name is not believed.
    let other = cc(&self::dir("build-id-other"), &["-g", "-DOTHER", "-O2"]);
    assert_ne!(build_id(&other), id);
    fs::copy(&other, &debug).unwrap();
    assert_eq!(resolve(gone, &roots, start), []);
}

#[test]
fn a_program_replaced_by_another_build_is_not_asked() {
    let dir = dir("replaced");
    let app = cc(&dir, &["-g"]);
    let (start, _) = function(&app, "outer");
    let mut right = module(&app);
    right.build_id = build_id(&app);
    assert_eq!(outermost(right.clone(), &[], start), "outer");
    right.build_id[0] ^= 1;
    assert_eq!(resolve(right, &[], start), []);
}

/// A function of this test program.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn marker_of_the_running_program() -> u32 {
    std::hint::black_box(1)
}

#[test]
fn the_running_program_is_found_although_its_file_is_gone() {
    assert_eq!(marker_of_the_running_program(), 1);
    let exe = Path::new("/proc/self/exe");
    let (start, _) = function(exe, "marker_of_the_running_program");
    let mut gone = module(Path::new("/nowhere/program"));
    gone.build_id = build_id(exe);
    let mut recording = recording(vec![gone]);
    recording.pid = std::process::id();
    assert_eq!(Asked::new(&recording, &[]).at(start).1, [], "not the executable");
    recording.executable = "/nowhere/program".into();
    let found = Asked::new(&recording, &[]).at(start).1;
    assert_eq!(found[0].name, "marker_of_the_running_program");
    assert!(found[0].file.ends_with("tests/symbolize.rs"), "{found:?}");
    recording.modules[0].build_id = vec![1, 2, 3];
    assert_eq!(Asked::new(&recording, &[]).at(start).1, [], "another build ran");
}

#[test]
fn the_running_program_is_found_although_its_file_was_replaced() {
    let exe = Path::new("/proc/self/exe");
    let (start, _) = function(exe, "marker_of_the_running_program");
    for (name, option, id) in [
        ("replaced-known", "-Wl,--build-id=sha1", build_id(exe)),
        ("replaced-unknown", "-Wl,--build-id=none", vec![]),
    ] {
        let other = cc(&dir(name), &["-g", option]);
        let mut replaced = module(&other);
        replaced.build_id = id;
        let mut recording = recording(vec![replaced]);
        recording.pid = std::process::id();
        recording.executable = other;
        let found = Asked::new(&recording, &[]).at(start).1;
        assert!(!found.is_empty(), "{name}");
        assert_eq!(found[0].name, "marker_of_the_running_program", "{name}");
    }
}

/// Start and end of the mappings of the file at `path`.
fn mapped_at(path: &Path) -> (u64, u64) {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let ours = maps.lines().filter(|line| line.ends_with(path.to_str().unwrap()));
    let range = |line: &str| {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        [start, end].map(|hex| u64::from_str_radix(hex, 16).unwrap())
    };
    let ranges: Vec<_> = ours.map(range).collect();
    (ranges[0][0], ranges.last().unwrap()[1])
}

#[test]
fn a_library_that_was_deleted_after_loading_is_found_by_its_mapping() {
    let dir = dir("deleted");
    let library = cc(&dir, &["-g", "-shared", "-fPIC"]);
    let (outer, id) = (function(&library, "outer"), build_id(&library));
    let name = CString::new(library.as_os_str().as_bytes()).unwrap();
    // SAFETY: the library has nothing that runs when it is loaded.
    assert!(!unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) }.is_null());
    let mut loaded = module(&library);
    (loaded.start, loaded.end) = mapped_at(&library);
    (loaded.bias, loaded.build_id) = (loaded.start, id);
    let link = fs::read_dir("/proc/self/map_files").unwrap().next().unwrap().unwrap().path();
    if fs::File::open(link).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
        eprintln!("the kernel does not let this user open mapped files");
        return;
    }
    fs::remove_file(&library).unwrap();

    let mut recording = recording(vec![loaded]);
    let address = recording.modules[0].bias + outer.0 + 1;
    assert_eq!(Asked::new(&recording, &[]).at_loaded(address, 0).1, [], "of another process");
    recording.pid = std::process::id();
    let found = Asked::new(&recording, &[]).at_loaded(address, 0).1;
    assert_eq!(found.last().map(|found| found.name.as_str()), Some("outer"));
    assert!(found[0].file.ends_with("/app.c"), "{found:?}");
    recording.modules[0].build_id[0] ^= 1;
    assert_eq!(Asked::new(&recording, &[]).at_loaded(address, 0).1, [], "another build");
}

#[test]
fn rust_programs_are_resolved_wherever_their_debug_information_lies() {
    for (name, options) in [
        ("rust-full", &["-g"][..]),
        ("rust-packed", &["-g", "-Csplit-debuginfo=packed"]),
        ("rust-unpacked", &["-g", "-Csplit-debuginfo=unpacked"]),
        ("rust-lines", &["-Cdebuginfo=line-tables-only"]),
        ("rust-limited", &["-Cdebuginfo=1"]),
        ("rust-v0", &["-g", "-Csymbol-mangling-version=v0"]),
        ("rust-lines-v0", &["-Cdebuginfo=line-tables-only", "-Csymbol-mangling-version=v0"]),
    ] {
        eprintln!("{name}");
        let dir = dir(name);
        let app = rustc(&dir, options);
        let has = |extension: &str| {
            let mut files = fs::read_dir(&dir).unwrap().map(|file| file.unwrap().path());
            files.any(|path| path.extension().is_some_and(|found| found == extension))
        };
        assert_eq!(has("dwp"), name == "rust-packed");
        assert_eq!(has("dwo"), name == "rust-unpacked");
        // Line tables name functions without their modules; of the physical one the symbol
        // table knows the rest.
        let bare = name.starts_with("rust-lines");
        assert_rust_inlines(
            &app,
            if bare { ["inner", "middle"] } else { ["app::inner", "app::middle"] },
        );
    }
}

#[test]
fn line_tables_of_a_c_program_are_enough() {
    let app = cc(&dir("c-lines"), &["-g1"]);
    assert_c_inlines(&app, &app, &[]);
}

#[test]
fn compressed_debug_sections_are_read() {
    for kind in ["zlib", "zstd"] {
        let dir = dir(&format!("compressed-{kind}"));
        let app = cc(&dir, &["-g"]);
        let option = format!("--compress-debug-sections={kind}");
        run("objcopy", &[&option, "app"], &dir).expect("an objcopy that compresses so");
        let data = fs::read(&app).unwrap();
        let file = object::File::parse(&*data).unwrap();
        let section = file.section_by_name(".debug_info").unwrap();
        assert_ne!(section.data().unwrap(), &*section.uncompressed_data().unwrap());
        assert_c_inlines(&app, &app, &[]);
    }
}

#[test]
fn shared_parts_of_debug_files_are_found() {
    let dir = dir("dwz");
    for name in ["app", "twin"] {
        let app = cc(&dir, &["-g"]);
        fs::rename(app, dir.join(format!("{name}.whole"))).unwrap();
    }
    run("dwz", &["-m", "common", "app.whole", "twin.whole"], &dir)
        .expect("the package dwz (tools/check/setup installs it)");
    let app = dir.join("app.whole");
    let data = fs::read(&app).unwrap();
    if object::File::parse(&*data).unwrap().gnu_debugaltlink().unwrap().is_none() {
        panic!("dwz found nothing to share");
    }
    assert_c_inlines(&app, &app, &[]);
}

#[test]
fn without_debug_information_the_symbol_table_names_functions() {
    let dir = dir("symtab");
    let app = rustc(&dir, &["-Cdebuginfo=0", "-Cstrip=debuginfo"]);
    let (start, size) = function(&app, "outer");
    let found = resolve(module(&app), &[], start);
    assert!(found.len() == 1 && found[0].is_bare("app::deep::outer"), "{found:?}");
    assert!(!found[0].inlined);
    let last = resolve(module(&app), &[], start + size - 1);
    assert!(last[0].is_bare("app::deep::outer"), "{last:?}");
}

#[test]
fn the_symbol_table_of_the_program_serves_a_debug_file_without_one() {
    let dir = dir("lent-symbols");
    let app = cc(&dir, &["-g"]);
    let (start, _) = function(&app, "outer");
    let id = build_id(&app);
    must("objcopy", &["--only-keep-debug", "app", "app.debug"], &dir);
    must("objcopy", &["--strip-debug", "app"], &dir);
    let debug = by_build_id(&dir.join("root"), &id);
    must("strip", &["-s", "app.debug"], &dir);
    fs::rename(dir.join("app.debug"), debug).unwrap();
    assert!(resolve(module(&app), &[dir.join("root")], start)[0].is_bare("outer"));
}

#[test]
fn cpp_names_are_demangled() {
    for (name, option) in [("cpp-g", "-g"), ("cpp-g1", "-g1"), ("cpp-g0", "-g0")] {
        let dir = dir(name);
        fs::write(dir.join("app.cc"), CPP_SOURCE).unwrap();
        must("cc", &["-O1", option, "-o", "app", "app.cc", "-lstdc++"], &dir);
        let app = dir.join("app");
        let found = resolve(module(&app), &[], function(&app, "feed").0);
        assert_eq!((found.len(), found[0].name.as_str()), (1, "zoo::Cat::feed(int)"));
        assert_eq!(found[0].line != 0, option != "-g0");
    }
}

#[test]
fn what_is_no_file_has_no_names() {
    let dir = dir("no-file");
    fs::write(dir.join("text"), "not an ELF file").unwrap();
    fs::write(dir.join("empty"), "").unwrap();
    must("mkfifo", &["pipe"], &dir);
    for path in ["text", "empty", "pipe", "missing", "."].map(|name| dir.join(name)) {
        assert_eq!(resolve(module(&path), &[], 0x1000), [], "{}", path.display());
    }
    // A bare name is not looked for in the current directory.
    let app = cc(&dir, &["-g"]);
    let up: PathBuf = std::env::current_dir().unwrap().iter().skip(1).map(|_| "..").collect();
    let relative = up.join(app.strip_prefix("/").unwrap());
    assert!(relative.exists());
    assert_eq!(resolve(module(&relative), &[], function(&app, "outer").0), []);
    assert_eq!(resolve(module(Path::new("linux-vdso.so.1")), &[], 0x1000), []);
    assert_eq!(resolve(module(Path::new("")), &[], 0x1000), []);
}

/// A small generator with a fixed start, so that a failure comes again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}

#[test]
fn damaged_files_cost_the_names_and_nothing_else() {
    let dir = dir("damaged");
    let app = cc(&dir, &["-g"]);
    let whole = fs::read(&app).unwrap();
    let addresses: Vec<u64> =
        ["outer", "sink", "main"].iter().map(|name| function(&app, name).0).collect();
    let rounds: usize = std::env::var("MOD_ALLOC_TEST_ROUNDS").map_or(400, |n| n.parse().unwrap());
    let mut random = Random(42);
    let mut named = 0;
    for round in 0..rounds {
        let mut data = whole.clone();
        if round % 4 == 0 {
            data.truncate(random.below(whole.len()));
        } else {
            for _ in 0..1 + random.below(30) {
                let at = random.below(data.len());
                data[at] = random.below(256) as u8;
            }
        }
        fs::write(&app, &data).unwrap();
        let recording = recording(vec![module(&app)]);
        let mut asked = Asked::of_damaged(&recording);
        for &address in &addresses {
            let (place, symbols) = asked.at(address);
            assert_eq!(place, Place { module: Some(0), address: address + 1 });
            named += usize::from(!symbols.is_empty());
        }
    }
    // Damage that always destroys the header would test nothing.
    assert!(named > rounds && named < 3 * rounds, "{named} of {}", 3 * rounds);
}
