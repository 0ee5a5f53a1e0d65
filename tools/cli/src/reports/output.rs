//! The target and the form of a report.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};

use mod_alloc::recording::model::Recording;
use mod_alloc::report::{Profile, dhat};

use crate::base::output;
use crate::base::say::{Shown, say};
use crate::dhat_file::{self, Document};
use crate::html;
use crate::recordings::DebugFiles;
use crate::report::{self, View};

/// Reports of more processes go into a folder.
const MOST_BESIDE: usize = 16;

/// `--format` of a report that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// All numbers, for dhat/dh_view.html and `mod-alloc report`
    Dhat,
    /// The output of `mod-alloc report`
    Text,
    /// The output of `mod-alloc report --format json`
    Json,
}

/// The place and the form of a report.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    /// `None`: a name made of the program's name and the process's id.
    pub(crate) path: Option<PathBuf>,
    pub(crate) format: Format,
    /// Of several processes, write the report of all alone.
    pub(crate) sum_alone: bool,
    /// Write a page for the browser, too, beside the report.
    pub(crate) html: bool,
    pub(crate) debug_files: &'a DebugFiles,
    /// The program's name in the names of reports.
    pub(crate) program: OsString,
    /// The program's process.
    pub(crate) pid: u32,
}

impl Output<'_> {
    pub(super) fn write_profile(
        &self,
        target: &Path,
        profile: &Profile,
        document: &Document,
    ) -> std::io::Result<()> {
        output::to_path(target, &mut |out| match self.format {
            Format::Dhat => dhat::write(profile, out),
            _ => self.write_document(out, target, document),
        })
    }

    pub(super) fn write_document(
        &self,
        out: &mut dyn Write,
        target: &Path,
        document: &Document,
    ) -> std::io::Result<()> {
        let view = View::default();
        match self.format {
            Format::Dhat => dhat_file::write(document, out),
            Format::Json => report::write(document, report::Format::Json, &view, out),
            // Standard output takes colours out itself where they are not wanted.
            Format::Text if target == Path::new("-") => {
                report::write(document, report::Format::Text, &view, out)
            }
            Format::Text => {
                let text = report::text(document, &view);
                out.write_all(anstream::adapter::strip_str(&text).to_string().as_bytes())
            }
        }
    }

    /// The path that was asked for. One that names the page names the report beside it, too.
    fn report_path(&self) -> Option<PathBuf> {
        let path = self.path.clone()?;
        let is_page = self.html && path.extension().is_some_and(|extension| extension == "html");
        Some(if is_page { path.with_extension(self.extension()) } else { path })
    }

    /// Tries if the report and its page can be written, before there is anything to write. The
    /// error names the file.
    pub(crate) fn try_targets(&self) -> Result<(), String> {
        // The process's id is not known yet. Names differ in nothing else.
        let report = self.target();
        let page = self.html.then(|| self.page_of(&report));
        for target in [report].into_iter().chain(page) {
            output::try_path(&target).map_err(|error| {
                let folder = target.parent().filter(|folder| *folder != Path::new(""));
                let place = match (&self.path, folder) {
                    (Some(_), _) => target.as_path(),
                    (None, folder) => folder.unwrap_or(Path::new(".")),
                };
                format!("the report cannot be written to {}: {error}", Shown(place))
            })?;
        }
        Ok(())
    }

    /// The page beside a report.
    fn page_of(&self, report: &Path) -> PathBuf {
        let named = || self.named(&self.program, &self.pid.to_string());
        let report = if report == Path::new("-") { named() } else { report.to_owned() };
        report.with_extension("html")
    }

    /// Writes the page beside the report, if it is asked for.
    pub(super) fn write_page(&self, report: &Path, document: &Document) -> std::io::Result<()> {
        if !self.html {
            return Ok(());
        }
        let page = self.page_of(report);
        output::to_path(&page, &mut |out| {
            html::write(html::Shown::One(document), html::Options::default(), out)
        })?;
        say!("The page has been saved to {}, for any browser", page.display());
        Ok(())
    }

    fn extension(&self) -> &'static str {
        if self.format == Format::Text { "txt" } else { "json" }
    }

    pub(super) fn target(&self) -> PathBuf {
        let name = || self.named(&self.program, &self.pid.to_string());
        self.report_path().unwrap_or_else(name)
    }

    /// For one of several processes: the path with the process's id before its extension.
    pub(super) fn target_of(&self, recording: &Recording, path: &Path) -> PathBuf {
        let program = program_of(recording);
        let pid = format!("{}{}", recording.pid, after_exec(path, recording.pid));
        match self.report_path().filter(|path| path != Path::new("-")) {
            None => self.named(&program, &pid),
            Some(path) => with_before_extension(&path, &pid),
        }
    }

    /// The folder for the reports of `parts` processes, beside the report of all; `None` if they
    /// are few.
    pub(super) fn folder_of(&self, parts: usize) -> Option<PathBuf> {
        if parts <= MOST_BESIDE {
            return None;
        }
        let pid = self.pid.to_string();
        Some(match self.report_path().filter(|path| path != Path::new("-")) {
            None => self.named(&self.program, &pid).with_extension("reports"),
            Some(path) if self.pid == 0 => path.with_extension("reports"),
            Some(path) => with_before_extension(&path, &pid).with_extension("reports"),
        })
    }

    pub(super) fn target_of_all(&self) -> PathBuf {
        let name = || self.named(&self.program, &format!("{}.merged", self.pid));
        self.report_path().unwrap_or_else(name)
    }

    fn named(&self, program: &OsStr, rest: &str) -> PathBuf {
        let end = format!(".{rest}.{}", self.extension());
        let mut name = OsString::from("mod-alloc.");
        // A page beside it has an extension that is as long.
        name.push(output::shortened(program, output::NAME_MAX - name.len() - end.len()));
        name.push(end);
        PathBuf::from(name)
    }
}

