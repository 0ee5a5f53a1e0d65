//! Objects without a symbol table.

use super::*;

#[test]
fn a_stripped_library_names_what_it_exports_and_nothing_else() {
    let dir = dir("dynsym");
    let library = cc(&dir, &["-shared", "-fPIC", "-fvisibility=hidden"]);
    let hidden = function(&library, "outer").0;
    must("strip", &["-s", "app"], &dir);
    assert_nameless(&resolve(module(&library), &[], hidden), hidden);
    let library = cc(&dir, &["-shared", "-fPIC"]);
    let exported = function(&library, "outer").0;
    must("strip", &["-s", "app"], &dir);
    assert!(resolve(module(&library), &[], exported)[0].is_bare("outer"));
}

#[test]
fn a_function_without_a_name_is_called_by_the_exported_one_before_it() {
    let dir = dir("nearest");
    fs::write(
        dir.join("app.cc"),
        "namespace app { int exported(int x) { return x + 1; } }
         static __attribute__((noinline)) int hidden(int x) {
             __asm__(\"\" : \"+r\"(x)); return x; }
         int last(int x) { return hidden(x) + hidden(x + 1); }",
    )
    .unwrap();
    let options = ["-O1", "-fno-toplevel-reorder", "-shared", "-fPIC", "-o", "app", "app.cc"];
    must("c++", &options, &dir);
    let library = dir.join("app");
    let [exported, hidden] = ["exported", "hidden"].map(|name| function(&library, name));
    must("strip", &["-s", "app"], &dir);
    let recording = recording(vec![module(&library)]);
    let mut asked = Asked::new(&recording, &[]);
    let name = format!("app::exported+{:#x}", hidden.0 - exported.0);
    // All of its code is one function's.
    for address in [hidden.0, hidden.0 + hidden.1 - 1] {
        let found = asked.at(address).1;
        assert!(found.len() == 1 && found[0].is_nearest(&name), "{found:?} is not {name}");
    }
    assert!(asked.at(exported.0).1[0].is_bare("app::exported(int)"));
}

/// Strips `dir/app` and puts its internal symbols into it, packed, as Fedora does it.
fn pack_symbols(dir: &Path, internal: &str) {
    must("objcopy", &["-S", "--keep-symbol", internal, "app", "symbols"], dir);
    must(
        "objcopy",
        &["-S", "--remove-section=.comment", "--keep-symbol", internal, "symbols"],
        dir,
    );
    must("strip", &["-s", "app"], dir);
    must("xz", &["symbols"], dir);
    must("objcopy", &["--add-section", ".gnu_debugdata=symbols.xz", "app"], dir);
}

#[test]
fn packed_symbols_name_what_a_stripped_library_does_not_export() {
    let dir = dir("gnu-debugdata");
    fs::write(
        dir.join("app.c"),
        "static __attribute__((noinline)) int hidden(int x) { __asm__(\"\" : \"+r\"(x)); return x; }
         int exported(int x) { return hidden(x) + 1; }",
    )
    .unwrap();
    must("cc", &["-O1", "-shared", "-fPIC", "-o", "app", "app.c"], &dir);
    let library = dir.join("app");
    let [hidden, exported] = ["hidden", "exported"].map(|name| function(&library, name).0);
    pack_symbols(&dir, "hidden");
    let recording = recording(vec![module(&library)]);
    let mut asked = Asked::new(&recording, &[]);
    assert_eq!(asked.at(hidden).1.first().map(|found| found.name.as_str()), Some("hidden"));
    assert!(asked.at(exported).1[0].is_bare("exported"));

    // Damage costs the packed names alone.
    let mut data = fs::read(&library).unwrap();
    let at = data.windows(6).position(|bytes| bytes == b"\xfd7zXZ\0").unwrap();
    data[at + 40..at + 60].fill(0xa5);
    fs::write(&library, data).unwrap();
    let mut asked = Asked::new(&recording, &[]);
    assert_nameless(&asked.at(hidden).1, hidden);
    assert!(asked.at(exported).1[0].is_bare("exported"));
}

#[test]
fn a_program_stripped_of_everything_keeps_module_and_offset() {
    let dir = dir("stripped");
    let app = cc(&dir, &["-g"]);
    let (start, _) = function(&app, "outer");
    must("strip", &["-s", "app"], &dir);
    let recording = recording(vec![module(&app)]);
    let (place, symbols) = Asked::new(&recording, &[]).at(start);
    assert_eq!(place, Place { module: Some(0), address: start + 1 });
    assert_nameless(&symbols, start);
}
