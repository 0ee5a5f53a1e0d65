//! Source paths, without the part that says only where tools or packages lie.

use std::path::Path;

/// Text that ends such a part, and how many path components after it belong to it.
const NOISE: [(&str, usize); 3] = [
    // The standard library's sources, if the toolchain has them installed.
    ("/lib/rustlib/src/rust/", 0),
    // `<cargo home>/registry/src/<index>/crate-1.2.3/src/lib.rs`
    ("/registry/src/", 1),
    // `<cargo home>/git/checkouts/name-<hash>/<commit>/src/lib.rs`
    ("/git/checkouts/", 0),
];

/// The start of the paths of packages that Rust's library is built from: `hashbrown-0.16.1/src/…`.
const PACKAGES_OF_RUST: &str = "/rust/deps/";

/// True if a source file is of such a package.
pub(super) fn is_in_package_of_rust(path: &str) -> bool {
    path.starts_with(PACKAGES_OF_RUST)
}

/// The part of `path` that is worth reading, always an end of it:
/// `library/alloc/src/vec/mod.rs` for the standard library, `crate-1.2.3/src/lib.rs` for a
/// registry crate. Other paths stay whole: they are the user's own, an editor can open
/// them, and cutting them to a few components makes two `src/main.rs` of a workspace alike.
pub(super) fn shorten(path: &str) -> &str {
    if let Some(rest) = path.strip_prefix("/rustc/") {
        return skip_components(rest, 1).unwrap_or(path);
    }
    if let Some(rest) = path.strip_prefix(PACKAGES_OF_RUST) {
        return skip_components(rest, 0).unwrap_or(path);
    }
    NOISE
        .iter()
        .find_map(|(noise, components)| {
            let at = path.find(noise)?;
            skip_components(&path[at + noise.len()..], *components)
        })
        .unwrap_or(path)
}

/// The last three components of `path`, as dhat-rs shows it: all of a path that has no more.
pub(super) fn last_three(path: &str) -> &str {
    let mut components = Path::new(path).components();
    let Some(others) = components.clone().count().checked_sub(4) else { return path };
    components.nth(others);
    components.as_path().to_str().unwrap_or(path)
}

/// The path after its first `count` components; `None` if nothing follows them.
fn skip_components(path: &str, count: usize) -> Option<&str> {
    let mut rest = path;
    for _ in 0..count {
        rest = rest.split_once('/')?.1;
    }
    Some(rest).filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{last_three, shorten};

    #[test]
    fn the_standard_library_is_shown_from_its_root() {
        assert_eq!(
            shorten("/rustc/59807616/library/alloc/src/boxed.rs"),
            "library/alloc/src/boxed.rs"
        );
        let installed =
            "/home/u/.rustup/toolchains/stable/lib/rustlib/src/rust/library/std/src/rt.rs";
        assert_eq!(shorten(installed), "library/std/src/rt.rs");
    }

    #[test]
    fn dependencies_are_shown_from_their_package() {
        let registry =
            "/home/u/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/regex-1.11.1/src/lib.rs";
        assert_eq!(shorten(registry), "regex-1.11.1/src/lib.rs");
        let git = "/home/u/.cargo/git/checkouts/regex-0a1b/9f3c/src/lib.rs";
        assert_eq!(shorten(git), "regex-0a1b/9f3c/src/lib.rs");
        let of_rust = "/rust/deps/hashbrown-0.16.1/src/raw/mod.rs";
        assert_eq!(shorten(of_rust), "hashbrown-0.16.1/src/raw/mod.rs");
    }

    #[test]
    fn dhat_rs_shows_three_components() {
        for (path, shown) in [
            ("/aa/bb/cc/dd.rs", "bb/cc/dd.rs"),
            ("/bb/cc/dd.rs", "bb/cc/dd.rs"),
            ("/cc/dd.rs", "/cc/dd.rs"),
            ("bb/cc/dd.rs", "bb/cc/dd.rs"),
            ("src/main.rs", "src/main.rs"),
            ("", ""),
        ] {
            assert_eq!(last_three(path), shown);
        }
    }

    #[test]
    fn other_paths_stay_whole() {
        for path in [
            "/home/u/app/src/main.rs",
            "src/main.rs",
            "./csu/../csu/libc-start.c",
            "",
            "/rustc/",
            "/rustc/x",
            "/a/registry/src/index",
        ] {
            assert_eq!(shorten(path), path);
        }
    }
}
