//! Source lines around frames, from files that can be read now.
//!
//! A report may come from anywhere and name any file, and a page is passed on: so only files that
//! are called like source code are read, and little of each.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::names::Names;
use super::tree::Tree;

/// Lines before and after a frame's.
const AROUND: u32 = 4;
/// Characters kept of a line.
const WIDTH: usize = 240;
/// Bytes of source in a page, about.
const MOST: usize = 2 << 20;
/// Larger files are not read.
const LARGEST_FILE: u64 = 8 << 20;
const EXTENSIONS: [&str; 20] = [
    "rs", "c", "h", "cc", "cpp", "cxx", "c++", "hh", "hpp", "hxx", "inc", "ipp", "tcc", "s", "S",
    "go", "zig", "py", "swift", "d",
];

/// Lines of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lines {
    /// Number of the path's text.
    pub(super) file: u32,
    /// Numbers, ascending, and texts.
    pub(super) lines: Vec<(u32, String)>,
}

/// The lines around all frames of `tree`; if there are too many, around those of most bytes.
pub(super) fn lines(names: &Names<'_>, tree: &Tree) -> Vec<Lines> {
    let mut places = BTreeMap::<u32, (u64, BTreeSet<u32>)>::new();
    for (weight, node) in weights(tree).into_iter().zip(&tree.nodes) {
        let place = names.frames[node.frame as usize];
        if let (Some(file), 1..) = (place.file, place.line) {
            let (sum, lines) = places.entry(file).or_default();
            *sum = sum.saturating_add(weight);
            lines.insert(place.line);
        }
    }
    let mut files: Vec<_> = places.into_iter().collect();
    files.sort_by_key(|(file, (weight, _))| (std::cmp::Reverse(*weight), *file));
    let mut room = MOST;
    let roots = roots();
    files
        .into_iter()
        .filter_map(|(file, (_, wanted))| {
            let text = read(names.strings.get(file), &roots)?;
            let lines = around(&text, &wanted, &mut room);
            (!lines.is_empty()).then_some(Lines { file, lines })
        })
        .collect()
}

/// The bytes of the stacks that end in each node.
fn weights(tree: &Tree) -> Vec<u64> {
    let mut weights = vec![0_u64; tree.nodes.len()];
    for leaf in &tree.leaves {
        let bytes = leaf.numbers.iter().map(|(numbers, _)| numbers.total_bytes);
        if let Some(weight) = (leaf.node as usize).checked_sub(1).and_then(|at| weights.get_mut(at))
        {
            *weight = weight.saturating_add(bytes.max().unwrap_or(0));
        }
    }
    weights
}

/// Folders that paths in reports are relative to: this one, and those of cargo's registries.
fn roots() -> Vec<PathBuf> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let registries = cargo.and_then(|cargo| fs::read_dir(cargo.join("registry/src")).ok());
    let registries = registries.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    std::iter::once(PathBuf::new()).chain(registries).collect()
}

fn read(path: &str, roots: &[PathBuf]) -> Option<String> {
    let extension = Path::new(path).extension()?.to_str()?;
    if !EXTENSIONS.contains(&extension) {
        return None;
    }
    let bytes = roots.iter().find_map(|root| {
        let path = root.join(path);
        let found = fs::metadata(&path).ok()?;
        (found.is_file() && found.len() <= LARGEST_FILE).then(|| fs::read(path).ok())?
    })?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines around `wanted`, until there is no `room`.
fn around(text: &str, wanted: &BTreeSet<u32>, room: &mut usize) -> Vec<(u32, String)> {
    let mut lines = Vec::new();
    for (number, line) in (1_u32..).zip(text.lines()) {
        let near = number.saturating_sub(AROUND)..=number.saturating_add(AROUND);
        if wanted.range(near).next().is_none() {
            continue;
        }
        let line: String = line.chars().take(WIDTH).collect();
        let Some(left) = room.checked_sub(line.len() + 4) else { break };
        *room = left;
        lines.push((number, line));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_near_frames_are_taken_while_there_is_room() {
        let text: String = (1..=100).map(|number| format!("line {number}\n")).collect();
        let wanted = BTreeSet::from([2, 50]);
        let mut room = 1_000;
        let lines = around(&text, &wanted, &mut room);
        let numbers: Vec<_> = lines.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 46, 47, 48, 49, 50, 51, 52, 53, 54]);
        assert_eq!(lines[0].1, "line 1");
        let mut room = 25;
        assert_eq!(around(&text, &wanted, &mut room).len(), 2);
    }

    #[test]
    fn only_source_files_are_read() {
        let here = [PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
        assert!(read("src/lib.rs", &here).is_some());
        assert_eq!(read("Cargo.toml", &here), None);
        assert_eq!(read("/etc/passwd", &here), None);
        assert_eq!(read("src", &here), None);
        assert_eq!(read("src/nothing.rs", &here), None);
    }
}
