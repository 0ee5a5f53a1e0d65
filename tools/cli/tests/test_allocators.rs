//! Test programs whose global allocator is their own: of that, preloading sees nothing.

#[expect(dead_code, reason = "other tests look at more")]
mod test_support;

use serde_json::Value;

use test_support::Package;

const LIBRARY: &str = "pub fn grow(n: usize) -> Vec<u8> { std::hint::black_box(vec![1; n]) }
#[test] fn measured() { assert_eq!(grow(1_000).len(), 1_000); }
";

/// Stands for jemalloc, mimalloc and the like: nothing of it goes through malloc.
const BUMP: &str = r#"
use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};

#[repr(align(4096))]
struct Bump(UnsafeCell<[u8; 1 << 24]>, AtomicUsize);
unsafe impl Sync for Bump {}
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let size = layout.size() + layout.align();
        let start = self.1.fetch_add(size, Ordering::Relaxed).next_multiple_of(layout.align());
        unsafe { self.0.get().cast::<u8>().add(start) }
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
#[global_allocator]
static ALLOC: Bump = Bump(UnsafeCell::new([0; 1 << 24]), AtomicUsize::new(0));

#[test] fn unseen() { assert_eq!(own::grow(100_000).len(), 100_000); }
#[test] fn unseen_thread() { std::thread::spawn(|| own::grow(10).len()).join().unwrap(); }
#[test] #[ignore] fn left_out() {}
"#;

/// A name by which jemalloc is known.
const NAMED: &str = "
#[unsafe(no_mangle)] pub extern \"C\" fn _rjem_malloc(_: usize) -> *mut u8 { std::ptr::null_mut() }
#[test] fn keeps_the_name() { assert!(std::hint::black_box(_rjem_malloc)(1).is_null()); }
";

fn package() -> Package {
    let package = Package::with_library("own", "2024", LIBRARY);
    package.write("tests/bump.rs", BUMP);
    package.write("tests/named.rs", &format!("{BUMP}{NAMED}"));
    package
}

const WHY: &str = "it ran and was not measured";

#[test]
fn its_tests_have_no_numbers_and_it_is_said_once() {
    let package = package();
    let ended = package.mod_alloc(&["test", "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let value: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let numbers = |binary: &str, name: &str| {
        let rows = value["tests"].as_array().expect("a list");
        let row = rows.iter().find(|row| row["binary"] == binary && row["name"] == name);
        let row = row.unwrap_or_else(|| panic!("no {binary} {name} in {rows:?}"));
        ["blocks", "bytes", "peak_bytes", "end_blocks", "end_bytes"].map(|key| row[key].clone())
    };
    for (binary, name) in [("bump", "unseen"), ("bump", "unseen_thread"), ("named", "unseen")] {
        assert_eq!(numbers(binary, name), [(); 5].map(|()| Value::Null), "{binary} {name}");
    }
    assert_eq!(numbers("bump", "left_out"), [0; 5].map(Value::from), "it did not run");
    assert_eq!(numbers("own", "measured"), [1, 1_000, 1_000, 0, 0].map(Value::from));
    assert_eq!(value["total"]["bytes"], 1_000);
    let said: Vec<_> = ended.ours().into_iter().filter(|line| line.contains(WHY)).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("bump: ") && said[0].contains("did not call malloc"), "{said:?}");
    let named = "it brings jemalloc (it has _rjem_malloc)";
    assert!(said[1].starts_with("named: ") && said[1].contains(named), "{said:?}");
    let text = package.mod_alloc(&["test", "--test", "bump"]);
    let row = text.stdout.lines().find(|line| line.starts_with("unseen "));
    let row = row.unwrap_or_else(|| panic!("{}", text.stdout));
    assert_eq!(row.split_whitespace().skip(1).collect::<Vec<_>>(), ["?"; 4]);
}

#[test]
fn no_baseline_has_its_tests_and_a_budget_says_that_they_were_not_measured() {
    let package = package();
    let saved = package.mod_alloc(&["test", "--save-baseline", "main"]);
    assert_eq!(saved.code, Some(0), "{saved:#?}");
    let baseline = std::fs::read_to_string(&package.baselines()[0]).expect("a baseline");
    assert!(baseline.contains("\"measured\"") && !baseline.contains("unseen"), "{baseline}");
    let compare = ["test", "--baseline", "main", "--fail-above", "5%"];
    let compared = package.mod_alloc(&compare);
    assert_eq!(compared.code, Some(0), "{compared:#?}");
    let expected = "Not measured, not compared:\n  bump unseen\n  bump unseen_thread\n  named ";
    assert!(compared.stdout.contains(expected), "{}", compared.stdout);
    assert!(compared.ours().iter().any(|line| line.contains(WHY)), "{:?}", compared.ours());
}
