//! A profiler's report: made, written, and said in dhat-rs's words.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::string::String;

use super::builder::Settings;
use super::{AS_1_0, Mode};
use crate::api::report_files;
use crate::base::current::as_profiler;
use crate::recording::model::Recording;
use crate::report::{Form, Options, Profile, summary};

/// Writes the report of the recording, to `memory` if that is given, and prints a line about it.
/// To be called [in the memory of reports](report_files::with_report_memory).
pub(super) fn finish(settings: &Settings, recording: &Recording, memory: Option<&mut String>) {
    let mut said = String::new();
    let mut json = String::new();
    let path = memory.is_none().then(|| path(settings));
    let wants_json = memory.is_some() || settings.eprint_json;
    let profile = Profile::from_recording(recording, &options(settings));
    if wants_json {
        json = report_files::json(&profile);
    }
    // Writing to a string does not fail.
    let _ = write_lines(&mut said, settings, &profile, path);
    if settings.eprint_json {
        let _ = writeln!(said, "dhat: json = `{json}`");
    }
    // The test harness keeps the line, and the caller the report: their blocks stay.
    as_profiler(|| {
        say(&said);
        if let Some(memory) = memory {
            memory.clone_from(&json);
        }
    });
}

fn path(settings: &Settings) -> PathBuf {
    settings.file_name.clone().unwrap_or_else(|| match settings.mode {
        Mode::Heap => "dhat-heap.json".into(),
        Mode::AdHoc => "dhat-ad-hoc.json".into(),
    })
}

fn options(settings: &Settings) -> Options {
    let form = match settings.mode {
        Mode::AdHoc => Form::DhatAdHoc,
        Mode::Heap if AS_1_0 => Form::Version1,
        Mode::Heap => Form::DhatHeap,
    };
    let trim = settings.trim_backtraces.is_some();
    Options { trim, max_frames: settings.trim_backtraces, form, ..Options::default() }
}

fn write_lines(
    said: &mut String,
    settings: &Settings,
    profile: &Profile,
    path: Option<PathBuf>,
) -> std::fmt::Result {
    if !AS_1_0 {
        summary::write_totals(profile, "dhat", said)?;
    }
    match path.map(|path| report_files::save(profile, path)) {
        None if !AS_1_0 => writeln!(said, "dhat: The data has been saved to the memory buffer")?,
        Some((path, Ok(()))) if !AS_1_0 => writeln!(
            said,
            "dhat: The data has been saved to {}, and is viewable with dhat/dh_view.html",
            path.display()
        )?,
        Some((path, Err(error))) => {
            writeln!(said, "dhat: error: Writing to {} failed: {error}", path.display())?;
        }
        _ => {}
    }
    let mut losses = profile.run().losses;
    if settings.trim_backtraces.is_some_and(|max| max <= profile.run().settings.frames as usize) {
        // Those stacks have all frames that were asked for.
        losses.truncated_stacks = 0;
    }
    summary::write_losses(profile, &losses, said)
}

/// Prints by std's macro, so that the test harness captures the line. Standard error may be closed,
/// at which that macro panics.
fn say(text: &str) {
    if !text.is_empty() {
        let _ = std::panic::catch_unwind(|| std::eprint!("{text}"));
    }
}