/// The name of a recording's program in the names of reports.
pub(crate) fn program_of(recording: &Recording) -> OsString {
    program_path(recording).file_name().unwrap_or(OsStr::new("program")).to_owned()
}

/// The executable of a recording's program.
pub(super) fn program_path(recording: &Recording) -> &Path {
    let modules = recording.modules.iter().map(|module| module.path.as_path());
    dhat_file::executable(modules).unwrap_or(&recording.executable)
}

/// `.2` of `recording.4711.2`: the process's second program.
fn after_exec(path: &Path, pid: u32) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let number = name.rsplit_once(&format!("{pid}.")).map(|(_, number)| number.to_owned());
    let is_number = |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    number.filter(is_number).map(|number| format!(".{number}")).unwrap_or_default()
}

/// `a/b.json` and `12` give `a/b.12.json`.
fn with_before_extension(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{what}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    use mod_alloc::recording::model::Module;

    fn output(path: Option<&Path>, format: Format) -> Output<'_> {
        static HERE: LazyLock<DebugFiles> = LazyLock::new(DebugFiles::default);
        let (html, sum_alone, program) = (false, false, "ls".into());
        let path = path.map(Path::to_owned);
        Output { path, format, sum_alone, html, debug_files: &HERE, program, pid: 12 }
    }

    fn recording() -> Recording {
        let mut recording = Recording::default();
        recording.pid = 34;
        recording.modules = ["/lib/libmod_alloc_preload.so", "/usr/bin/cat"]
            .map(|path| {
                let mut module = Module::default();
                module.path = path.into();
                module
            })
            .to_vec();
        recording
    }

    #[test]
    fn reports_are_named_after_program_and_process() {
        let (by_name, path) = (output(None, Format::Dhat), Path::new("/recordings/recording.34"));
        assert_eq!(by_name.target(), Path::new("mod-alloc.ls.12.json"));
        assert_eq!(by_name.target_of(&recording(), path), Path::new("mod-alloc.cat.34.json"));
        assert_eq!(by_name.target_of_all(), Path::new("mod-alloc.ls.12.merged.json"));
        let second = Path::new("/recordings/recording.34.2");
        assert_eq!(by_name.target_of(&recording(), second), Path::new("mod-alloc.cat.34.2.json"));
        assert_eq!(output(None, Format::Text).target(), Path::new("mod-alloc.ls.12.txt"));
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = "ä".repeat(127);
        let by_name = Output { program: long.into(), ..output(None, Format::Dhat) };
        let name = by_name.target_of_all().into_os_string().into_string().unwrap();
        let end = ".12.merged.json";
        assert!(name.starts_with("mod-alloc.ää") && name.ends_with(&format!("ä{end}")), "{name}");
        assert!((254..=255).contains(&name.len()), "{}", name.len());
    }

    #[test]
    fn a_given_name_gets_the_process_before_its_extension() {
        let given = output(Some(Path::new("a/b.json")), Format::Dhat);
        assert_eq!(given.target(), Path::new("a/b.json"));
        assert_eq!(given.target_of_all(), Path::new("a/b.json"));
        let path = Path::new("/recordings/recording.34");
        assert_eq!(given.target_of(&recording(), path), Path::new("a/b.34.json"));
        assert_eq!(with_before_extension(Path::new("a.b/c"), "1"), Path::new("a.b/c.1"));
    }

    #[test]
    fn many_reports_have_a_folder_named_after_the_run() {
        let by_name = output(None, Format::Dhat);
        assert_eq!(by_name.folder_of(16), None);
        assert_eq!(by_name.folder_of(17), Some("mod-alloc.ls.12.reports".into()));
        let given = output(Some(Path::new("a/b.json")), Format::Dhat);
        assert_eq!(given.folder_of(17), Some("a/b.12.reports".into()));
        let standard = output(Some(Path::new("-")), Format::Dhat);
        assert_eq!(standard.folder_of(17), Some("mod-alloc.ls.12.reports".into()));
    }

    #[test]
    fn only_a_number_after_the_process_is_its_program_s() {
        assert_eq!(after_exec(Path::new("/x/recording.7.3"), 7), ".3");
        assert_eq!(after_exec(Path::new("/x/recording.7"), 7), "");
        assert_eq!(after_exec(Path::new("/x/recording.7.bak"), 7), "");
        assert_eq!(after_exec(Path::new("/x/any"), 7), "");
    }
}
