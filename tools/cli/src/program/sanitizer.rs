//! Sanitizers that replace `malloc` themselves, and refuse a library before them.

use object::elf::DT_NEEDED;
use object::read::elf::Dyn;

use super::machine::{Elf, Named, dynamic_names};

/// A sanitizer's runtime.
struct Runtime {
    /// The compiler's option.
    option: &'static str,
    /// The function that each sanitized program calls, where the runtime is linked in.
    function: &'static str,
    /// The beginning of the runtime's file name.
    library: &'static str,
}

/// The undefined-behaviour sanitizer has no allocator, and is not among them.
const RUNTIMES: [Runtime; 5] = [
    Runtime { option: "address", function: "__asan_init", library: "libasan.so" },
    Runtime { option: "hwaddress", function: "__hwasan_init", library: "libhwasan.so" },
    Runtime { option: "thread", function: "__tsan_init", library: "libtsan.so" },
    Runtime { option: "memory", function: "__msan_init", library: "libmsan.so" },
    Runtime { option: "leak", function: "__lsan_init", library: "liblsan.so" },
];

/// The option of the sanitizer that the file was built with; `None` if it was built with none that
/// has an allocator.
pub(super) fn sanitizer(file: &Elf<'_>) -> Option<&'static str> {
    let libraries = needed(file).unwrap_or_default();
    let is_needed =
        |library: &str| libraries.iter().any(|name| name.starts_with(library.as_bytes()));
    let linked: Vec<_> = dynamic_names(file, Named::Any).collect();
    let is_linked = |function: &str| linked.contains(&function.as_bytes());
    let found = |runtime: &&Runtime| is_needed(runtime.library) || is_linked(runtime.function);
    RUNTIMES.iter().find(found).map(|runtime| runtime.option)
}

/// The names of the libraries that the file needs.
fn needed<'d>(file: &Elf<'d>) -> Option<Vec<&'d [u8]>> {
    let (endian, data, sections) = (file.endian(), file.data(), file.elf_section_table());
    let (entries, strings) = sections.dynamic(endian, data).ok()??;
    let strings = sections.strings(endian, data, strings).ok()?;
    let entries = entries.iter().filter(|entry| entry.d_tag(endian) == DT_NEEDED);
    Some(entries.filter_map(|entry| entry.string(endian, strings).ok()).collect())
}
