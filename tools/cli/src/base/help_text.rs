//! The words that follow the options in a command's help.

/// A piece of such words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Block {
    /// Sentences, in one line whatever its length.
    Text(String),
    /// Lines that stay as they are: examples, tables.
    Lines(Vec<String>),
    /// The space between paragraphs.
    Gap,
}

/// The pieces of `text`. Lines that begin with a space are to stay; others are broken for whoever
/// edits them, and make up paragraphs.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    for line in text.lines() {
        match blocks.last_mut() {
            _ if line.is_empty() => blocks.push(Block::Gap),
            Some(Block::Lines(lines)) if line.starts_with(' ') => lines.push(line.to_owned()),
            _ if line.starts_with(' ') => blocks.push(Block::Lines(vec![line.to_owned()])),
            Some(Block::Text(text)) => {
                text.push(' ');
                text.push_str(line);
            }
            _ => blocks.push(Block::Text(line.to_owned())),
        }
    }
    blocks
}

/// `text` with each paragraph in one line, for a terminal of any width.
pub(crate) fn unbroken(text: &str) -> String {
    let lines = blocks(text).into_iter().map(|block| match block {
        Block::Text(text) => text,
        Block::Lines(lines) => lines.join("\n"),
        Block::Gap => String::new(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_lines_and_examples_stay() {
        let text =
            "Examples:\n  one   1\n  two   2\n\nA long\nsentence. Then\nmore:\n  x\n    y\nEnd.";
        let unbroken_text =
            "Examples:\n  one   1\n  two   2\n\nA long sentence. Then more:\n  x\n    y\nEnd.";
        assert_eq!(unbroken(text), unbroken_text);
        assert_eq!(unbroken(unbroken_text), unbroken_text);
    }
}
