use super::*;
use std::fs::{self, File};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};
use std::vec;

use crate::symbolize::symbol_cache::Storage;

/// The stored files, where a test can reach them.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Storage for Memory {
    fn load(&self, name: &str) -> Option<Vec<u8>> {
        self.0.lock().unwrap().get(name).cloned()
    }

    fn store(&self, name: &str, content: &[u8]) {
        self.0.lock().unwrap().insert(name.into(), content.into());
    }
}

impl Memory {
    fn cache(&self) -> SymbolCache {
        SymbolCache::new("this build".into(), self.clone())
    }

    fn only(&self) -> Vec<u8> {
        let contents = self.0.lock().unwrap();
        assert_eq!(contents.len(), 1);
        contents.values().next().unwrap().clone()
    }

    fn replace(&self, content: &[u8]) {
        self.0.lock().unwrap().values_mut().for_each(|old| *old = content.to_vec());
    }
}

/// A debug file, as far as it matters here.
struct Debug(PathBuf);

impl Debug {
    fn new(name: &str) -> Self {
        let name = std::format!("mod-alloc-known-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, "debug").unwrap();
        Self(path)
    }

    fn files(&self) -> Files {
        Files { debug: Some(self.0.clone()), build_id: vec![0xab; 20], ..Files::default() }
    }

    fn touch(&self) {
        let file = File::options().write(true).open(&self.0).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(60)).unwrap();
    }
}

