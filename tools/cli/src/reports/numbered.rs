//! Reports while the programs run, with numbers: in the place of a path's `%n`, or else before the
//! extension.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use mod_alloc::recording::file::RecordingFile;
use mod_alloc::recording::model::Recording;
use mod_alloc::report::{Profile, SiteNames};

use crate::base::output::{NAME_MAX, shortened};
use crate::dhat_file::{Document, Merger};
use crate::recordings;

use super::output::Output;

/// The path that was asked for, of a report with this number: `%n` is the number and `%%` a percent
/// sign. The number comes back if the path has no place for it, unless the report is the last.
pub(crate) fn placed(
    path: Option<PathBuf>,
    number: u32,
    is_last: bool,
) -> (Option<PathBuf>, Option<u32>) {
    let beside = (!is_last).then_some(number);
    let Some(path) = path else { return (None, beside) };
    let (mut expanded, mut has_number) = (Vec::new(), false);
    let mut rest = path.as_os_str().as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let is_placeholder = byte == b'%' && matches!(after.first(), Some(b'n' | b'%'));
        match after.first() {
            Some(b'n') if is_placeholder => {
                has_number = true;
                expanded.extend_from_slice(number.to_string().as_bytes());
            }
            // Of two percent signs one stays.
            _ => expanded.push(byte),
        }
        rest = after.get(usize::from(is_placeholder)..).unwrap_or_default();
    }
    let path = PathBuf::from(OsString::from_vec(expanded));
    (Some(path), beside.filter(|_| !has_number))
}

/// `heap.3.json` of `heap.json`.
pub(super) fn before_extension(path: &Path, number: u32) -> PathBuf {
    let (Some(stem), Some(_)) = (path.file_stem(), path.file_name()) else {
        return path.to_owned();
    };
    let mut end = OsString::from(format!(".{number}"));
    if let Some(extension) = path.extension() {
        end.push(".");
        end.push(extension);
    }
    let mut name = shortened(stem, NAME_MAX.saturating_sub(end.len())).to_owned();
    name.push(end);
    path.with_file_name(name)
}

/// Writes the report of one process so far, and gives its path; `None`: nothing is recorded yet.
/// `names`: those of earlier reports.
pub(crate) fn of_process_so_far(
    recording: &Path,
    output: &Output<'_>,
    names: &mut Option<SiteNames>,
) -> Option<(PathBuf, io::Result<()>)> {
    // A file that is no recording yet will be one.
    let recording = RecordingFile::open(recording).and_then(|file| file.read()).ok()?;
    let names = names.get_or_insert_with(|| named(&recording, output));
    let target = output.target();
    let written = names.with_profile(&recording, |profile| {
        output.write_profile(&target, profile, &Document::of_profile(profile))
    });
    Some((target, written))
}

fn named(recording: &Recording, output: &Output<'_>) -> SiteNames {
    SiteNames::new(recording, &output.debug_files.options())
}

/// Writes the sum of the processes so far, of those that record to `folder`; as above.
pub(crate) fn of_processes_so_far(
    folder: &Path,
    output: &Output<'_>,
) -> Option<(PathBuf, io::Result<()>)> {
    let mut merger = Merger::default();
    let mut has_any = false;
    for path in recordings::in_folder(folder).ok()? {
        // One that has not begun yet is in the next report.
        let Ok(recording) = RecordingFile::open(&path).and_then(|file| file.read()) else {
            continue;
        };
        let profile = Profile::from_recording(&recording, &output.debug_files.options());
        merger.add(&Document::of_profile(&profile));
        has_any = true;
    }
    if !has_any {
        return None;
    }
    let target = output.target_of_all();
    let written = output.write_document(&target, &merger.finish());
    Some((target, written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_its_place_or_stands_before_the_extension() {
        let of = |path: &str, is_last| placed(Some(path.into()), 7, is_last);
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(of("a-%n.json", false), (path("a-7.json"), None));
        assert_eq!(of("a-%n.json", true), (path("a-7.json"), None), "the last has one, too");
        assert_eq!(of("100%%/%q%%n", false), (path("100%/%q%n"), Some(7)));
        assert_eq!(of("a.json%", true), (path("a.json%"), None));
        assert_eq!(placed(None, 7, false), (None, Some(7)));
        let before = |path: &str| before_extension(Path::new(path), 12);
        assert_eq!(before("x.y/heap.json"), Path::new("x.y/heap.12.json"));
        assert_eq!(before("heap"), Path::new("heap.12"));
        assert_eq!(before(".heap"), Path::new(".heap.12"));
        let long = before(&"n".repeat(NAME_MAX));
        assert_eq!(long.as_os_str().len(), NAME_MAX);
    }
}
