//! The kind of a function, by its name.

/// The C library's start of a process or a thread.
pub(crate) fn is_start(name: &str) -> bool {
    ["_start", "start_thread", "clone", "clone3", "(below main)"].contains(&name)
        || name.starts_with("__libc_start")
}

/// Functions of the C library: their names are reserved for it.
pub(super) fn is_libc_inside(name: &str) -> bool {
    let reserved = ["__", "_dl_", "_nl_", "_IO_"].iter().any(|start| name.starts_with(start));
    reserved && !name.contains("::")
}

pub(super) fn is_standard(name: &str) -> bool {
    let name = without_return_type(name);
    let Some(inner) = name.strip_prefix('<') else { return is_standard_path(name) };
    let inner = &inner[..end_of_angle(inner)];
    let (subject, of_trait) = split_as(inner);
    let subject = subject.trim_start_matches(['&', '*', '<', '[', '(']);
    let subject = ["mut ", "const ", "dyn "]
        .iter()
        .fold(subject, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
    match of_trait {
        // `<T as ToString>`, `<[T] as …>`: whose it is, the trait tells.
        Some(of_trait) if !subject.contains("::") => is_standard_path(of_trait),
        Some(of_trait) => is_standard_path(subject) && is_standard_path(of_trait),
        None => is_standard_path(subject),
    }
}

fn is_standard_path(path: &str) -> bool {
    const ROOTS: [&str; 8] = [
        "core::",
        "std::",
        "alloc::",
        "hashbrown::",
        "__gnu_cxx::",
        "__cxxabiv1::",
        "__rustc::",
        "__rust_",
    ];
    ROOTS.iter().any(|root| path.starts_with(root))
}

/// C++ templates are named with what they return: `void std::vector<int>::push_back(int&&)`.
fn without_return_type(name: &str) -> &str {
    if name.starts_with('<') {
        return name;
    }
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            b'(' if depth == 0 && at > start => break,
            b' ' if depth == 0 && !name[..at].ends_with("operator") => start = at + 1,
            _ => {}
        }
    }
    &name[start..]
}

/// The place of the `>` that closes a `<` before `text`; the end of `text` if there is none.
fn end_of_angle(text: &str) -> usize {
    let mut depth = 1;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            // Not the arrow of a function's type.
            b'>' if !text[..at].ends_with('-') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// `A as B` outside of all angle brackets.
fn split_as(text: &str) -> (&str, Option<&str>) {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' => depth = depth.saturating_sub(1),
            b' ' if depth == 0 && text[at..].starts_with(" as ") => {
                return (&text[..at], Some(&text[at + 4..]));
            }
            _ => {}
        }
    }
    (text, None)
}

/// A function whose purpose is to allocate, by the last word of its name.
pub(super) fn is_plumbing(name: &str) -> bool {
    const ENDS: [&str; 13] = [
        "malloc",
        "calloc",
        "realloc",
        "zalloc",
        "valloc",
        "_alloc",
        "allocarray",
        "memalign",
        "aligned_alloc",
        "strdup",
        "strndup",
        "memdup",
        "gc_new",
    ];
    if name.starts_with("operator new") {
        return true;
    }
    if name.contains("::") || name.is_empty() {
        return name.starts_with("alloc::raw_vec::")
            || name.starts_with("alloc::alloc::")
            || is_msvc_entrance(name);
    }
    let plain = name.split('(').next().unwrap_or(name).split('@').next().unwrap_or(name);
    let plain = plain.split(".part.").next().unwrap_or(plain).to_ascii_lowercase();
    let plain = plain.trim_end_matches(|last: char| last.is_ascii_digit() || last == '_');
    plain == "alloc" || ENDS.iter().any(|end| plain.ends_with(end))
}

/// How Windows's compiler names the way into Rust's allocator, below the program's name, and
/// dhat-rs's allocator.
fn is_msvc_entrance(name: &str) -> bool {
    let Some((path, last)) = name.rsplit_once("::") else { return false };
    let is_method = ["alloc", "alloc_zeroed", "realloc"].contains(&last);
    ["__rust_alloc", "__rust_alloc_zeroed", "__rust_realloc"].contains(&last)
        || is_method && path.starts_with("dhat::impl$")
}

/// The allocator begins here: every stack has such a frame, and it tells nothing.
pub(crate) fn is_entrance(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "malloc",
        "calloc",
        "realloc",
        "reallocarray",
        "memalign",
        "posix_memalign",
        "aligned_alloc",
        "valloc",
    ];
    NAMES.contains(&name) || name.starts_with("operator new")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_come_to_an_end() {
        for name in [
            "<",
            "<<",
            "<>",
            "< as >",
            "<a as b",
            ">",
            "operator ",
            "operator<<",
            "->",
            "<fn() -> x as y>::z",
        ] {
            assert!(!is_standard(name), "{name}");
        }
    }
}