impl Drop for Debug {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

const NAMES: [NameOfFunction; 3] =
    [NameOfFunction::Missing, NameOfFunction::Bare, NameOfFunction::Whole];

/// Functions at an address, which differ between addresses; at some, there are none.
fn functions(probe: u64, strings: &mut Strings) -> (NameOfFunction, Vec<Symbol>) {
    let number = u32::try_from(probe % 100).unwrap();
    let depth = number % 3;
    let symbols = (0..depth).map(|level| Symbol {
        name: (number != 1).then(|| strings.intern(&std::format!("f{number}_{level}")).unwrap()),
        file: (number != 2).then(|| strings.intern("src/ä.rs").unwrap()),
        line: number * 7,
        column: level,
        inlined: level + 1 < depth,
        is_nearest: false,
    });
    (NAMES[number as usize % 3], symbols.collect())
}

/// All that a reader gets to see.
fn told(known: &mut Known, probe: u64) -> Option<(NameOfFunction, String)> {
    let (mut strings, mut out) = (Strings::default(), Vec::new());
    let name = known.resolve(probe, &mut strings, &mut out)?;
    Some((name, text(&out, &strings)))
}

fn text(symbols: &[Symbol], strings: &Strings) -> String {
    let lines = symbols.iter().map(|symbol| {
        let text = |id: Option<_>| id.map(|id| strings.get(id));
        let (name, file) = (text(symbol.name), text(symbol.file));
        let at = (symbol.line, symbol.column, symbol.inlined, symbol.is_nearest);
        std::format!("{name:?} {file:?} {at:?}\n")
    });
    lines.collect()
}

const PROBES: std::ops::Range<u64> = 0xffff_0000_0000..0xffff_0000_0014;

fn add_all(known: &mut Known) {
    let mut strings = Strings::default();
    for probe in PROBES.rev() {
        let (name, symbols) = functions(probe, &mut strings);
        known.add(probe, name, &symbols, &strings);
    }
}

fn filled_by(cache: &SymbolCache, debug: &Debug) {
    let mut known = Known::open(Some(cache), &debug.files());
    add_all(&mut known);
    known.keep();
}

/// A memory that has all of [`PROBES`] of a file.
fn filled(debug: &Debug) -> Memory {
    let memory = Memory::default();
    filled_by(&memory.cache(), debug);
    memory
}

#[test]
#[cfg_attr(miri, ignore = "there are no files")]
fn functions_that_were_kept_are_known_in_the_next_process() {
    let debug = Debug::new("kept");
    let memory = filled(&debug);
    let mut known = Known::open(Some(&memory.cache()), &debug.files());
    for probe in PROBES {
        let mut strings = Strings::default();
        let (name, symbols) = functions(probe, &mut strings);
        assert!(known.has(probe));
        assert_eq!(told(&mut known, probe), Some((name, text(&symbols, &strings))));
    }
    assert_eq!(told(&mut known, PROBES.end), None);
    // More is added to them, and nothing is stored if nothing is new.
    let (before, one_more) = (memory.only(), PROBES.end);
    known.keep();
    assert!(memory.only() == before);
    known.add(one_more, NameOfFunction::Bare, &[], &Strings::default());
    known.keep();
    let known = Known::open(Some(&memory.cache()), &debug.files());
    assert!(known.has(one_more) && known.has(PROBES.start));
}

#[test]
#[cfg_attr(miri, ignore = "there are no files")]
fn damaged_content_is_not_used() {
    let debug = Debug::new("damaged");
    let memory = filled(&debug);
    let content = memory.only();
    let is_used = |content: &[u8]| {
        memory.replace(content);
        let known = Known::open(Some(&memory.cache()), &debug.files());
        !known.answers.is_empty()
    };
    assert!(is_used(&content));
    for at in 0..content.len() {
        for bits in [1, 0x80, 0xff] {
            let mut damaged = content.clone();
            damaged[at] ^= bits;
            assert!(!is_used(&damaged), "byte {at} ^ {bits:#x}");
        }
        assert!(!is_used(&content[..at]), "{at} bytes");
    }
    assert!(!is_used(&[&content[..], &[0]].concat()));
    assert!(!is_used(&vec![0; SymbolCache::LARGEST + 1]));
}

/// The checksum tells of damage, not of intent: bounds hold without it.
#[test]
#[cfg_attr(miri, ignore = "there are no files")]
fn content_that_was_forged_ends_no_process() {
    const SUMMED: usize = 12;
    let debug = Debug::new("forged");
    let memory = filled(&debug);
    let content = memory.only();
    let try_it = |mut content: Vec<u8>| {
        let sum = crc32fast::hash(content.get(SUMMED..).unwrap_or(&[]));
        if let Some(place) = content.get_mut(SUMMED - 4..SUMMED) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        memory.replace(&content);
        let mut known = Known::open(Some(&memory.cache()), &debug.files());
        let probes: Vec<u64> = known.answers.keys().copied().collect();
        probes.iter().for_each(|&probe| _ = told(&mut known, probe));
        probes.len()
    };
    assert_eq!(try_it(content.clone()), PROBES.count());
    for at in 0..content.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff, content[at] ^ 1, content[at].wrapping_add(1)] {
            let mut forged = content.clone();
            forged[at] = byte;
            try_it(forged);
        }
        assert_eq!(try_it(content[..at].to_vec()), 0, "{at} bytes are not whole");
    }
    assert_eq!(try_it([&content[..], &[0]].concat()), 0, "something follows");
}

#[test]
#[cfg_attr(miri, ignore = "there are no files")]
fn addresses_of_content_are_in_order() {
    let mut answers = BTreeMap::new();
    let answer = Answer { functions: vec![], name: NameOfFunction::Bare, is_in_use: false };
    answers.insert(1, answer.clone());
    answers.insert(2, answer);
    let mut content = content::encode(&answers, "").unwrap();
    assert_eq!(content::decode(&content, "").unwrap().len(), 2);
    let second = content.len() - 13;
    content[second] = 1;
    let sum = crc32fast::hash(&content[12..]);
    content[8..12].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(content::decode(&content, ""), None);
}

