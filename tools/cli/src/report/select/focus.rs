//! `--focus`: a function's stacks, from it on.

use crate::dhat_file::{Document, Frame};

/// Names that are offered where none is called so.
const OFFERED: usize = 5;

/// Keeps the stacks through `function`, without the frames outside of its outermost call. Some may
/// be equal then.
pub(super) fn focus(document: &mut Document, function: &str) -> Result<(), String> {
    let is_called =
        |text: &String| Frame::parse(text).function.is_some_and(|name| is_called(name, function));
    let hits: Vec<bool> = document.frames.iter().map(is_called).collect();
    let mut sites = std::mem::take(&mut document.sites);
    sites.retain_mut(|site| {
        let outermost = site.stack.iter().rposition(|&frame| hits[frame as usize]);
        site.stack.truncate(outermost.map_or(0, |at| at + 1));
        outermost.is_some()
    });
    if sites.is_empty() {
        return Err(nobody(document, function));
    }
    document.sites = sites;
    Ok(())
}

/// `name` is `function`, or its path ends in it. Parameters and generics need not be written:
/// `void a::f<T>(int) const` is `f`, too.
pub(super) fn is_called(name: &str, function: &str) -> bool {
    let ends_so = |name: &str| {
        let before = name.strip_suffix(function);
        before.is_some_and(|before| {
            before.is_empty() || before.ends_with("::") || before.ends_with(' ')
        })
    };
    let mut rest = Some(name.strip_suffix(" const").unwrap_or(name));
    let mut shorter = std::iter::from_fn(|| {
        let next = rest?;
        rest = without_last_brackets(next);
        Some(next)
    });
    ends_so(name) || shorter.any(ends_so)
}

/// The text before the brackets that it ends with; `None` if it ends with none.
fn without_last_brackets(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate().rev() {
        match byte {
            b')' | b'>' => depth += 1,
            b'(' | b'<' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return (at > 0 && at + 1 < text.len()).then(|| text[..at].trim_end_matches("::"));
        }
    }
    None
}

fn nobody(document: &Document, function: &str) -> String {
    let text = function.to_lowercase();
    let names = document.frames.iter().filter_map(|text| Frame::parse(text).function);
    let mut similar: Vec<_> =
        names.filter(|name| name.to_lowercase().contains(&text)).map(String::from).collect();
    similar.sort();
    similar.dedup();
    let way_out = match similar.len() {
        0 => "--filter TEXT looks for a part of a name".into(),
        all => {
            let more = if all > OFFERED { ", …" } else { "" };
            similar.truncate(OFFERED);
            format!("there are {}{more}", similar.join(", "))
        }
    };
    format!("no stack goes through a function called {function:?}; {way_out}")
}
