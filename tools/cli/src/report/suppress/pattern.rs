//! Patterns with wildcards.

/// A text with wildcards: `*` is any text, `?` (where it is one) any character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Text,
    One,
    Character(char),
}

impl Pattern {
    /// A pattern of LeakSanitizer: found anywhere in a text, unless `^` or `$` hold it to an end.
    pub(super) fn anywhere(pattern: &str) -> Self {
        let (begins, pattern) = match pattern.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let (ends, pattern) = match pattern.strip_suffix('$') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let any = |is_held: bool| (!is_held).then_some(Part::Text);
        let part = |next| if next == '*' { Part::Text } else { Part::Character(next) };
        let parts = any(begins).into_iter().chain(pattern.chars().map(part)).chain(any(ends));
        Self { parts: parts.collect() }
    }

    /// A pattern of Valgrind: the whole text.
    pub(super) fn whole(pattern: &str) -> Self {
        let part = |next| match next {
            '*' => Part::Text,
            '?' => Part::One,
            other => Part::Character(other),
        };
        Self { parts: pattern.chars().map(part).collect() }
    }

    /// `text` is as the pattern says. Takes no longer than the product of both lengths.
    pub(super) fn fits(&self, text: &str) -> bool {
        let (mut part, mut rest) = (0, text.chars());
        // The part behind the last `*`, and the text that it was tried on.
        let mut again: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let before = rest.clone();
            match (self.parts.get(part), rest.next()) {
                (Some(Part::Text), _) => {
                    part += 1;
                    rest = before;
                    again = Some((part, rest.clone()));
                    continue;
                }
                (None, None) => return true,
                (Some(Part::One), Some(_)) => {
                    part += 1;
                    continue;
                }
                (Some(&Part::Character(wanted)), Some(found)) if wanted == found => {
                    part += 1;
                    continue;
                }
                _ => {}
            }
            // The last `*` takes one character more.
            let Some((behind, mut from)) = again.take() else { return false };
            if from.next().is_none() {
                return false;
            }
            (part, rest) = (behind, from.clone());
            again = Some((behind, from));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_leak_sanitizer_is_found_anywhere() {
        for (pattern, text, expected) in [
            ("parse", "app::parse::<u8>", true),
            ("parse", "app::prase", false),
            ("^app", "app::parse", true),
            ("^parse", "app::parse", false),
            ("parse$", "app::parse", true),
            ("parse$", "app::parse::<u8>", false),
            ("a*e", "xxaxxexx", true),
            ("a*e", "xxexxaxx", false),
            ("^a*b*c$", "aXbXbXc", true),
            ("^a*b*c$", "aXcXb", false),
            ("lib?", "lib?", true),
            ("lib?", "libx", false),
            ("ö", "Größe", true),
            ("", "", true),
        ] {
            assert_eq!(Pattern::anywhere(pattern).fits(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_pattern_of_valgrind_is_the_whole_text() {
        for (pattern, text, expected) in [
            ("malloc", "malloc", true),
            ("malloc", "xmalloc", false),
            ("*malloc", "xmalloc", true),
            ("ma?loc", "malloc", true),
            ("ma?loc", "maloc", false),
            ("*/libc*.so*", "/usr/lib/libc-2.31.so", true),
            ("*", "", true),
            ("", "x", false),
        ] {
            assert_eq!(Pattern::whole(pattern).fits(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn many_wildcards_do_not_take_for_ever() {
        let pattern = Pattern::whole(&("*a".repeat(200) + "b"));
        assert!(!pattern.fits(&"a".repeat(5_000)));
    }
}
