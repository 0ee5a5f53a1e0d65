use super::*;
use crate::dhat_file::{self, Process};

/// A document whose stacks have a block each at the end, or so many; innermost frame first.
fn document(stacks: &[(u64, &[&str])]) -> Document {
    let mut frames = vec![String::from("[root]")];
    let points = stacks.iter().map(|(blocks, stack)| {
        let first = frames.len();
        frames.extend(stack.iter().map(|frame| format!("0x1: {frame}")));
        serde_json::json!({ "tb": 10 * blocks, "tbk": blocks, "tl": 1, "mb": 10, "mbk": 1,
            "gb": 0, "gbk": 0, "eb": 10 * blocks, "ebk": blocks,
            "fs": (first..frames.len()).collect::<Vec<_>>() })
    });
    let points: Vec<_> = points.collect();
    let thread = serde_json::json!({ "id": 1, "name": "app", "running": true, "total_bytes": 1,
        "total_blocks": 1, "freed_bytes": 0, "freed_blocks": 0 });
    let report = serde_json::json!({
        "dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated", "bklt": true,
        "bkacc": false, "tu": "µs", "Mtu": "s", "tuth": 1, "cmd": "app", "pid": 1, "te": 9, "tg": 1,
        "x_threads": [thread], "pps": points, "ftbl": frames,
    });
    dhat_file::read(report.to_string().as_bytes()).unwrap()
}

/// The blocks that are suppressed, and the names of the rules.
fn suppressed(document: &mut Document) -> (u64, Vec<String>) {
    let all = document.totals();
    let suppressed = Suppressions::default().apply(document).unwrap();
    let left = document.totals();
    assert_eq!(left.end_blocks + suppressed.sums.end_blocks, all.end_blocks);
    assert_eq!(left.end_bytes + suppressed.sums.end_bytes, all.end_bytes);
    assert_eq!(left.total_bytes, all.total_bytes, "only the end is changed");
    (suppressed.sums.end_blocks, suppressed.rules.into_iter().map(|rule| rule.name).collect())
}

fn is_suppressed(stack: &[&str]) -> bool {
    suppressed(&mut document(&[(1, stack)])).0 == 1
}

const LIBC: &str = "in /usr/lib/x86_64-linux-gnu/libc.so.6";

#[test]
fn the_c_library_s_function_must_be_its_own() {
    let inside = format!("??? ({LIBC})");
    let setlocale = format!("setlocale ({LIBC})");
    assert!(is_suppressed(&[&inside, &setlocale, "main (src/main.c:3)"]));
    assert!(is_suppressed(&["__GI_setlocale (./locale/setlocale.c:337)", "main (src/main.c:3)"]));
    // Valgrind's reports begin with the allocator.
    let malloc = "malloc (in /usr/libexec/valgrind/vgpreload_dhat-amd64-linux.so)";
    assert!(is_suppressed(&[malloc, &inside, &setlocale]));
    // A function of the program's that is called so, and one that the library calls back.
    assert!(!is_suppressed(&["setlocale (src/locale.c:3)", "main (src/main.c:3)"]));
    assert!(!is_suppressed(&["nss_open (./src/nss.c:3)", "main (src/main.c:3)"]));
    assert!(!is_suppressed(&["compare (src/main.c:9)", &inside, &setlocale]));
    assert!(!is_suppressed(&[&inside, "main (src/main.c:3)", &setlocale]));
    assert!(!is_suppressed(&[&inside, "main (src/main.c:3)"]));
}

#[test]
fn the_allocator_s_own_frame_may_be_there_or_not() {
    let malloc = "malloc (in /usr/libexec/valgrind/vgpreload_dhat-amd64-linux.so)";
    let stack: &[&str] = &["parse (src/parse.c:3)", "main (src/main.c:3)"];
    let with_allocator = [&[malloc], stack].concat();
    for frames in ["fun:parse", "fun:malloc\nfun:parse", "fun:*alloc\nfun:parse\nfun:main"] {
        let text = format!("{{\n name\n Memcheck:Leak\n{frames}\n}}\n");
        for stack in [stack, &with_allocator] {
            let suppressions = Suppressions { rules: parse::rules(&text).unwrap() };
            let suppressed = suppressions.apply(&mut document(&[(1, stack)])).unwrap();
            assert_eq!(suppressed.sums.stacks, 1, "{frames} on {stack:?}");
        }
    }
}

