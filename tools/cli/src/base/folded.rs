//! Lines that are wider than a terminal, in several.

/// Columns that the rest of a line is further in.
const HANGING: usize = 4;

/// `text` with each line that has more than `width` columns broken at blanks, and its rest below.
/// A word stays whole: a path is there to be copied. Colours take up no columns.
pub(crate) fn folded(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        match line.strip_suffix('\n') {
            _ if columns(line) <= width => out.push_str(line),
            Some(line) => {
                fold(line, width, &mut out);
                out.push('\n');
            }
            None => fold(line, width, &mut out),
        }
    }
    out
}

fn fold(line: &str, width: usize, out: &mut String) {
    let (mut column, mut blanks, mut indent) = (0, 0, None);
    let mut is_after_number = false;
    let words: Vec<&str> = line.split(' ').collect();
    for (index, word) in words.iter().enumerate() {
        blanks += usize::from(index > 0);
        let needed = columns(word);
        if needed == 0 {
            // Between two blanks, or a change of colours.
            out.push_str(word);
            is_after_number = false;
            continue;
        }
        // A number stays with its unit.
        let is_number = word.ends_with(|last: char| last.is_ascii_digit());
        let unit = words.get(index + 1).filter(|unit| is_number && !unit.is_empty());
        let with_unit = needed + unit.map_or(0, |unit| 1 + columns(unit));
        match indent {
            Some(indent) if column + blanks + with_unit > width && !is_after_number => {
                out.push('\n');
                (column, blanks) = (0, indent);
            }
            Some(_) => {}
            None => indent = Some((blanks + HANGING).min(width / 2)),
        }
        out.extend(std::iter::repeat_n(' ', blanks));
        out.push_str(word);
        column += blanks + needed;
        blanks = 0;
        is_after_number = is_number;
    }
}

/// The columns of a text without line breaks; its colours have none.
fn columns(text: &str) -> usize {
    let mut columns = 0;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => _ = characters.find(char::is_ascii_alphabetic),
            '\n' => {}
            _ => columns += 1,
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_wide_goes_on_below_further_in() {
        let text = "fits in it\n  one two three four\n\nend";
        assert_eq!(folded(text, 10), "fits in it\n  one two\n     three\n     four\n\nend");
        assert_eq!(folded(text, 80), text);
        assert_eq!(folded("a    b", 5), "a\n  b");
        assert_eq!(folded("1234567", 5), "1234567");
        assert_eq!(folded("in 118 KiB", 7), "in\n   118 KiB");
    }

    #[test]
    fn colours_have_no_columns() {
        let text = "\u{1b}[2m  one two\u{1b}[0m\n";
        assert_eq!(folded(text, 9), text);
        assert_eq!(folded(text, 8), "\u{1b}[2m  one\n    two\u{1b}[0m\n");
    }
}
