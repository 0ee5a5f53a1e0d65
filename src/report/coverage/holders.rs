//! The likely holders of memory that is in no report, each with the way out.

use std::format;
use std::path::Path;
use std::string::{String, ToString};
use std::vec::Vec;

use crate::recording::model::{Module, Recording};
use crate::symbolize::{Evidence, likely_allocator};

/// A runtime with a heap of its own, known by the beginning of a module's file name.
struct Runtime {
    names: &'static [&'static str],
    words: &'static str,
}

const RUNTIMES: [Runtime; 12] = [
    Runtime {
        names: &["libpython", "python"],
        words: "CPython takes objects of up to 512 bytes from arenas of its own \
                (PYTHONMALLOC=malloc has them recorded)",
    },
    Runtime {
        names: &["node", "nodejs", "libnode.so", "libv8", "electron", "chrome", "chromium"],
        words: "JavaScript objects are in V8's own heap (node --heap-prof shows them)",
    },
    Runtime {
        names: &["libmozjs", "libjavascriptcoregtk"],
        words: "JavaScript objects are in the engine's own heap",
    },
    Runtime {
        names: &["libjvm.so"],
        words: "Java objects are in the JVM's own heap (jcmd PID GC.class_histogram shows them)",
    },
    Runtime {
        names: &["libcoreclr.so"],
        words: ".NET objects are in the runtime's own heap (dotnet-gcdump shows them)",
    },
    Runtime {
        names: &["libruby", "ruby"],
        words: "Ruby keeps objects in pages of its own (ObjectSpace shows them)",
    },
    Runtime {
        names: &["php", "libphp"],
        words: "PHP has an allocator of its own (USE_ZEND_ALLOC=0 has it call malloc)",
    },
    Runtime {
        names: &["libluajit", "luajit"],
        words: "LuaJIT has an allocator of its own, which maps its memory itself",
    },
    Runtime {
        names: &["beam.smp"],
        words: "Erlang has allocators of its own (+Mea min has them call malloc)",
    },
    Runtime {
        names: &["cc1", "lto1", "f951", "gnat1", "d21"],
        words: "GCC keeps trees in garbage-collected pages that it maps itself (-fmem-report shows \
                them)",
    },
    Runtime {
        names: &["libgc.so", "libguile"],
        words: "a garbage collector (libgc) keeps blocks in pages that it maps itself",
    },
    Runtime {
        names: &["libmozglue.so", "firefox", "libxul.so"],
        words: "Firefox brings jemalloc and allocates from it directly (about:memory shows it)",
    },
];

/// The library that records programs that are not rebuilt.
const PRELOAD_LIBRARY: &str = "libmod_alloc_preload";

/// Objects whose allocator is the recorded one.
const RECORDED: [&str; 7] = [
    PRELOAD_LIBRARY,
    "libc.so",
    "ld-linux",
    "libjemalloc",
    "libtcmalloc",
    "libmimalloc",
    "linux-vdso",
];

/// One sentence or more: the runtimes that the process has loaded; else its modules that bring an
/// allocator; else a sentence on memory as such.
pub(super) fn reasons(recording: &Recording) -> Vec<String> {
    let modules = || recording.modules.iter().map(|module| (module, file_name(&module.path)));
    let mut found: Vec<String> = RUNTIMES
        .iter()
        .filter(|runtime| modules().any(|(_, name)| runtime.is(name)))
        .map(|runtime| runtime.words.to_string())
        .collect();
    let is_wrapped = modules().any(|(_, name)| name.starts_with(PRELOAD_LIBRARY));
    if !is_wrapped {
        found.push(
            "the crate sees Rust's global allocator alone: C libraries call malloc themselves \
             (mod-alloc run records that), and mapped memory is no block"
                .into(),
        );
    } else if found.is_empty() {
        let unknown =
            modules().filter(|(_, name)| !RECORDED.iter().any(|known| name.starts_with(known)));
        found.extend(unknown.filter_map(|(module, _)| allocator_of(module)));
    }
    if found.is_empty() {
        found.push(
            "the program maps memory itself, or has an allocator that nothing gives away (in a \
             Rust program use the crate `mod-alloc`: it wraps any allocator)"
                .into(),
        );
    }
    found
}

impl Runtime {
    /// The file is the runtime's, or ends in its version: `python3.11`, `libjvm.so`. A longer word
    /// is another program: `nodetool`.
    fn is(&self, file: &str) -> bool {
        self.names.iter().any(|name| {
            let rest = file.strip_prefix(name);
            rest.is_some_and(|rest| {
                !rest.starts_with(|c: char| c.is_ascii_alphabetic() && !name.starts_with("lib"))
            })
        })
    }
}

fn allocator_of(module: &Module) -> Option<String> {
    let allocator = likely_allocator(&module.path)?;
    let path = module.path.display();
    let [seems, allocates] = match allocator.evidence {
        Evidence::Function(_) => ["brings", "allocates"],
        Evidence::Text(_) => ["seems to bring", "to allocate"],
    };
    Some(format!(
        "{path} {seems} {allocator} and {allocates} from it directly (if it is of Rust, use the \
         crate `mod-alloc` in it: it wraps any allocator)"
    ))
}

fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(paths: &[&str]) -> Vec<String> {
        let module = |path: &&str| Module { path: path.into(), ..Module::default() };
        let modules = paths.iter().map(module).collect();
        reasons(&Recording { modules, ..Recording::default() })
    }

    const WRAPPED: &str = "/tmp/libmod_alloc_preload-1.1.0.so";

    #[test]
    fn a_runtime_is_named_with_the_way_out() {
        let of_python = of(&["/usr/bin/python3.11", WRAPPED, "/lib/libc.so.6"]);
        assert_eq!(of_python.len(), 1);
        assert!(of_python[0].contains("PYTHONMALLOC=malloc"), "{of_python:?}");
        let embedded = of(&["/usr/bin/gdb", WRAPPED, "/lib/libpython3.11.so.1.0"]);
        assert_eq!(embedded, of_python);
        assert!(of(&["/usr/bin/java", WRAPPED, "/jvm/lib/server/libjvm.so"])[0].contains("Java"));
    }

    #[test]
    fn names_that_go_on_are_other_programs() {
        for path in ["/usr/bin/nodetool", "/usr/bin/rubyfmt", "/usr/bin/phpize"] {
            let reasons = of(&[path, WRAPPED]);
            assert!(reasons[0].starts_with("the program maps memory itself"), "{path} {reasons:?}");
        }
    }

    #[test]
    fn the_crate_says_that_it_does_not_see_c() {
        let reasons = of(&["/home/me/app", "/lib/libc.so.6"]);
        assert_eq!(reasons.len(), 1);
        assert!(reasons[0].contains("mod-alloc run"), "{reasons:?}");
    }
}
