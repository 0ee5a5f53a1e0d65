//! A workspace with every sort of test, whose allocations are known to the byte.

use super::Package;

/// The workspace: `alpha` of edition 2021 and `beta` of edition 2024.
pub(crate) fn workspace() -> Package {
    let package = Package::new("workspace");
    package.write("Cargo.toml", "[workspace]\nmembers = [\"alpha\", \"beta\"]\nresolver = \"2\"\n");
    for (name, edition) in [("alpha", "2021"), ("beta", "2024")] {
        package.write(
            &format!("{name}/Cargo.toml"),
            &format!(
                "[package]\nname = \"{name}\"\nedition = \"{edition}\"\n\n[[test]]\n\
                 name = \"whole-{name}\"\nharness = false\n"
            ),
        );
        package.write(&format!("{name}/src/lib.rs"), &LIBRARY.replace("NAME", name));
        package.write(&format!("{name}/tests/outside.rs"), OUTSIDE);
        package.write(&format!("{name}/tests/whole-{name}.rs"), WHOLE);
    }
    package.write("alpha/src/main.rs", PROGRAM);
    package
}

const LIBRARY: &str = r##"//! ```
//! let bytes = std::hint::black_box(vec![1u8; 1_000]);
//! assert_eq!(NAME::double(bytes.len()), 2_000);
//! ```

/// Has tests of its own.
///
/// ```
/// fn main() {
///     std::mem::forget(std::hint::black_box(vec![1u8; 2_000]));
///     assert_eq!(NAME::double(1), 2);
/// }
/// ```
///
/// ```
/// # fn helper() -> Vec<u8> { vec![1; 300] }
/// let thread = std::thread::spawn(|| std::hint::black_box(helper()).len());
/// assert_eq!(thread.join().unwrap(), 300);
/// ```
///
/// ```should_panic
/// drop(std::hint::black_box(vec![1u8; 400]));
/// std::panic::set_hook(Box::new(|_| {}));
/// assert_eq!(NAME::double(1), 3);
/// ```
///
/// ```compile_fail
/// let number: u8 = "";
/// ```
///
/// ```no_run
/// std::process::abort();
/// ```
///
/// ```ignore
/// this is no code
/// ```
pub fn double(number: usize) -> usize {
    number * 2
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    #[test]
    fn allocates_once() {
        drop(black_box(vec![1u8; 100]));
    }

    #[test]
    fn keeps_its_block() {
        std::mem::forget(black_box(vec![1u8; 77]));
    }

    #[test]
    fn has_a_peak() {
        for _ in 0..3 {
            let one = black_box(vec![1u8; 500]);
            drop((one, black_box(vec![1u8; 600])));
        }
    }

    #[test]
    fn grows() {
        let mut bytes = Vec::<u8>::with_capacity(100);
        black_box(&mut bytes).reserve_exact(150);
        drop(bytes);
    }

    // The kernel keeps the first 15 bytes of these, which are the same.
    #[test]
    fn with_a_long_name_and_one() {
        drop(black_box(vec![1u8; 1_111]));
    }
    #[test]
    fn with_a_long_name_and_two() {
        drop(black_box(vec![1u8; 2_222]));
    }
    #[test]
    fn with_a_long_name_and_two_more() {
        drop(black_box(vec![1u8; 3_333]));
    }

    // In a release build these two are one function.
    fn folded<T: Default + Clone>() {
        drop(black_box(vec![T::default(); 64]));
    }
    #[test]
    fn folded_first() {
        folded::<u64>();
    }
    #[test]
    fn folded_second() {
        folded::<u64>();
    }

    #[test]
    #[ignore = "takes too long, (they say)"]
    fn is_ignored() {
        drop(black_box(vec![1u8; 9_999]));
    }

    #[test]
    #[should_panic(expected = "as it should")]
    fn panics() {
        drop(black_box(vec![1u8; 123]));
        panic!("as it should");
    }

    #[test]
    fn prints() {
        println!("to standard output");
        eprintln!("to standard error");
    }

    #[test]
    fn fails() {
        drop(black_box(vec![1u8; 321]));
        println!("before it fails");
        panic!("on purpose");
    }

    #[test]
    #[should_panic(expected = "another\nmessage")]
    fn fails_to_panic_as_it_should() {
        panic!("one\nmessage");
    }

    #[test]
    fn gives_an_error() -> Result<(), String> {
        Err("no".into())
    }

    #[test]
    fn sees_no_trace_of_us() {
        let ours = |name: &String| {
            name.starts_with("MOD_ALLOC") || name == "LD_PRELOAD" || name == "RUSTDOC"
                || name.ends_with("_RUNNER")
        };
        let found: Vec<_> = std::env::vars().map(|(name, _)| name).filter(ours).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}
"##;

const OUTSIDE: &str = r##"use std::hint::black_box;

#[test]
fn nothing() {}

#[test]
fn threads_count() {
    // Scoped threads end before their test; names are theirs.
    let work = |name: &str, bytes: usize| {
        let builder = std::thread::Builder::new().name(name.to_owned());
        let thread = builder.spawn(move || {
            drop(black_box(vec![1u8; bytes]));
            std::thread::spawn(|| std::mem::forget(black_box(vec![1u8; 50_000]))).join().unwrap();
        });
        thread.unwrap().join().unwrap();
    };
    work("nothing", 100_000);
    work("threads_count", 200_000);
}
"##;

const WHOLE: &str = r##"fn main() {
    let words: Vec<String> = std::env::args().collect();
    if words.iter().any(|word| word == "--list") {
        if !words.iter().any(|word| word == "--ignored") {
            println!("of its own: test");
        }
        return;
    }
    drop(std::hint::black_box(vec![1u8; 1_000_000]));
    println!("a harness of its own");
}
"##;

const PROGRAM: &str = r##"fn main() {}

#[test]
fn in_the_program() {
    drop(std::hint::black_box(vec![1u8; 42]));
}
"##;