#[test]
#[cfg_attr(miri, ignore = "there are no files")]
fn functions_of_other_files_and_other_builds_are_not_known() {
    let debug = Debug::new("others");
    let memory = filled(&debug);
    let is_known = |cache: &SymbolCache, files: &Files| {
        let mut known = Known::open(Some(cache), files);
        told(&mut known, PROBES.start).is_some()
    };
    assert!(is_known(&memory.cache(), &debug.files()));
    let with_alternate = Files { alternate: Some(debug.0.clone()), ..debug.files() };
    assert!(!is_known(&memory.cache(), &with_alternate));
    let other_id = Files { build_id: vec![0xac; 20], ..debug.files() };
    assert!(!is_known(&memory.cache(), &other_id));
    let longest = Files { build_id: vec![0xab; LONGEST_ID + 1], ..debug.files() };
    let nothing = Memory::default();
    let mut known = Known::open(Some(&nothing.cache()), &longest);
    add_all(&mut known);
    known.keep();
    assert!(nothing.0.lock().unwrap().is_empty());
    let other_build = SymbolCache::new("another".into(), memory.clone());
    assert!(!is_known(&other_build, &debug.files()));
    // Names of files are 32 bits of the build: two builds may share one.
    let content = memory.only();
    filled_by(&other_build, &debug);
    memory.replace(&content);
    assert!(!is_known(&other_build, &debug.files()));
}

#[test]
#[cfg_attr(miri, ignore = "there are no files")]
fn a_file_that_changes_is_not_the_one_that_was_read() {
    let debug = Debug::new("changed");
    let memory = filled(&debug);
    let before = memory.only();
    debug.touch();
    let mut known = Known::open(Some(&memory.cache()), &debug.files());
    assert!(!known.has(PROBES.start));
    add_all(&mut known);
    fs::write(&debug.0, "longer than before").unwrap();
    known.keep();
    assert!(memory.only() == before, "functions of a file that is no more are not stored");
}

#[test]
#[cfg_attr(miri, ignore = "there are no files")]
fn of_too_many_functions_those_in_use_are_kept() {
    let debug = Debug::new("many");
    let memory = filled(&debug);
    let mut known = Known::open(Some(&memory.cache()), &debug.files());
    assert!(told(&mut known, PROBES.start).is_some());
    let mut strings = Strings::default();
    let long = "n".repeat(SymbolCache::LARGEST);
    let name = strings.intern(&long);
    known.add(1, NameOfFunction::Whole, &[Symbol { name, ..Symbol::default() }], &strings);
    // As if another process had left it.
    known.answers.get_mut(&1).unwrap().is_in_use = false;
    known.keep();
    let known = Known::open(Some(&memory.cache()), &debug.files());
    let kept: Vec<u64> = known.answers.keys().copied().collect();
    assert_eq!(kept, [PROBES.start]);
}

#[test]
#[cfg_attr(miri, ignore = "there are no files")]
fn without_a_cache_nothing_is_known() {
    let debug = Debug::new("none");
    let mut known = Known::open(None, &debug.files());
    add_all(&mut known);
    assert!(!known.has(PROBES.start));
    known.keep();
}

#[test]
#[cfg_attr(miri, ignore = "there are no files")]
fn without_a_build_id_the_inode_and_its_last_change_tell_the_file() {
    let debug = Debug::new("inode");
    let files = || Files { build_id: vec![], ..debug.files() };
    let memory = Memory::default();
    let keep = || {
        let mut known = Known::open(Some(&memory.cache()), &files());
        add_all(&mut known);
        known.keep();
    };
    let is_known = || Known::open(Some(&memory.cache()), &files()).has(PROBES.start);
    let modified = fs::metadata(&debug.0).unwrap().modified().unwrap();
    let set_modified = || {
        let file = File::options().write(true).open(&debug.0).unwrap();
        file.set_modified(modified).unwrap();
    };
    keep();
    assert!(is_known());
    // The kernel's clock of files stands still for some milliseconds.
    let changed =
        || fs::metadata(&debug.0).map(|found| (found.ctime(), found.ctime_nsec())).unwrap();
    let before = changed();
    while changed() == before {
        fs::write(&debug.0, "DEBUG").unwrap();
        set_modified();
    }
    assert!(!is_known(), "other content of the same length and time");
    keep();
    assert!(is_known());
    let copy = debug.0.with_extension("copy");
    fs::write(&copy, "DEBUG").unwrap();
    fs::rename(&copy, &debug.0).unwrap();
    set_modified();
    assert!(!is_known(), "another file in its place");
}
