//! `--suppress`: blocks that are live at the end and no leak of the program's.
//!
//! A suppressed stack has nothing live at the end, in every table and sum that is shown; what was
//! taken from it is counted, and said beside them. The report's file stays as it is.

mod known;
mod parse;
mod pattern;
mod rule;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::dhat_file::{Document, Frame};

use rule::{Amounts, Rule};

/// The word of `--suppress` that is no file.
const NONE: &str = "none";

/// Suppressions of the user's.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct SuppressOptions {
    /// Take the stacks that FILE names as no leaks, as well as those known of glibc and libstdc++:
    /// lines `leak:PATTERN` of LeakSanitizer, blocks `{ … }` of Valgrind. `none`: all is shown
    #[arg(long = "suppress", value_name = "FILE", conflicts_with = "html")]
    files: Vec<PathBuf>,
}

/// The reason why a file of suppressions cannot be used.
#[derive(Debug)]
pub(crate) struct Error {
    file: PathBuf,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Io(io::Error),
    Text(parse::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        match &self.reason {
            Reason::Io(error) => write!(f, "{file}: {error}"),
            Reason::Text(parse::Error { line, what }) => write!(f, "{file}:{line}: {what}"),
        }
    }
}

impl SuppressOptions {
    /// The rules of all files, then those that are built in.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or is none of suppressions.
    pub(crate) fn rules(&self) -> Result<Suppressions, Error> {
        let mut rules = Vec::new();
        let mut has_known = true;
        for file in &self.files {
            if file == Path::new(NONE) {
                has_known = false;
                continue;
            }
            let error = |reason| Error { file: file.clone(), reason };
            let bytes = std::fs::read(file).map_err(|failed| error(Reason::Io(failed)))?;
            let text = String::from_utf8_lossy(&bytes);
            rules.extend(parse::rules(&text).map_err(|failed| error(Reason::Text(failed)))?);
        }
        if has_known {
            rules.extend(known::rules());
        }
        Ok(Suppressions { rules })
    }
}

/// Rules, of which the first that fits a stack is the one that counts.
#[derive(Debug)]
pub(crate) struct Suppressions {
    rules: Vec<Rule>,
}

impl Default for Suppressions {
    fn default() -> Self {
        Self { rules: known::rules() }
    }
}

/// The blocks that were live at the end and are not shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Suppressed {
    #[serde(flatten)]
    pub(super) sums: Amounts,
    /// The rules that fitted any stack.
    pub(super) rules: Vec<Applied>,
}

/// A rule that fitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Applied {
    pub(super) name: String,
    /// The line of a file; `None`: the rule is built in.
    pub(super) pattern: Option<String>,
    #[serde(flatten)]
    pub(super) sums: Amounts,
}

impl Suppressions {
    /// Takes what is suppressed from the numbers at the end of `document`. `None`: it knows nothing
    /// of frees.
    pub(crate) fn apply(&self, document: &mut Document) -> Option<Suppressed> {
        if !document.knows_frees() {
            return None;
        }
        let of_sites = self.of_sites(document);
        let mut sums = vec![Amounts::default(); self.rules.len()];
        for (site, rule) in document.sites.iter().zip(&of_sites) {
            if let &Some(rule) = rule {
                sums[rule].add(&site.numbers);
            }
        }
        let threads = document.extras.thread_list.len() as u64;
        let processes = document.extras.processes.len().max(1) as u64;
        let holds = |rule: usize| self.rules[rule].allows(&sums[rule], processes, threads);
        for (site, rule) in document.sites.iter_mut().zip(&of_sites) {
            if rule.is_some_and(holds) {
                (site.numbers.end_bytes, site.numbers.end_blocks) = (0, 0);
            }
        }
        let mut suppressed = Suppressed::default();
        for (index, rule) in self.rules.iter().enumerate() {
            if sums[index].stacks == 0 || !holds(index) {
                continue;
            }
            let (name, pattern) = (rule.name.clone(), rule.pattern.clone());
            suppressed.sums.add_all(&sums[index]);
            suppressed.rules.push(Applied { name, pattern, sums: sums[index] });
        }
        Some(suppressed)
    }

    /// The rule that fits each site; `None` for those without blocks at the end, too.
    fn of_sites(&self, document: &Document) -> Vec<Option<usize>> {
        let frames: Vec<_> = document.frames.iter().map(|text| Frame::parse(text)).collect();
        let hits: Vec<_> = self.rules.iter().map(|rule| rule.hits(&frames)).collect();
        let mut stack = Vec::new();
        let of_site = document.sites.iter().map(|site| {
            if site.numbers.end_blocks == 0 {
                return None;
            }
            stack.clear();
            stack.extend(site.stack.iter().map(|&frame| frames[frame as usize]));
            self.rules.iter().zip(&hits).position(|(rule, hits)| match hits {
                Some(hits) => site.stack.iter().any(|&frame| hits[frame as usize]),
                None => rule.fits(&stack),
            })
        });
        of_site.collect()
    }
}

#[cfg(test)]
mod tests;
