use super::*;
use std::format;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

fn modules() -> Vec<Module> {
    let module = |path: &str| Module { path: path.into(), ..Module::default() };
    vec![module("/bin/app"), module("/lib/a.so"), module("/lib/a.so")]
}

fn symbol(table: &mut FrameTable, name: &str, file: &str, line: u32, column: u32) -> Symbol {
    let mut id = |text: &str| table.strings.intern(text).filter(|_| !text.is_empty());
    Symbol { name: id(name), file: id(file), line, column, ..Symbol::default() }
}

fn at(module: Option<u32>, address: u64) -> Place {
    Place { module, address }
}

fn shown(
    name: &str,
    file: &str,
    line: u32,
    column: u32,
    module: Option<u32>,
) -> std::string::String {
    let (mut table, modules) = (FrameTable::default(), modules());
    let symbol = symbol(&mut table, name, file, line, column);
    let id = table.code(at(module, 0x1234), symbol, &modules);
    FrameRef::new(&table, &modules, id as usize).to_string()
}

#[test]
fn a_frame_is_written_with_what_is_known() {
    assert_eq!(shown("a::f", "/s/x.rs", 7, 9, Some(0)), "0x1234: a::f (/s/x.rs:7:9)");
    assert_eq!(shown("a::f", "/s/x.rs", 7, 0, Some(0)), "0x1234: a::f (/s/x.rs:7)");
    assert_eq!(shown("a::f", "/s/x.rs", 0, 0, Some(0)), "0x1234: a::f (/s/x.rs)");
    assert_eq!(shown("", "/s/x.rs", 7, 9, Some(0)), "0x1234: ??? (/s/x.rs:7:9)");
    assert_eq!(shown("f", "", 0, 0, Some(1)), "0x1234: f (in /lib/a.so)");
    assert_eq!(shown("", "", 0, 0, Some(1)), "0x1234: ??? (in /lib/a.so)");
    assert_eq!(shown("", "", 0, 0, None), "0x1234: ??? (in ???)");
}

#[test]
fn frames_written_alike_are_one_frame() {
    let (mut table, modules) = (FrameTable::default(), modules());
    let here = symbol(&mut table, "f", "/rustc/abc/library/core/src/x.rs", 1, 2);
    let there = symbol(&mut table, "f", "/rustc/def/library/core/src/x.rs", 1, 2);
    let bare = symbol(&mut table, "f", "", 0, 0);
    let id = table.code(at(Some(0), 16), here, &modules);
    assert_eq!(table.code(at(Some(1), 16), there, &modules), id);
    let in_a = table.code(at(Some(1), 16), bare, &modules);
    assert_eq!(table.code(at(Some(2), 16), bare, &modules), in_a);
    assert_ne!(table.code(at(Some(0), 16), bare, &modules), in_a);
    assert_ne!(table.code(at(Some(0), 17), here, &modules), id);
}

#[test]
fn every_frame_has_a_text_of_its_own() {
    let (mut table, modules) = (FrameTable::default(), modules());
    for (name, file, line, column) in [
        ("f", "x", 1, 1),
        ("f", "x", 1, 2),
        ("f", "x", 2, 1),
        ("g", "x", 1, 1),
        ("f", "y", 1, 1),
        ("f", "", 0, 0),
        ("", "", 0, 0),
    ] {
        let symbol = symbol(&mut table, name, file, line, column);
        table.code(at(Some(0), 32), symbol, &modules);
    }
    let mut texts: Vec<_> = (0..table.len())
        .map(|index| format!("{}", FrameRef::new(&table, &modules, index)))
        .collect();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 7);
}
