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

/// True if the function is of the profiler's crate: a checkout's source looks like the program's.
pub(super) fn is_profiler(name: &str) -> bool {
    name.trim_start_matches(['<', '&']).starts_with("mod_alloc::")
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
pub(crate) fn without_return_type(name: &str) -> &str {
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
            b' ' if depth == 0 && !is_of_a_name(&name[..at]) => start = at + 1,
            _ => {}
        }
    }
    &name[start..]
}

/// True if a blank after `start` is a part of a name: `operator new`, `(anonymous namespace)`.
fn is_of_a_name(start: &str) -> bool {
    start.ends_with("operator") || start.ends_with("(anonymous")
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
    if name.starts_with("operator new") || is_global_allocator(name) {
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

/// A method of a Rust program's own allocator.
fn is_global_allocator(name: &str) -> bool {
    name.starts_with('<') && name.contains(" as core::alloc::global::GlobalAlloc>::")
}

/// Code that this function calls does the work of an allocator: C++ and Rust programs may have
/// their own there.
pub(crate) fn calls_the_allocator(name: &str) -> bool {
    const ENDS: [&str; 3] = ["::allocate", "::_M_allocate", "::__allocate_guarded"];
    let is_of_std = || {
        let name = super::generic_name(name);
        is_standard_path(&name) && ENDS.iter().any(|end| name.ends_with(end))
    };
    name.starts_with("operator new") && !is_nearest_name(name)
        || ["__rust_alloc", "__rust_alloc_zeroed", "__rust_realloc"]
            .contains(&name.strip_prefix("__rustc::").unwrap_or(name))
        || name.contains("llocate") && is_of_std()
}

/// A function of the standard library that makes one block and hands it on, rather than growing
/// what it is called for.
pub(crate) fn hands_a_block_on(name: &str) -> bool {
    const STARTS: [&str; 9] =
        ["new", "try_new", "with_capacity", "make_", "to_", "box_", "_M_create", "from", "clone"];
    let name = super::generic_name(name);
    let last = name.rsplit("::").next().unwrap_or(&name);
    last.contains("allocate")
        || last == "exchange_malloc"
        || is_constructor(&name)
        || STARTS.iter().any(|start| last.starts_with(start))
}

/// The name sounds as if the function made something for its caller: `make_node`, `ast_new`,
/// `Pool::create`. `name` is a [generic one](super::generic_name).
pub(crate) fn sounds_like_a_maker(name: &str) -> bool {
    const WORDS: [&str; 9] =
        ["new", "make", "mk", "create", "dup", "clone", "copy", "grow", "construct"];
    if is_nearest_name(name) {
        return false;
    }
    let last = name.rsplit("::").next().unwrap_or(name);
    let mut word = String::new();
    let mut words = Vec::new();
    for letter in last.chars() {
        if !letter.is_alphanumeric() || letter.is_uppercase() {
            words.push(std::mem::take(&mut word));
        }
        word.extend(letter.to_lowercase().filter(|letter| letter.is_alphabetic()));
    }
    words.push(word);
    words.iter().any(|word| WORDS.contains(&&**word) || word.ends_with("alloc"))
}

/// True if a function without a name of its own is called by the nearest one that has one,
/// `deflate+0x1b0`, or by its address, `sub_1b0`.
pub(crate) fn is_nearest_name(name: &str) -> bool {
    let is_number =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.strip_prefix("sub_").is_some_and(is_number)
        || name.rsplit_once("+0x").is_some_and(|(_, number)| is_number(number))
}

/// A constructor of C++, or `Type::new`: its blocks are of the object that the caller makes.
pub(crate) fn is_constructor(name: &str) -> bool {
    let mut parts = name.rsplit("::");
    let (Some(last), Some(class)) = (parts.next(), parts.next()) else { return false };
    last == class && !last.starts_with('{')
        || last == "new" && class.starts_with(char::is_uppercase)
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
    fn makers_are_known_by_a_word_of_their_names() {
        for name in
            ["make_node", "nodeNew", "app::Pool::create", "app::Node::new", "xalloc", "new_2"]
        {
            assert!(sounds_like_a_maker(name), "{name}");
        }
        assert!(is_constructor("app::Node::Node") && is_constructor("app::Node::new"));
        assert!(!is_constructor("new") && !is_constructor("app::Node::f"));
        assert!(!is_constructor("app::new"));
        assert!(!is_constructor("app::f::{closure}::{closure}"));
        for name in ["newton", "renew", "parse", "app::Node::add", "", "main", "NewsFeed"] {
            assert!(!sounds_like_a_maker(name), "{name}");
        }
    }

    #[test]
    fn the_way_into_the_allocator_is_known_by_name() {
        for name in [
            "operator new(unsigned long)",
            "__rustc::__rust_alloc",
            "std::allocator_traits<app::A<int> >::allocate(app::A<int>&, unsigned long)",
            "std::_Vector_base<int, app::A<int> >::_M_allocate(unsigned long)",
        ] {
            assert!(calls_the_allocator(name), "{name}");
        }
        for name in [
            "app::A<int>::allocate(unsigned long)",
            "deallocate",
            "std::vector<int>::f()",
            "operator new+0x40",
        ] {
            assert!(!calls_the_allocator(name), "{name}");
        }
        assert!(hands_a_block_on("alloc::boxed::Box<T>::new"));
        assert!(!hands_a_block_on("alloc::vec::Vec<T,A>::push"));
        let own = "<app::Counting as core::alloc::global::GlobalAlloc>::alloc";
        assert!(is_plumbing(own));
    }

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
