use super::*;

fn named(name: &str) -> Kind {
    kind(Function { name: Some(name), ..Function::default() })
}

fn unnamed(module: &str) -> Kind {
    kind(Function { module, ..Function::default() })
}

#[test]
fn names_that_only_look_like_ours_are_kept() {
    for name in [
        "mod_allocate::f",
        "mod_alloc_fixtures::main",
        "alloc::allocate",
        "mallocate",
        "operator newt",
        "test::run",
        "std::rt::init",
        "clone_box",
    ] {
        assert!(matches!(named(name), Kind::Program | Kind::Library), "{name}: {:?}", named(name));
    }
}

#[test]
fn names_of_microsofts_debug_information_are_judged_alike() {
    for (name, kind) in [
        ("mod_alloc::hook::entry::impl$1::alloc<std::alloc::System>", Kind::Profiler),
        ("alloc::alloc::impl$1::allocate", Kind::Allocator),
        ("alloc::vec::impl$12::clone<u8,alloc::alloc::Global>", Kind::Library),
        (
            "core::ops::function::impls::impl$3::call_once<tuple$<>,app::main::closure_env$0>",
            Kind::CallOnce,
        ),
        (
            "std::sys::backtrace::__rust_begin_short_backtrace<void (*)(),tuple$<> >",
            Kind::ShortBacktrace,
        ),
        ("std::rt::lang_start::closure$0<tuple$<> >", Kind::RustStart),
        ("__scrt_common_main_seh", Kind::Start),
        ("app::impl$7::parse::closure$0", Kind::Program),
    ] {
        assert_eq!(named(name), kind, "{name}");
    }
}

#[test]
fn library_functions_are_told_from_the_programs_own() {
    let library = |name, module| {
        is_library_function(Function { name: Some(name), module, ..Function::default() })
    };
    for name in [
        "alloc::vec::Vec<T,A>::push",
        "<alloc::string::String as core::clone::Clone>::clone",
        "std::vector<int, std::allocator<int> >::push_back(int const&)",
        "void std::vector<int>::_M_realloc_insert<int>(int&&)",
        "__gnu_cxx::new_allocator<int>::allocate(unsigned long)",
        "core::ops::function::FnOnce::call_once",
        "__rust_try",
        "__rustc::rust_begin_unwind",
    ] {
        assert!(library(name, "app"), "{name}");
    }
    assert!(library("strdup", "libc.so.6"));
    assert!(library("getdelim", "libc-2.31.so"));
    for name in ["main", "app::main", "<app::T as core::clone::Clone>::clone", "stdlib_load"] {
        assert!(!library(name, "app"), "{name}");
    }
    let at = |file| {
        let name = Some("<app::T as alloc::slice::hack::ConvertVec>::to_vec");
        is_library_function(Function { name, file, module: "app" })
    };
    assert!(at("/rustc/0123/library/alloc/src/slice.rs"));
    assert!(at("/rust/deps/hashbrown-0.16.1/src/raw/mod.rs"), "inside of HashMap");
    assert!(!at("library/src/main.rs"), "a folder of the program's");
    assert!(!at("/home/u/app/src/main.rs"));
    assert!(!library("xmlParse", "libxml2.so.2"));
    assert!(!is_library_function(Function { module: "app", ..Function::default() }));
}

#[test]
fn bare_names_are_judged_by_their_source_file() {
    fn bare(name: &str, file: &str) -> Kind {
        kind(Function { name: Some(name), file, module: "app" })
    }
    let library = |path: &str| std::format!("/rustc/0123/library/{path}");
    let ours = "/h/.cargo/registry/src/index/mod-alloc-1.1.0/src/hook.rs";
    assert_eq!(bare("alloc", ours), Kind::Profiler);
    assert_eq!(bare("alloc", concat!(env!("CARGO_MANIFEST_DIR"), "/src/hook.rs")), Kind::Profiler);
    assert_eq!(bare("alloc", &library("alloc/src/alloc.rs")), Kind::Allocator);
    assert_eq!(bare("box_new_uninit", &library("alloc/src/boxed.rs")), Kind::Allocator);
    assert_eq!(bare("new<u8>", &library("alloc/src/boxed.rs")), Kind::Library);
    assert_eq!(bare("call_once<fn(), ()>", &library("core/src/ops/function.rs")), Kind::CallOnce);
    assert_eq!(bare(SHORT_BACKTRACE, &library("std/src/sys/backtrace.rs")), Kind::ShortBacktrace);
    assert_eq!(bare("lang_start<()>", &library("std/src/rt.rs")), Kind::RustStart);
    assert_eq!(bare("alloc", "/home/u/app/src/main.rs"), Kind::Program);
    assert_eq!(bare("app::alloc", ours), Kind::Program);
    assert_eq!(bare("f", "/h/mod-alloc-tools/src/main.rs"), Kind::Program);
    assert_eq!(unnamed("app"), Kind::Program);
}
