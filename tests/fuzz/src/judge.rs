//! Promises about any input that was read: it can be reported, merged, and written so that it
//! is read again unchanged.

use std::io;

use mod_alloc::report::{Profile, dhat};
use mod_alloc_cli::dhat_file::{self, Document, Numbers, merge};

/// Writers into memory and to nowhere never fail.
const NEVER_FAILS: &str = "nothing is there that could fail";

/// Of a document, whoever wrote it.
///
/// # Panics
///
/// If something of it does not hold.
pub fn document(document: &Document) {
    reported(document);
    mod_alloc_cli::export_in_every_format(document, &mut io::sink()).expect(NEVER_FAILS);
    let again = written_and_read(document);
    assert_eq!(what_is_written(document), again);
    let merged = merge([document, &again]);
    reported(&merged);
    assert_eq!(what_is_written(&merged), written_and_read(&merged));
}

/// Of a document, compared and merged with itself.
///
/// # Panics
///
/// If something of it does not hold.
pub fn with_itself(document: &Document) {
    let is_same = mod_alloc_cli::is_same_in_every_form([document; 2], &mut io::sink());
    assert!(is_same.expect(NEVER_FAILS), "a report differs from itself");
    let merged = merge([document; 2]);
    mod_alloc_cli::export_in_every_format(&merged, &mut io::sink()).expect(NEVER_FAILS);
    let twice = |number: u64| number.saturating_mul(2);
    assert_eq!(merged.totals().total_bytes, twice(document.totals().total_bytes));
}

fn reported(document: &Document) {
    mod_alloc_cli::report_in_every_form(document, &mut io::sink()).expect(NEVER_FAILS);
}

fn written_and_read(document: &Document) -> Document {
    let mut written = Vec::new();
    dhat_file::write(document, &mut written).expect(NEVER_FAILS);
    dhat_file::read(&written).expect("what we write can be read")
}

/// A document of several processes has no one executable; the viewer divides by the end; and what
/// needs frees is not there where nothing is known of them.
fn what_is_written(document: &Document) -> Document {
    let mut document = document.clone();
    let knows_frees = document.knows_frees();
    document.end = document.end.max(1);
    if document.extras.modules.is_empty() {
        document.extras.executable = None;
    }
    let limit = document.extras.frame_limit;
    document.extras.frame_limit = limit.filter(|_| document.extras.peak_is_exact.is_some());
    for numbers in document.sites.iter_mut().map(|site| &mut site.numbers).filter(|_| !knows_frees)
    {
        let Numbers { total_bytes, total_blocks, .. } = *numbers;
        *numbers = Numbers { total_bytes, total_blocks, ..Numbers::default() };
    }
    document
}

/// Of a profile that was made of a recording.
///
/// # Panics
///
/// If something of it does not hold.
pub fn profile(profile: &Profile) {
    let mut written = Vec::new();
    dhat::write(profile, &mut written).expect(NEVER_FAILS);
    let read = dhat_file::read(&written).expect("what we write can be read");
    let made = Document::of_profile(profile);
    assert_eq!(made, read);
    document(&made);
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use mod_alloc_cli::dhat_file;

    /// So that a change of what is judged is tried without the fuzzer.
    #[test]
    fn every_seed_of_a_report_is_sound() {
        let folder = |name| Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
        let seeds = ["dhat", "report"].map(|name| fs::read_dir(folder(name)).expect("the seeds"));
        let files: Vec<_> = seeds.into_iter().flatten().flatten().collect();
        assert!(files.len() >= 6);
        for file in files {
            let bytes = fs::read(file.path()).expect("a seed");
            let document = dhat_file::read(&bytes).expect("a report");
            super::document(&document);
            super::with_itself(&document);
        }
    }
}
