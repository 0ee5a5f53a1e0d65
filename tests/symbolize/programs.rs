//! Programs to compile, and questions to ask about them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mod_alloc::recording::model::{Module, Recording};
use mod_alloc::symbolize::{Place, Strings, Symbol, Symbolizer};
use object::{Object, ObjectSymbol};

/// Where the loader put the module: far from where it was linked.
pub(crate) const BIAS: u64 = 0x5555_5000_0000;

pub(crate) const C_SOURCE: &str = "\
int sink(int x);
static inline __attribute__((always_inline)) int inner(int x) {
    return sink(x) + 1;
}
static inline __attribute__((always_inline)) int middle(int x) {
    return inner(x) * 3;
}
__attribute__((noinline)) int outer(int x) {
    return middle(x) + 5;
}
__attribute__((noinline)) int sink(int x) {
    __asm__ volatile(\"\" : \"+r\"(x));
    return x;
}
int main(int argc, char **argv) {
    (void)argv;
    return outer(argc) == 0;
}
";

pub(crate) const RUST_SOURCE: &str = "\
#[inline(never)]
fn sink(x: u64) -> u64 {
    std::hint::black_box(x)
}
#[inline(always)]
fn inner(x: u64) -> u64 {
    sink(x) + 1
}
#[inline(always)]
fn middle(x: u64) -> u64 {
    inner(x) * 3
}
mod deep {
    #[inline(never)]
    pub fn outer(x: u64) -> u64 {
        super::middle(x) + 5
    }
}
fn main() {
    std::process::exit(deep::outer(1) as i32 & 1)
}
";

pub(crate) const CPP_SOURCE: &str = "\
namespace zoo {
struct Cat {
    int feed(int grams);
};
__attribute__((noinline)) int Cat::feed(int grams) {
    __asm__ volatile(\"\" : \"+r\"(grams));
    return grams;
}
}
int main() {
    return zoo::Cat().feed(0);
}
";

/// A directory of this test's own, empty.
pub(crate) fn dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("symbolize").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

pub(crate) fn run(program: &str, args: &[&str], dir: &Path) -> Result<(), String> {
    let output = Command::new(program).args(args).current_dir(dir).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then_some(()).ok_or(format!("{program} {args:?}: {said}"))
}

/// Runs a tool every machine that builds Rust has.
pub(crate) fn must(program: &str, args: &[&str], dir: &Path) {
    run(program, args, dir).unwrap();
}

/// Compiles the C program to `dir/app`.
pub(crate) fn cc(dir: &Path, options: &[&str]) -> PathBuf {
    fs::write(dir.join("app.c"), C_SOURCE).unwrap();
    let mut args = vec!["-O1", "-o", "app", "app.c", "-Wl,--build-id=sha1"];
    args.extend(options);
    must("cc", &args, dir);
    dir.join("app")
}

/// Compiles the Rust program to `dir/app`.
pub(crate) fn rustc(dir: &Path, options: &[&str]) -> PathBuf {
    fs::write(dir.join("app.rs"), RUST_SOURCE).unwrap();
    let mut args = vec!["-O", "--edition=2021", "-o", "app", "app.rs"];
    args.extend(options);
    must("rustc", &args, dir);
    dir.join("app")
}

/// Linked address and size of the function whose mangled name contains `name`.
pub(crate) fn function(path: &Path, name: &str) -> (u64, u64) {
    let data = fs::read(path).unwrap();
    let file = object::File::parse(&*data).unwrap();
    let symbol = file
        .symbols()
        .chain(file.dynamic_symbols())
        .find(|symbol| symbol.is_definition() && symbol.name().is_ok_and(|n| n.contains(name)))
        .unwrap_or_else(|| panic!("{name} in {}", path.display()));
    (symbol.address(), symbol.size())
}

pub(crate) fn build_id(path: &Path) -> Vec<u8> {
    let data = fs::read(path).unwrap();
    let file = object::File::parse(&*data).unwrap();
    file.build_id().unwrap().unwrap_or_default().to_vec()
}

pub(crate) fn module(path: &Path) -> Module {
    let mut module = Module::default();
    module.path = path.into();
    module.start = BIAS;
    module.end = BIAS + 0x1000_0000;
    module.bias = BIAS;
    module
}

pub(crate) fn recording(modules: Vec<Module>) -> Recording {
    let mut recording = Recording::default();
    recording.modules = modules;
    recording
}

/// A symbol with its strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) inlined: bool,
    pub(crate) is_nearest: bool,
}

