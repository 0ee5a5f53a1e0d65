//! The modules of a crate, and which of them each uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::paths::{self, Words};
use super::tokens;

/// Each module's file, by the module's path; that of the crate's root is `lib`.
pub(crate) struct Tree(BTreeMap<String, File>);

/// The parts of a file that count outside of tests.
struct File {
    paths: Vec<Words>,
    /// The modules that it declares.
    children: BTreeSet<String>,
}

impl File {
    fn of(module: &str, text: &str) -> Self {
        let tokens = tokens::of(text);
        let children = children(module, &tokens);
        Self { paths: paths::of(&without_declarations(&tokens)), children }
    }
}

impl Tree {
    /// All files below `folder`, without those that are for tests alone.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut tree = Self(BTreeMap::new());
        tree.add_folder(folder, "");
        tree.drop_tests();
        tree
    }

    /// A tree of these modules.
    pub(crate) fn of(modules: &[(&str, &str)]) -> Self {
        let empty = Self(BTreeMap::new());
        modules.iter().fold(empty, |tree, (module, text)| tree.with(module, text))
    }

    /// With one more module.
    pub(crate) fn with(mut self, module: &str, text: &str) -> Self {
        self.0.insert(module.to_owned(), File::of(module, text));
        self
    }

    pub(crate) fn modules(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    fn add_folder(&mut self, folder: &Path, module: &str) {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().replace('-', "_");
            let inner = if module.is_empty() { stem.clone() } else { format!("{module}::{stem}") };
            if path.is_dir() {
                self.add_folder(&path, &inner);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = if stem == "mod" { module.to_owned() } else { inner };
                let text = fs::read_to_string(&path).expect("a source");
                self.0.insert(name.clone(), File::of(&name, &text));
            }
        }
    }

    /// Leaves out the modules that no file declares outside of tests, and theirs.
    fn drop_tests(&mut self) {
        let declared: BTreeSet<_> =
            self.0.values().flat_map(|file| file.children.iter().cloned()).collect();
        let is_root = |module: &str| module == "lib" || module == "bin" || parent(module) == "bin";
        let is_kept = |module: &str| {
            let mut part = module;
            while !is_root(part) && declared.contains(part) && !parent(part).is_empty() {
                part = parent(part);
            }
            is_root(part) || declared.contains(part)
        };
        self.0.retain(|module, _| is_kept(module));
    }

    /// For each module, the others that it uses.
    pub(crate) fn uses(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.0.keys().map(|module| (module.clone(), self.used(module))).collect()
    }

    fn used(&self, module: &str) -> BTreeSet<String> {
        let paths = self.0[module].paths.iter();
        let found = paths.filter_map(|path| {
            let (found, rest) = self.resolve(module, path)?;
            // `pub use child::Item`: the item is the child's.
            let item = path.get(path.len() - rest).filter(|_| rest > 0);
            Some(item.and_then(|item| self.passed_on(&found, item)).unwrap_or(found))
        });
        found.filter(|used| used != module).collect()
    }

    /// The child that `module` takes `item` from, to pass it on.
    fn passed_on(&self, module: &str, item: &str) -> Option<String> {
        let file = self.0.get(module)?;
        let is_it = |path: &&Words| path.len() > 1 && path.last().is_some_and(|last| last == item);
        let mut found = file.paths.iter().filter(is_it).filter_map(|path| {
            let (found, _) = self.resolve(module, path)?;
            file.children.contains(&found).then_some(found)
        });
        found.next()
    }

    /// The module that `path` leads to, seen from `module`, and the number of words behind it.
    fn resolve(&self, module: &str, path: &Words) -> Option<(String, usize)> {
        let children = &self.0.get(module)?.children;
        if path.len() < 2 {
            // A variable, or the `crate` of `pub(crate)`.
            return None;
        }
        let mut at = match path[0].as_str() {
            "crate" => String::new(),
            "self" => inner(module),
            "super" => parent(module).to_owned(),
            name if children.contains(&join(&inner(module), name)) => join(&inner(module), name),
            _ => return None,
        };
        let mut rest = path.len() - 1;
        for word in &path[1..] {
            let next = match word.as_str() {
                "super" => parent(&at).to_owned(),
                "self" => at.clone(),
                word => join(&at, word),
            };
            if word != "super" && word != "self" && !self.0.contains_key(&next) {
                break;
            }
            (at, rest) = (next, rest - 1);
        }
        Some((if at.is_empty() { "lib".to_owned() } else { at }, rest))
    }

    /// The groups of modules that use each other, directly or through others of the group.
    pub(crate) fn circles(&self) -> Vec<Vec<String>> {
        let uses = self.uses();
        let reached: BTreeMap<_, _> = uses.keys().map(|from| (from, reach(&uses, from))).collect();
        let mut circles = BTreeSet::new();
        for (from, reached_from) in &reached {
            let back = |to: &&String| reached.get(to).is_some_and(|back| back.contains(*from));
            let circle: Vec<String> = reached_from.iter().filter(back).cloned().collect();
            if circle.len() > 1 {
                circles.insert(circle);
            }
        }
        circles.into_iter().collect()
    }
}

fn reach(uses: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        for used in uses.get(module).into_iter().flatten() {
            if reached.insert(used.clone()) {
                open.push(used);
            }
        }
    }
    reached
}

/// The modules that the file of `module` declares.
fn children(module: &str, tokens: &[String]) -> BTreeSet<String> {
    let declared = tokens.windows(3).filter(|three| three[0] == "mod" && three[2] == ";");
    declared.map(|three| join(&inner(module), &three[1])).collect()
}

/// `mod name;` declares a file and uses nothing of it.
fn without_declarations(tokens: &[String]) -> Vec<String> {
    let mut kept = tokens.to_vec();
    for at in (0..kept.len().saturating_sub(1)).rev() {
        if kept[at] == "mod" {
            kept.remove(at + 1);
        }
    }
    kept
}

/// The path that a module's children begin with.
fn inner(module: &str) -> String {
    if module == "lib" { String::new() } else { module.to_owned() }
}

fn parent(module: &str) -> &str {
    module.rsplit_once("::").map_or("", |(parent, _)| parent)
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}
