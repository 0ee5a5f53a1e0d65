//! Asks cargo: which host, which configuration, which packages. Never builds.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::test::shared::options::values_of;

/// The cargo that called mod-alloc, else the one in `PATH`.
pub(crate) fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// cargo, with those of the user's words that change its answers.
#[derive(Debug)]
pub(crate) struct Cargo {
    /// rustup has taken a `+toolchain` already.
    program: OsString,
    config: Vec<OsString>,
    manifest: Vec<OsString>,
}

impl Cargo {
    pub(crate) fn new(words: &[OsString]) -> Self {
        let with = |name: &str| {
            let values = values_of(words, name).into_iter().map(OsStr::to_owned);
            values.flat_map(|value| [OsString::from(name), value]).collect::<Vec<_>>()
        };
        let is_flag =
            |word: &&OsString| ["--offline", "--locked", "--frozen"].iter().any(|f| *word == f);
        let flags = words.iter().take_while(|word| *word != "--").filter(is_flag).cloned();
        Self {
            program: program(),
            config: with("--config"),
            manifest: with("--manifest-path").into_iter().chain(flags).collect(),
        }
    }

    /// The user's values of `--config`.
    pub(crate) fn config_words(&self) -> impl Iterator<Item = &OsString> {
        self.config.iter().skip(1).step_by(2)
    }

    fn ask(&self, command: &mut Command) -> Result<Vec<u8>, String> {
        let output = command.stdin(Stdio::null()).output();
        let output = output.map_err(|error| {
            format!("{} cannot be started: {error}", PathBuf::from(&self.program).display())
        })?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// The target that programs are built for if nothing is said.
    pub(crate) fn host(&self) -> Result<String, String> {
        let text = self.ask(Command::new(&self.program).arg("-vV"))?;
        let text = String::from_utf8_lossy(&text);
        let host = text.lines().find_map(|line| line.strip_prefix("host: "));
        host.map(str::to_owned).ok_or_else(|| "cargo -vV names no host".to_owned())
    }

    /// `cargo metadata` without dependencies, which needs no network and writes nothing.
    pub(crate) fn metadata(&self) -> Result<Value, String> {
        let mut command = Command::new(&self.program);
        command.args(&self.config).args(["metadata", "--no-deps", "--format-version=1"]);
        let text = self.ask(command.args(&self.manifest))?;
        serde_json::from_slice(&text).map_err(|error| format!("cargo metadata: {error}"))
    }

    /// The configuration's table `key`, as cargo merges it; `None` if it is not set. The command is
    /// there in every cargo, behind a switch that is asked for in this one question.
    pub(crate) fn configured(&self, key: &str) -> Result<Option<Value>, String> {
        match self.ask(self.config_get(key).args(["--format", "json-value"])) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| error.to_string()),
            Err(text) if text.contains("is not set") => Ok(None),
            Err(text) => Err(text),
        }
    }

    /// The file that sets `key`.
    pub(crate) fn origin(&self, key: &str) -> Option<PathBuf> {
        let text = self.ask(self.config_get(key).arg("--show-origin")).ok()?;
        let text = String::from_utf8(text).ok()?;
        text.lines().filter_map(|line| line.rsplit_once(" # ")).map(|(_, path)| path.into()).next()
    }

    fn config_get(&self, key: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.env("RUSTC_BOOTSTRAP", "1").args(["-Zunstable-options"]).args(&self.config);
        command.args(["config", "get", key]);
        command
    }

    /// The facts of a target, as `rustc` prints them: `unix`, `target_os="linux"`, …
    pub(crate) fn cfg(&self, target: &str) -> Result<String, String> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let text = self.ask(Command::new(rustc).args(["--print", "cfg", "--target", target]))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