impl Named {
    /// True if the function has no name, and is called so.
    pub(crate) fn is_nearest(&self, name: &str) -> bool {
        self.is_nearest && Named { is_nearest: false, ..self.clone() }.is_bare(name)
    }

    pub(crate) fn short(&self) -> (&str, u32, bool) {
        (&self.name, self.line, self.inlined)
    }

    pub(crate) fn is_bare(&self, name: &str) -> bool {
        let is_exact = !self.is_nearest;
        is_exact && self.name == name && self.file.is_empty() && self.line == 0 && self.column == 0
    }
}

/// A recording's modules, asked for linked addresses of the first.
///
/// Each question is asked of a symbolizer that learns of addresses one by one, and of one that was
/// told before: their answers are the same.
pub(crate) struct Asked<'r> {
    symbolizer: Symbolizer<'r>,
    strings: Strings,
    recording: &'r Recording,
    debug_dirs: Vec<PathBuf>,
    is_damaged: bool,
}

impl<'r> Asked<'r> {
    pub(crate) fn new(recording: &'r Recording, debug_dirs: &[PathBuf]) -> Self {
        let symbolizer = Symbolizer::new(recording, debug_dirs);
        let debug_dirs = debug_dirs.to_vec();
        Self { symbolizer, strings: Strings::default(), recording, debug_dirs, is_damaged: false }
    }

    /// Has announced addresses have more or fewer names than others.
    pub(crate) fn of_damaged(recording: &'r Recording) -> Self {
        Self { is_damaged: true, ..Self::new(recording, &[]) }
    }

    /// The place and the names at the return address that lies one byte after `linked`.
    pub(crate) fn at(&mut self, linked: u64) -> (Place, Vec<Named>) {
        self.at_loaded(linked + 1 + BIAS, 0)
    }

    pub(crate) fn at_loaded(&mut self, address: u64, generation: u16) -> (Place, Vec<Named>) {
        let mut symbols = Vec::<Symbol>::new();
        let place = self.symbolizer.resolve(address, generation, &mut self.strings, &mut symbols);
        let (mut told, mut announced) =
            (Symbolizer::new(self.recording, &self.debug_dirs), Vec::<Symbol>::new());
        told.announce([(address, generation)].into_iter());
        let same = told.resolve(address, generation, &mut self.strings, &mut announced);
        assert_eq!(place, same, "{address:#x}");
        // Announced addresses are found by other tables, and their units opened alone: what is
        // damaged costs the one or the other.
        if !self.is_damaged {
            assert_eq!(symbols, announced, "{address:#x}");
        }
        let text = |id: Option<_>| id.map_or(String::new(), |id| self.strings.get(id).to_owned());
        let named = |symbol: &Symbol| Named {
            name: text(symbol.name),
            file: text(symbol.file),
            line: symbol.line,
            column: symbol.column,
            inlined: symbol.inlined,
            is_nearest: symbol.is_nearest,
        };
        (place, symbols.iter().map(named).collect())
    }

    /// The name alone of the function that holds the linked address, if its symbol table tells.
    pub(crate) fn bare(&self, linked: u64) -> Option<String> {
        let (mut strings, address) = (Strings::default(), linked + 1 + BIAS);
        let mut told = Symbolizer::new(self.recording, &self.debug_dirs);
        assert!(told.bare(address, 0, &mut strings).is_none(), "not announced");
        told.announce([(address, 0)].into_iter());
        let (place, symbol) = told.bare(address, 0, &mut strings)?;
        assert_eq!(place, Place { module: Some(0), address: linked + 1 });
        assert!(symbol.file.is_none() && symbol.line == 0);
        symbol.name.map(|name| strings.get(name).to_owned())
    }

    /// The stack of functions at the first address of `function` where it is deepest.
    pub(crate) fn deepest(&mut self, (start, size): (u64, u64)) -> Vec<Named> {
        let mut deepest = Vec::new();
        for address in start..start + size {
            let (_, symbols) = self.at(address);
            if symbols.len() > deepest.len() {
                deepest = symbols;
            }
        }
        deepest
    }
}

pub(crate) fn resolve(module: Module, debug_dirs: &[PathBuf], address: u64) -> Vec<Named> {
    let recording = recording(vec![module]);
    Asked::new(&recording, debug_dirs).at(address).1
}
