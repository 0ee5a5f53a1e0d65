use super::*;
use crate::program::find;
use mod_alloc::symbolize::own_allocator;
use std::fs;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("mod-alloc-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn interpreters_are_read_as_the_kernel_does() {
    let folder = folder("interpreters");
    let script = folder.join("script");
    let find_sh = find(OsStr::new("sh"), std::env::var_os("PATH").as_deref()).unwrap();
    for (text, expected) in [
        ("#!/bin/sh\necho", Some("/bin/sh")),
        ("#! \t/usr/bin/perl -w\n", Some("/usr/bin/perl")),
        ("#!/usr/bin/env sh\n", find_sh.to_str()),
        ("#!/usr/bin/env -S A=1 sh -e\n", find_sh.to_str()),
        ("#!/usr/bin/env no-such-program\n", Some("/usr/bin/env")),
        ("echo without a first line\n", Some("/bin/sh")),
        ("#!\n", None),
        ("\x7fELF…", None),
    ] {
        fs::write(&script, text).unwrap();
        assert_eq!(interpreter(&script), expected.map(PathBuf::from), "{text}");
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn scripts_in_a_circle_come_to_an_end() {
    let folder = folder("circle");
    let script = folder.join("script");
    fs::write(&script, format!("#!{}\n", script.display())).unwrap();
    let refusal = Program::examine(script).unwrap_err();
    assert!(matches!(refusal.reason, Reason::Damaged(_)), "{refusal}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn this_very_program_can_be_recorded() {
    let program = Program::examine(std::env::current_exe().unwrap()).unwrap();
    assert!(!program.is_script);
    assert_eq!(own_allocator(&program.executable), None);
}

#[test]
fn hostile_headers_are_refused() {
    let path = std::env::current_exe().unwrap();
    let bytes = fs::read(path).unwrap();
    let head = &bytes[..4096];
    let folder = folder("headers");
    let file = folder.join("file");
    for at in 0..1024 {
        let mut damaged = head.to_vec();
        damaged[at] = !damaged[at];
        fs::write(&file, &damaged).unwrap();
        // Whatever the answer is, there is one.
        let _ = Program::examine(file.clone());
        let _ = own_allocator(&file);
    }
    fs::write(&file, &head[..40]).unwrap();
    assert!(Program::examine(file).is_err());
    fs::remove_dir_all(folder).unwrap();
}
