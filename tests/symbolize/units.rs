//! Programs of several units, asked for all their addresses at once.

use std::path::Path;

use mod_alloc::symbolize::{Strings, Symbol, Symbolizer};
use object::{Object, ObjectSymbol, SymbolKind};

use super::programs::*;

/// The addresses of the program's functions, each a few bytes behind its start.
fn addresses(path: &Path) -> Vec<u64> {
    let data = std::fs::read(path).unwrap();
    let file = object::File::parse(&*data).unwrap();
    let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
    let sized = functions.filter(|symbol| symbol.size() > 0);
    sized.map(|symbol| symbol.address() + symbol.size() / 2 + 1 + BIAS).collect()
}

/// One answer, as text: the numbers of strings differ between symbolizers.
fn told(
    symbolizer: &mut Symbolizer<'_>,
    strings: &mut Strings,
    address: u64,
) -> Vec<(String, String, u32, u32, bool)> {
    let mut found = Vec::<Symbol>::new();
    symbolizer.resolve(address, 0, strings, &mut found);
    let text = |id: Option<_>| id.map_or(String::new(), |id| strings.get(id).to_owned());
    let parts = |at: &Symbol| (text(at.name), text(at.file), at.line, at.column, at.inlined);
    found.iter().map(parts).collect()
}

/// Announced addresses have the names that single questions get; returns how many have lines.
#[track_caller]
fn assert_same(path: &Path) -> usize {
    let recording = recording(vec![module(path)]);
    let (mut one, mut all) = (Symbolizer::new(&recording, &[]), Symbolizer::new(&recording, &[]));
    let (mut strings, mut others) = (Strings::default(), Strings::default());
    let addresses = addresses(path);
    all.announce(addresses.iter().map(|&address| (address, 0)));
    let mut with_lines = 0;
    for &address in &addresses {
        let expected = told(&mut one, &mut strings, address);
        assert_eq!(told(&mut all, &mut others, address), expected, "{address:#x}");
        with_lines += usize::from(expected.iter().any(|symbol| symbol.2 > 0));
    }
    with_lines
}

#[test]
fn units_that_stand_alone_have_the_names_of_all_together() {
    let dir = dir("units");
    let app = rustc(&dir, &["-g", "-Copt-level=0", "-Ccodegen-units=8"]);
    let with_lines = assert_same(&app);
    assert!(with_lines > 200, "{with_lines}: the standard library has some, too");
    // Then the units themselves say where their code is.
    must("objcopy", &["--remove-section=.debug_aranges", "app"], &dir);
    assert_eq!(assert_same(&app), with_lines);
}

#[test]
fn units_that_refer_to_others_are_read_with_them() {
    let lto = cc(&dir("units-lto"), &["-g", "-flto"]);
    assert_c_inlines(&lto);
    assert!(assert_same(&lto) >= 3);
    let app = rustc(&dir("units-fat"), &["-g", "-Clto=fat", "-Ccodegen-units=1"]);
    assert!(assert_same(&app) > 200);
    // Hundreds of units, of which many hold no code and are referred to.
    let app = rustc(&dir("units-thin"), &["-g", "-Clto=thin", "-Ccodegen-units=4"]);
    assert!(assert_same(&app) > 200);
}

/// Names of inlined functions are in another unit.
#[track_caller]
fn assert_c_inlines(path: &Path) {
    let recording = recording(vec![module(path)]);
    let found = Asked::new(&recording, &[]).deepest(function(path, "outer"));
    let names: Vec<&str> = found.iter().map(|symbol| &*symbol.name).collect();
    assert_eq!(names, ["inner", "middle", "outer"]);
}
