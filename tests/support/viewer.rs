//! Valgrind's viewer in a browser nobody sees, driven by `tests/viewer/view.mjs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::commands::succeed;

/// The page's view of a report.
#[derive(Debug)]
pub(crate) struct Page(Value);

/// A number of bytes and of blocks as the page shows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Bytes.
    pub(crate) bytes: u64,
    /// Blocks.
    pub(crate) blocks: u64,
}

/// Opens `report`, sorts it by each of `metrics` in turn, and looks for each of `texts` in the
/// tree; a picture of the last view goes to `screenshot`.
///
/// # Panics
/// If the page cannot be opened at all.
pub(crate) fn view(report: &Path, metrics: &[&str], texts: &[&str], screenshot: &Path) -> Page {
    let mut command = Command::new("node");
    command.arg(driver()).arg("--viewer").arg(viewer_page()).arg("--json").arg(report);
    command.arg("--screenshot").arg(screenshot);
    for metric in metrics {
        command.args(["--metric", metric]);
    }
    for text in texts {
        command.args(["--find", text]);
    }
    let output = succeed(&mut command);
    Page(serde_json::from_slice(&output.stdout).expect("the driver prints one JSON object"))
}

/// The tests of `tools/cli` use it too.
fn driver() -> PathBuf {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let driver = folders.map(|folder| folder.join("tests/viewer/view.mjs")).find(|it| it.exists());
    driver.expect("it is in the workspace's folder")
}

/// `dh_view.html` of the Debian package.
fn viewer_page() -> &'static Path {
    static PAGE: OnceLock<PathBuf> = OnceLock::new();
    PAGE.get_or_init(|| {
        let output = succeed(Command::new("dpkg").args(["-L", "valgrind"]));
        let files = String::from_utf8(output.stdout).expect("Debian's file names are UTF-8");
        let page = files.lines().find(|file| file.ends_with("/dh_view.html"));
        page.expect("the package valgrind has the viewer").into()
    })
}

impl Page {
    /// The viewer's complaint about the file.
    pub(crate) fn error(&self) -> Option<&str> {
        self.0["error"].as_str()
    }

    /// The root's `total`, `peak` or `end` line.
    ///
    /// # Panics
    /// If the page does not show it.
    pub(crate) fn total(&self, name: &str) -> Shown {
        let line = self.0["totals"][name].as_str();
        let line = line.unwrap_or_else(|| panic!("the page shows no {name}: {self:?}"));
        let number = |unit: &str| {
            let (before, _) = line.split_once(unit)?;
            let digits = before.rsplit(' ').next()?.replace(',', "");
            digits.parse().ok()
        };
        let numbers = number(" bytes").zip(number(" blocks"));
        let (bytes, blocks) = numbers.unwrap_or_else(|| panic!("no numbers in {line:?}"));
        Shown { bytes, blocks }
    }

    /// True if the sort menu has that metric, and not greyed out.
    pub(crate) fn is_enabled(&self, metric: &str) -> bool {
        let metrics = self.0["metrics"].as_array().into_iter().flatten();
        metrics.into_iter().any(|known| known["label"] == metric && known["enabled"] == true)
    }

    /// The least a stack must have to be shown when sorted by that metric, as the page puts
    /// it. `None`: the page was never sorted by it.
    pub(crate) fn threshold(&self, metric: &str) -> Option<&str> {
        self.by(metric)?["threshold"].as_str()
    }

    /// The first line of the tree that contains `text`, which must have been looked for.
    pub(crate) fn found(&self, metric: &str, text: &str) -> Option<&str> {
        self.by(metric)?["found"][text].as_str()
    }

    /// Addresses outside this machine that the page asked for.
    pub(crate) fn requests(&self) -> &[Value] {
        self.0["requests"].as_array().map_or(&[], Vec::as_slice)
    }

    fn by(&self, metric: &str) -> Option<&Value> {
        self.0["views"].as_array()?.iter().find(|view| view["metric"] == metric)
    }
}
