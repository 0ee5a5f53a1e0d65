//! The runner that tests have without mod-alloc.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use serde_json::Value;

use super::ask::Cargo;
use super::cfg_expression::is_true;
use crate::test::shared::options::values_of;
use crate::test::shared::refused::Refused;

/// The targets that programs may be built for.
pub(crate) fn targets(cargo: &Cargo, words: &[OsString]) -> Result<Vec<String>, Refused> {
    let mut targets = vec![cargo.host()?];
    let asked = values_of(words, "--target");
    targets.extend(asked.into_iter().filter_map(OsStr::to_str).map(str::to_owned));
    targets.extend(std::env::var("CARGO_BUILD_TARGET"));
    match cargo.configured("build.target") {
        Ok(Some(Value::String(target))) => targets.push(target),
        Ok(Some(Value::Array(several))) => {
            targets.extend(several.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        _ => {}
    }
    // A description of a target is called as its file.
    let name = |target: &String| match target.strip_suffix(".json") {
        Some(path) => path.rsplit('/').next().unwrap_or(path).to_owned(),
        None => target.clone(),
    };
    let mut targets: Vec<_> = targets.iter().map(name).collect();
    targets.sort();
    targets.dedup();
    Ok(targets)
}

/// Target and profile of the programs that cargo builds for `words`, as a part of a file's name.
pub(crate) fn build(
    cargo: &Cargo,
    words: &[OsString],
    is_nextest: bool,
) -> Result<String, Refused> {
    let asked = words_of(words, "--target");
    let configured = || match cargo.configured("build.target") {
        Ok(Some(Value::String(target))) => vec![target],
        _ => Vec::new(),
    };
    let mut targets = asked;
    if targets.is_empty() {
        targets.extend(std::env::var("CARGO_BUILD_TARGET"));
    }
    if targets.is_empty() {
        targets = configured();
    }
    if targets.is_empty() {
        targets.push(cargo.host()?);
    }
    Ok(format!("{}.{}", targets.join("+"), profile(words, is_nextest)).replace('/', "-"))
}

/// The profile: of cargo's options, or of nextest's, which has a profile of its own.
fn profile(words: &[OsString], is_nextest: bool) -> String {
    let mut options = words.iter().take_while(|word| *word != "--");
    let option = if is_nextest { "--cargo-profile" } else { "--profile" };
    if let Some(profile) = words_of(words, option).pop() {
        return profile;
    }
    let is_release = options.any(|word| word == "--release" || word == "-r");
    if is_release { "release" } else { "dev" }.to_owned()
}

fn words_of(words: &[OsString], option: &str) -> Vec<String> {
    values_of(words, option).into_iter().filter_map(OsStr::to_str).map(str::to_owned).collect()
}

/// The variable that sets the runner of `target`.
pub(crate) fn variable(target: &str) -> String {
    format!("CARGO_TARGET_{}_RUNNER", target.to_uppercase().replace(['-', '.'], "_"))
}

/// The runner of `target`, in words; empty if there is none.
pub(crate) fn runner(cargo: &Cargo, target: &str) -> Result<Vec<OsString>, Refused> {
    if let Some(value) = cargo.config_words().find(|word| is_runner(word)) {
        return Err(Refused::from(format!(
            "a runner given by --config cannot be chained: {}; set {}, or set the runner in .cargo/config.toml",
            value.display(),
            variable(target)
        )));
    }
    if let Ok(words) = std::env::var(variable(target)) {
        return Ok(words.split_whitespace().map(OsString::from).collect());
    }
    let all = cargo.configured("target").map_err(|error| {
        Refused::from(format!(
            "cargo's configuration cannot be read, and a runner in it would be lost; mend it:\n{error}"
        ))
    })?;
    let Some(Value::Object(all)) = all else { return Ok(Vec::new()) };
    let Some(key) = key_for(cargo, target, &all)? else { return Ok(Vec::new()) };
    let words = words(all.get(&key).and_then(|table| table.get("runner")));
    Ok(in_its_folder(cargo, &key, words))
}

fn is_runner(word: &OsStr) -> bool {
    word.to_string_lossy().contains("runner")
}

/// The table whose runner counts: that of the target itself before those with a `cfg`.
fn key_for(
    cargo: &Cargo,
    target: &str,
    all: &serde_json::Map<String, Value>,
) -> Result<Option<String>, Refused> {
    let has_runner = |table: &Value| table.get("runner").is_some();
    if all.get(target).is_some_and(has_runner) {
        return Ok(Some(target.to_owned()));
    }
    let mut conditions = all.iter().filter(|(_, table)| has_runner(table));
    let Some(first) = conditions.next() else { return Ok(None) };
    let facts = cargo.cfg(target)?;
    // cargo itself refuses several that are true.
    let found = std::iter::once(first).chain(conditions);
    let found = found.into_iter().find(|(key, _)| is_true(key, &facts) == Some(true));
    Ok(found.map(|(key, _)| key.clone()))
}

/// A text is split at blanks, a list is not.
fn words(runner: Option<&Value>) -> Vec<OsString> {
    match runner {
        Some(Value::String(text)) => text.split_whitespace().map(OsString::from).collect(),
        Some(Value::Array(words)) => {
            words.iter().filter_map(Value::as_str).map(OsString::from).collect()
        }
        _ => Vec::new(),
    }
}

/// A relative path is meant from the folder that has the `.cargo` with the file; a bare name is
/// looked for in `PATH`.
fn in_its_folder(cargo: &Cargo, key: &str, mut words: Vec<OsString>) -> Vec<OsString> {
    let Some(first) = words.first_mut() else { return words };
    let path = Path::new(&*first);
    if path.is_relative() && path.components().count() > 1 {
        let quoted = if key.starts_with("cfg") { format!("'{key}'") } else { key.to_owned() };
        let origin = cargo.origin(&format!("target.{quoted}.runner"));
        if let Some(folder) = origin.as_deref().and_then(Path::parent).and_then(Path::parent) {
            *first = folder.join(path).into_os_string();
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_as_cargo_spells_it() {
        let name = variable("thumbv8m.main-none-eabi");
        assert_eq!(name, "CARGO_TARGET_THUMBV8M_MAIN_NONE_EABI_RUNNER");
    }

    #[test]
    fn a_text_is_split_and_a_list_is_not() {
        assert_eq!(words(Some(&serde_json::json!("a  b c"))), ["a", "b", "c"]);
        assert_eq!(words(Some(&serde_json::json!(["a b", "c"]))), ["a b", "c"]);
        assert!(words(None).is_empty());
    }

    #[test]
    fn the_profile_is_cargos_and_not_nextests() {
        let of = |line: &str, is_nextest| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            profile(&words, is_nextest)
        };
        assert_eq!([of("--lib", false), of("-r", false)], ["dev", "release"]);
        assert_eq!(of("--profile=bench -- --release", false), "bench");
        assert_eq!(of("run --profile ci", true), "dev");
        assert_eq!(of("run --profile ci --cargo-profile fast", true), "fast");
    }

    #[test]
    fn the_target_s_own_runner_comes_before_conditions() {
        let cargo = Cargo::new(&[]);
        let host = cargo.host().unwrap();
        let table =
            |text: &str| -> serde_json::Map<String, Value> { serde_json::from_str(text).unwrap() };
        let all =
            table(&format!(r#"{{"cfg(unix)": {{"runner": "a"}}, "{host}": {{"runner": "b"}}}}"#));
        assert_eq!(key_for(&cargo, &host, &all).unwrap(), Some(host.clone()));
        let all = table(r#"{"cfg(windows)": {"runner": "a"}, "cfg(unix)": {"runner": "b"}}"#);
        assert_eq!(key_for(&cargo, &host, &all).unwrap().as_deref(), Some("cfg(unix)"));
        let all = table(&format!(
            r#"{{"cfg(windows)": {{"runner": "a"}}, "{host}": {{"linker": "b"}}}}"#
        ));
        assert_eq!(key_for(&cargo, &host, &all).unwrap(), None);
    }
}
