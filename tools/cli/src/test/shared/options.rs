//! Options among words.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// The values of the option `name` (`--target`) among `words`, up to a `--`.
pub(crate) fn values_of<'w>(words: &'w [OsString], name: &str) -> Vec<&'w OsStr> {
    let mut values = Vec::new();
    let mut words = words.iter().take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        if word == name {
            values.extend(words.next().map(OsString::as_os_str));
        } else if let Some(rest) = word.as_bytes().strip_prefix(name.as_bytes())
            && let Some(value) = rest.strip_prefix(b"=")
        {
            values.push(OsStr::from_bytes(value));
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_in_both_spellings_and_not_behind_the_dashes() {
        let words: Vec<_> =
            "--target a --target=b --targets c -- --target d".split(' ').map(Into::into).collect();
        assert_eq!(values_of(&words, "--target"), ["a", "b"]);
    }
}