#[test]
fn the_pool_for_exceptions_has_no_other_code_in_its_stack() {
    let libstdcxx = "??? (in /usr/lib/x86_64-linux-gnu/libstdc++.so.6)";
    let loader = "call_init (in /lib64/ld-linux-x86-64.so.2)";
    assert!(is_suppressed(&[libstdcxx]) && is_suppressed(&[libstdcxx, loader]));
    assert!(is_suppressed(&[
        "_GLOBAL__sub_I_eh_alloc.cc (in /usr/bin/app)",
        "_start (in /bin/app)"
    ]));
    assert!(!is_suppressed(&[libstdcxx, "main (main.cc:3)"]));
    assert!(!is_suppressed(&[loader]));
    // Two of them are none.
    let mut two = document(&[(2, &[libstdcxx])]);
    assert_eq!(suppressed(&mut two), (0, Vec::new()));
    // Each process has one.
    two.extras.processes = vec![Process::default(), Process::default()];
    assert_eq!(suppressed(&mut two).0, 2);
}

#[test]
fn buffers_are_those_of_standard_output_and_input_alone() {
    let buffer = format!("_IO_file_doallocate ({LIBC})");
    let called = |function: &str| format!("{function} ({LIBC})");
    let main = "main (src/main.c:3)";
    assert!(is_suppressed(&[&buffer, &called("_IO_puts"), main]));
    assert!(is_suppressed(&[&buffer, &called("getchar"), main]));
    assert!(!is_suppressed(&[&buffer, &called("fprintf"), main]));
    assert!(!is_suppressed(&[&buffer, &called("fwrite"), main]));
    assert!(!is_suppressed(&[&called("open_memstream"), &called("puts"), main]));
    let cout = "std::ostream::write (in /usr/lib/libstdc++.so.6)";
    assert!(is_suppressed(&[&buffer, &called("fwrite"), cout, main]));
}

#[test]
fn a_library_that_the_program_loads_is_its_own() {
    let [new, catch] = ["??? (in /lib64/ld-linux-x86-64.so.2)", "_dl_catch_exception"];
    let catch = format!("{catch} ({LIBC})");
    let asked = |function: &str| format!("{function} ({LIBC})");
    let main = "main (src/main.c:3)";
    assert!(is_suppressed(&[new, &catch, &asked("__gconv_open"), &asked("iconv_open"), main]));
    assert!(!is_suppressed(&[new, &catch, &asked("dlopen"), main]));
    let dlopen = "dlopen (in /lib/x86_64-linux-gnu/libdl.so.2)";
    assert!(!is_suppressed(&[new, &catch, dlopen, main]));
}

#[test]
fn more_threads_than_were_there_are_a_leak() {
    let tls = "_dl_allocate_tls (in /lib64/ld-linux-x86-64.so.2)";
    let create = format!("pthread_create ({LIBC})");
    let stack: &[&str] = &[tls, &create, "main (src/main.c:3)"];
    assert_eq!(suppressed(&mut document(&[(21, stack)])).0, 21);
    assert_eq!(suppressed(&mut document(&[(22, stack)])).0, 0);
    assert_eq!(suppressed(&mut document(&[(11, stack), (11, stack)])).0, 0, "the sum counts");
}

#[test]
fn without_frees_nothing_is_suppressed() {
    let mut document = document(&[(1, &["setlocale (in /usr/lib/libc.so.6)"])]);
    document.short_lifetime = None;
    assert_eq!(Suppressions::default().apply(&mut document), None);
}
