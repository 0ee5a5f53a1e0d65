//! The words of mod-alloc among cargo's.
//!
//! clap cannot tell them apart: to it, everything from the first word on that it does not know is
//! cargo's, and the first `--` is gone.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use clap::{Args, Parser};

use super::arguments::Own;
use crate::base::style::Color;
use crate::test::shared::refused::Refused;

/// The words after the command's name.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) own: Own,
    /// For cargo, with the first `--` and what follows.
    pub(crate) cargo: Vec<OsString>,
}

#[derive(Debug, Parser)]
#[command(name = "mod-alloc test", no_binary_name = true, disable_help_flag = true)]
struct Alone {
    #[command(flatten)]
    own: Own,
    #[arg(long, value_enum)]
    color: Option<Color>,
}

/// The words of this process, behind the word `command`.
pub(crate) fn of_process(command: &str) -> Result<Words, Refused> {
    let words = std::env::args_os().skip(1);
    split(words.skip_while(|word| word != command).skip(1))
}

fn split(words: impl Iterator<Item = OsString>) -> Result<Words, Refused> {
    let (ours, cargo) = sort_out(&Own::augment_args(clap::Command::new("")), words);
    let alone =
        Alone::try_parse_from(ours).map_err(|error| Refused::usage(error.render().to_string()))?;
    alone.color.inspect(|color| color.apply());
    Ok(Words { own: alone.own, cargo })
}

/// The words of mod-alloc, whose options `own` has, and those of cargo.
pub(super) fn sort_out(
    own: &clap::Command,
    mut words: impl Iterator<Item = OsString>,
) -> (Vec<OsString>, Vec<OsString>) {
    let (mut ours, mut cargo) = (Vec::new(), Vec::new());
    while let Some(word) = words.next() {
        if word == "--" {
            cargo.push(word);
            cargo.extend(words);
            break;
        }
        // Both mod-alloc and cargo want to know about colours.
        if word == "--color" || word.as_bytes().starts_with(b"--color=") {
            let value = if word == "--color" { words.next() } else { None };
            for list in [&mut ours, &mut cargo] {
                list.push(word.clone());
                list.extend(value.clone());
            }
        } else if let Some(takes_value) = takes_value(own, &word) {
            // cargo has a --quiet of its own.
            cargo.extend((word == "--quiet").then(|| word.clone()));
            ours.push(word);
            ours.extend(if takes_value { words.next() } else { None });
        } else {
            cargo.push(word);
        }
    }
    (ours, cargo)
}

/// `true` if the next word belongs to `word`; `None` if `word` is no option of mod-alloc.
fn takes_value(own: &clap::Command, word: &OsStr) -> Option<bool> {
    let text = word.to_str()?;
    let Some(word) = text.strip_prefix("--") else { return takes_value_by_letter(own, text) };
    let (name, has_value) = word.split_once('=').map_or((word, false), |(name, _)| (name, true));
    let found = own.get_arguments().find(|argument| argument.get_long() == Some(name))?;
    Some(found.get_action().takes_values() && !has_value)
}

/// Of `-o` and `-oFILE`. Letters for several switches at once are cargo's: mod-alloc has none.
fn takes_value_by_letter(own: &clap::Command, word: &str) -> Option<bool> {
    let mut letters = word.strip_prefix('-')?.chars();
    let letter = letters.next()?;
    let found = own.get_arguments().find(|argument| argument.get_short() == Some(letter))?;
    Some(found.get_action().takes_values() && letters.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::cargo::arguments::Format;
    use crate::test::measured::rows::Sort;

    fn of(text: &str) -> Result<Words, Refused> {
        split(text.split_whitespace().map(OsString::from))
    }

    fn cargo(text: &str) -> String {
        of(text).unwrap().cargo.join(OsStr::new(" ")).into_string().unwrap()
    }

    #[test]
    fn quiet_is_for_both() {
        let words = of("--quiet --top 3 -q -- --quiet").unwrap();
        assert_eq!((words.own.quiet, words.own.top), (true, Some(3)));
        assert_eq!(cargo("--quiet --top 3 -q -- --quiet"), "--quiet -q -- --quiet");
    }

    #[test]
    fn ours_may_stand_anywhere_before_the_dashes() {
        let words = of("-p x --sort peak --release --format=json name -- --sort name").unwrap();
        assert_eq!((words.own.sort, words.own.format), (Sort::Peak, Format::Json));
        assert_eq!(words.cargo.join(OsStr::new(" ")), "-p x --release name -- --sort name");
    }

    #[test]
    fn cargo_s_stay_as_they_are() {
        assert_eq!(cargo("-- --nocapture"), "-- --nocapture");
        assert_eq!(cargo("--test it -- --exact -- a"), "--test it -- --exact -- a");
        assert_eq!(cargo("--outputs --sorted x"), "--outputs --sorted x");
        assert_eq!(cargo("--color never --nextest"), "--color never");
        assert_eq!(cargo("--color=never"), "--color=never");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in
            ["--sort size", "--sort", "--fail-above 5%", "--baseline a --fail-above x", "--format"]
        {
            assert_eq!(of(text).unwrap_err().status, 2, "{text}");
        }
        assert!(of("--baseline a --save-baseline b").is_err());
        assert!(of("--baseline a --fail-above 5%").is_ok());
    }
}
