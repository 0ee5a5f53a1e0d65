//! The options for pushes, of `serve` and of `run`.

use std::path::PathBuf;
use std::time::Duration;

use crate::units::duration;

/// Options for pushes.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Pushing {
    /// Send profiles to a collector: Pyroscope's /ingest, or OTLP's /v1development/profiles
    #[arg(long = "push", value_name = "URL")]
    pub(super) url: Option<String>,
    /// The form of pushes, if URL's path does not tell
    #[arg(long = "push-as", value_enum, value_name = "FORM", requires = "url")]
    pub(super) form: Option<Form>,
    /// Time between two pushes: 100ms to 1h
    #[arg(long = "push-every", value_name = "TIME", requires = "url", default_value = "15s")]
    #[arg(value_parser = period)]
    pub(super) period: Option<Duration>,
    /// The name that the collector sorts the program by [default: the program's]
    #[arg(long = "push-name", value_name = "NAME", requires = "url")]
    pub(super) name: Option<String>,
    /// A label of all pushed profiles; may be given several times
    #[arg(long = "push-label", value_name = "KEY=VALUE", requires = "url", value_parser = label)]
    pub(super) labels: Vec<(String, String)>,
    /// Send `Authorization: ` with the content of FILE: `Bearer TOKEN`, `Basic …`, or a token alone
    #[arg(long = "push-auth-file", value_name = "FILE", requires = "url")]
    pub(super) auth_file: Option<PathBuf>,
}

/// `--push-as`
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Form {
    /// pprof to Pyroscope's /ingest
    Pyroscope,
    /// OpenTelemetry's profiles by HTTP
    Otlp,
}

fn period(text: &str) -> Result<Duration, String> {
    const RANGE: std::ops::RangeInclusive<Duration> =
        Duration::from_millis(100)..=Duration::from_secs(3600);
    let period = duration(text)?;
    if RANGE.contains(&period) { Ok(period) } else { Err("100ms to 1h is possible".into()) }
}

/// `KEY=VALUE`, as Pyroscope's names of applications take them.
fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE is needed")?;
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_key = key.starts_with(is_letter)
        && key.chars().all(|c| is_letter(c) || c.is_ascii_digit() || c == '.');
    if !is_key {
        return Err("KEY is a letter or `_`, then letters, digits, `_` and `.`".into());
    }
    if value.is_empty() || value.contains(|c: char| c.is_control() || "{},=".contains(c)) {
        return Err("VALUE is some text without `{`, `}`, `,` and `=`".into());
    }
    Ok((key.into(), value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_have_a_key_and_a_value_that_collectors_take() {
        let of = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(label("zone=eu-1"), of("zone", "eu-1"));
        assert_eq!(label("_a.b9=x y"), of("_a.b9", "x y"));
        for text in ["", "a", "=b", "1a=b", "a b=c", "a=", "a=b=c", "a={b}", "a=b,c=d", "a=\n"] {
            assert!(label(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn periods_have_bounds() {
        assert_eq!(period("100ms"), Ok(Duration::from_millis(100)));
        for text in ["99ms", "2h", "15", "0s"] {
            assert!(period(text).is_err(), "{text}");
        }
    }
}
