//! The target and the form of a report.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};

use mod_alloc::recording::model::Recording;
use mod_alloc::report::{Profile, dhat};

use crate::base::say::{Shown, say};
use crate::base::{glyphs, output};
use crate::dhat_file::{self, Document};
use crate::html;
use crate::recordings::DebugFiles;
use crate::report::{self, Suppressions, View};

use super::names::{Names, Of};
use super::numbered::before_extension;

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
    /// A file, or a folder for all reports of the run; `None`: a name made of the program's name and
    /// the process's id.
    pub(crate) path: Option<PathBuf>,
    /// The number that stands before the extension.
    pub(crate) number: Option<u32>,
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
        self.make_folder_of(target)?;
        output::to_path(target, &mut |out| match self.format {
            Format::Dhat => dhat::write(profile, out),
            _ => self.write_to(out, target, document),
        })
    }

    pub(super) fn write_document(&self, target: &Path, document: &Document) -> std::io::Result<()> {
        self.make_folder_of(target)?;
        output::to_path(target, &mut |out| self.write_to(out, target, document))
    }

    fn write_to(
        &self,
        out: &mut dyn Write,
        target: &Path,
        document: &Document,
    ) -> std::io::Result<()> {
        if self.format == Format::Dhat {
            return dhat_file::write(document, out);
        }
        // As `mod-alloc report` shows it.
        let document = &mut document.clone();
        let suppressed = Suppressions::default().apply(document);
        let view = View { suppressed: suppressed.as_ref(), ..View::default() };
        if self.format == Format::Json {
            return report::write(document, report::Format::Json, &view, out);
        }
        // Standard output takes colours out itself where they are not wanted.
        if target == Path::new("-") {
            return report::write(document, report::Format::Text, &view, out);
        }
        let text = report::text(document, &view);
        let text = anstream::adapter::strip_str(&text).to_string();
        out.write_all(glyphs::shown(&text).as_bytes())
    }

    pub(crate) fn is_to_stdout(&self) -> bool {
        self.path.as_deref() == Some(Path::new("-"))
    }

    /// The path that was asked for. One that names the page names the report beside it, too.
    fn report_path(&self) -> Option<PathBuf> {
        let path = self.path.clone()?;
        let is_page = self.html && path.extension().is_some_and(|extension| extension == "html");
        Some(if is_page { path.with_extension(self.extension()) } else { path })
    }

    /// Tries if the report and its page can be written, before there is anything to write. The error
    /// names the file. `of`: the processes of the run's first report; `spared`: files that no report
    /// may take the place of.
    pub(crate) fn try_targets(&self, of: Of, spared: &[&Path]) -> Result<(), String> {
        // The process's id is not known yet. Names differ in nothing else.
        let report = if of == Of::All { self.target_of_all() } else { self.target() };
        let page = self.html.then(|| self.page_of(&report, of));
        for target in [report].into_iter().chain(page) {
            let tried = output::spare(&target, spared);
            let tried = tried.and_then(|()| output::try_path(&self.in_present_folder(&target)));
            tried.map_err(|error| {
                let folder = target.parent().filter(|folder| *folder != Path::new(""));
                let place = match (&self.path, folder) {
                    // In a folder, the name is not yet known.
                    (Some(path), _) if output::is_folder(path) => path.as_path(),
                    (Some(_), _) => target.as_path(),
                    (None, folder) => folder.unwrap_or(Path::new(".")),
                };
                format!("the report cannot be written to {}: {error}", Shown(place))
            })?;
        }
        Ok(())
    }

    /// `target`, or, if its folder is yet to be made, the first folder on its way that is to be.
    fn in_present_folder(&self, target: &Path) -> PathBuf {
        let is_made = |folder: &Path| self.with_names(|names| names.makes_folder(folder));
        let mut place = target;
        while let Some(folder) = place.parent().filter(|folder| *folder != Path::new(""))
            && !folder.exists()
            && (is_made(folder) || place != target)
        {
            place = folder;
        }
        place.to_owned()
    }

    /// The page beside a report.
    fn page_of(&self, report: &Path, of: Of) -> PathBuf {
        let named = || self.with_names(|names| names.of_page(of, self.sum_alone));
        let report = if report == Path::new("-") { named() } else { report.to_owned() };
        report.with_extension("html")
    }

    /// Writes the page beside the report, if it is asked for.
    pub(super) fn write_page(
        &self,
        report: &Path,
        of: Of,
        document: &Document,
    ) -> std::io::Result<()> {
        if !self.html {
            return Ok(());
        }
        let page = self.page_of(report, of);
        self.make_folder_of(&page)?;
        output::to_path(&page, &mut |out| {
            html::write(html::Shown::One(document), html::Options::default(), out)
        })?;
        // Those of parts lie beside their reports.
        if of != Of::Part {
            say!("The page has been saved to {}, for any browser", page.display());
        }
        Ok(())
    }

    fn extension(&self) -> &'static str {
        if self.format == Format::Text { "txt" } else { "json" }
    }

    pub(super) fn target(&self) -> PathBuf {
        self.numbered(self.with_names(|names| names.of_one()))
    }

    fn numbered(&self, target: PathBuf) -> PathBuf {
        match self.number {
            Some(number) => before_extension(&target, number),
            None => target,
        }
    }

    /// For one of several processes.
    pub(super) fn target_of(&self, recording: &Recording, path: &Path) -> PathBuf {
        let pid = format!("{}{}", recording.pid, after_exec(path, recording.pid));
        self.with_names(|names| names.of_part(&program_of(recording), &pid))
    }

    /// The folder for the reports of several processes.
    pub(super) fn folder_of_parts(&self) -> PathBuf {
        self.with_names(|names| names.folder_of_parts())
    }

    pub(super) fn target_of_all(&self) -> PathBuf {
        self.numbered(self.with_names(|names| names.of_all(self.sum_alone)))
    }

    /// Makes the folder of `target` and those above it, unless the user has named the file.
    fn make_folder_of(&self, target: &Path) -> std::io::Result<()> {
        match target.parent() {
            Some(folder) if self.with_names(|names| names.makes_folder(folder)) => {
                output::make_folder(folder)
            }
            _ => Ok(()),
        }
    }

    fn with_names<T>(&self, choose: impl FnOnce(&Names<'_>) -> T) -> T {
        let (path, extension) = (self.report_path(), self.extension());
        let (program, pid) = (self.program.as_os_str(), self.pid);
        choose(&Names { path: path.as_deref(), extension, program, pid })
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::LazyLock;

    use mod_alloc::recording::model::Module;

    fn output(path: Option<&Path>, format: Format) -> Output<'_> {
        static HERE: LazyLock<DebugFiles> = LazyLock::new(DebugFiles::default);
        let (html, sum_alone, program) = (false, false, "ls".into());
        let path = path.map(Path::to_owned);
        Output { path, number: None, format, sum_alone, html, debug_files: &HERE, program, pid: 12 }
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
        let part = |path| by_name.target_of(&recording(), path);
        assert_eq!(part(path), Path::new("mod-alloc.ls.12/mod-alloc.cat.34.json"));
        let second = Path::new("/recordings/recording.34.2");
        assert_eq!(part(second), Path::new("mod-alloc.ls.12/mod-alloc.cat.34.2.json"));
        assert_eq!(output(None, Format::Text).target(), Path::new("mod-alloc.ls.12.txt"));
    }

    #[test]
    fn only_a_number_after_the_process_is_its_program_s() {
        assert_eq!(after_exec(Path::new("/x/recording.7.3"), 7), ".3");
        assert_eq!(after_exec(Path::new("/x/recording.7"), 7), "");
        assert_eq!(after_exec(Path::new("/x/recording.7.bak"), 7), "");
        assert_eq!(after_exec(Path::new("/x/any"), 7), "");
    }
}
