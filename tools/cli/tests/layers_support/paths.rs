//! The paths in the tokens of a file: `a::b`, and each that a group `a::{b, c::d}` stands for.

use super::tokens::Token;

/// The words of a path.
pub(crate) type Words = Vec<String>;

/// All paths, those of one word too.
pub(crate) fn of(tokens: &[Token]) -> Vec<Words> {
    let mut found = Vec::new();
    let mut rest = tokens;
    while !rest.is_empty() {
        rest = match tree(rest, &[], &mut found) {
            Some(behind) => behind,
            None => &rest[1..],
        };
    }
    found
}

/// Adds the paths that begin at the first of `tokens`; gives what is behind them.
fn tree<'t>(tokens: &'t [Token], before: &[String], found: &mut Vec<Words>) -> Option<&'t [Token]> {
    let first = tokens.first().filter(|token| is_word(token))?;
    let mut path = [before, std::slice::from_ref(first)].concat();
    let mut rest = &tokens[1..];
    loop {
        match rest {
            [colons, word, behind @ ..] if colons == "::" && (is_word(word) || word == "*") => {
                path.push(word.clone());
                rest = behind;
            }
            [colons, brace, behind @ ..] if colons == "::" && brace == "{" => {
                return Some(group(behind, &path, found));
            }
            _ => {
                found.push(path);
                return Some(rest);
            }
        }
    }
}

fn group<'t>(tokens: &'t [Token], before: &[String], found: &mut Vec<Words>) -> &'t [Token] {
    let mut rest = tokens;
    while let Some(token) = rest.first().filter(|token| *token != "}") {
        // `{a as b}`: the new name is no path.
        rest = match tree(rest, before, found).filter(|_| token != "as") {
            Some(behind) => behind,
            None => &rest[if token == "as" { 2 } else { 1 }.min(rest.len())..],
        };
    }
    rest.get(1..).unwrap_or_default()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
