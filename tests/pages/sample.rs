//! Samples of output, compared with output.
//!
//! Both are read word by word, because the width of a number moves line breaks. Words have to be equal, but for
//! their numbers:
//!
//! ```text
//!  times, percentages, process ids, lines of the standard library    any number
//!  all others, sizes in bytes whatever their unit                    within the sample's tolerance
//! ```
//!
//! A word `…` in a sample stands for any words.

/// How far a number may be off: its share of the other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numbers {
    /// All numbers are equal.
    Exact,
    /// Off by that share at most.
    Within(f64),
    /// Any number will do.
    Any,
}

/// Asserts that a page's sample is what was printed.
#[track_caller]
pub(crate) fn assert_is(sample: &str, printed: &str, numbers: Numbers) {
    let difference = difference(sample, printed, numbers);
    let difference = difference.map(|(shown, is)| format!("`{shown}` is `{is}` now"));
    assert!(difference.is_none(), "a stale sample: {difference:?}; printed is:\n{printed}");
}

/// The words that a sample leaves out.
const LEFT_OUT: &str = "…";

/// The first words that differ.
fn difference<'t>(
    sample: &'t str,
    printed: &'t str,
    numbers: Numbers,
) -> Option<(&'t str, &'t str)> {
    if matches!(numbers, Numbers::Exact) {
        return (sample != printed).then_some((sample, printed));
    }
    let [shown, is] = [sample, printed].map(|text| text.split_whitespace().collect::<Vec<_>>());
    let Some(at) = shown.iter().position(|word| *word == LEFT_OUT) else {
        return first_difference(&shown, &is, numbers);
    };
    let (head, tail) = (&shown[..at], &shown[at + 1..]);
    let left_out = is.len().saturating_sub(tail.len()).max(at);
    let ends = is.split_at_checked(left_out).unwrap_or((&is, &[]));
    first_difference(head, &is[..at.min(is.len())], numbers)
        .or_else(|| first_difference(tail, ends.1, numbers))
}

fn first_difference<'t>(
    shown: &[&'t str],
    is: &[&'t str],
    numbers: Numbers,
) -> Option<(&'t str, &'t str)> {
    let differs = |at: &usize| !are_alike(shown, is, *at, numbers);
    let at = (0..shown.len().max(is.len())).find(differs)?;
    let word = |words: &[&'t str]| words.get(at).copied().unwrap_or("(nothing)");
    Some((word(shown), word(is)))
}

/// True if the two texts are alike at a word.
fn are_alike(shown: &[&str], is: &[&str], at: usize, numbers: Numbers) -> bool {
    let (Some(left), Some(right)) = (shown.get(at), is.get(at)) else { return false };
    let unit = |words: &[&str]| scale(words.get(at + 1).unwrap_or(&""));
    if scale(left).is_some() && scale(right).is_some() {
        return at > 0;
    }
    if left == right && unit(shown) == unit(is) {
        return true;
    }
    let (left, right) = (Word::of(left), Word::of(right));
    let is_process = at > 0 && shown[at - 1].ends_with("process");
    let is_free = is_process || left.is_of_library() || matches!(numbers, Numbers::Any);
    let tolerance = match numbers {
        Numbers::Within(share) if !is_free => share,
        _ => f64::INFINITY,
    };
    let near = |left: f64, right: f64| (left - right).abs() <= tolerance * left.max(right);
    let (here, there) = (unit(shown).unwrap_or(1.0), unit(is).unwrap_or(1.0));
    let mut pairs = left.numbers.iter().zip(&right.numbers);
    left.text == right.text
        && pairs.all(|(left, right)| here.is_nan() || near(left * here, right * there))
}

/// A unit's bytes, if it is one; no number for times and percentages, which are free.
fn scale(word: &str) -> Option<f64> {
    let word = word.trim_matches(|c| "(),;:.".contains(c));
    match word {
        "B" | "bytes" => Some(1.0),
        "KiB" => Some(1024.0),
        "MiB" => Some(f64::from(1 << 20)),
        "GiB" => Some(f64::from(1 << 30)),
        "s" | "ms" | "µs" | "ns" | "min" | "%" => Some(f64::NAN),
        _ => None,
    }
}

/// A word's text, with `#` for each number, and its numbers.
#[derive(Debug, PartialEq)]
struct Word {
    text: String,
    numbers: Vec<f64>,
}

impl Word {
    fn of(word: &str) -> Self {
        let (mut text, mut numbers, mut rest) = (String::new(), Vec::new(), word);
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, number) = rest.split_at(at);
            let end = number.find(|c: char| !c.is_ascii_digit() && c != ',' && c != '.');
            let (number, after) = number.split_at(end.unwrap_or(number.len()));
            let trimmed = number.trim_end_matches([',', '.']);
            text = text + before + "#" + &number[trimmed.len()..];
            numbers.push(trimmed.replace(',', "").parse().unwrap_or(f64::NAN));
            rest = after;
        }
        Self { text: text + rest, numbers }
    }

    /// A place in the standard library, which another compiler has elsewhere.
    fn is_of_library(&self) -> bool {
        self.text.starts_with("library/") || self.text.starts_with('…')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str =
        "total 7.0 MiB 200,021 blocks\n at src/main.rs:13, after 117 ms (process 15)";

    fn differs(printed: &str) -> bool {
        difference(SAMPLE, printed, Numbers::Within(0.02)).is_some()
    }

    #[test]
    fn numbers_may_differ_as_far_as_they_vary() {
        assert!(!differs(SAMPLE));
        assert!(!differs(&SAMPLE.replace("7.0 MiB", "7,170 KiB").replace(" at", "at")));
        assert!(!differs(&SAMPLE.replace("200,021", "200,100").replace("117 ms", "3.1 s")));
    }

    #[test]
    fn an_edit_is_seen() {
        for (old, new) in [
            ("total", "in all"),
            ("7.0", "8.0"),
            ("MiB", "KiB"),
            ("MiB", "bytes"),
            ("200,021", "210,021"),
            ("blocks", "block"),
            ("main.rs", "lib.rs"),
            (":13", ":14"),
            ("(process 15)", ""),
            ("15)", "15) more"),
        ] {
            assert!(differs(&SAMPLE.replace(old, new)), "{old} -> {new}");
        }
        assert!(difference("a 1", "a 2", Numbers::Any).is_none());
        assert!(difference("a 1", "b 1", Numbers::Any).is_some());
        assert!(difference("a 1", "a 2", Numbers::Exact).is_some());
    }

    #[test]
    fn what_is_left_out_may_be_anything_but_its_ends() {
        let differs = |printed| difference("a … b c", printed, Numbers::Any).is_some();
        assert!(!differs("a b c") && !differs("a x y b c"));
        assert!(differs("x b c") && differs("a x c") && differs("a b") && differs("a b c d"));
        assert!(differs("") && differs("a"));
    }
}
