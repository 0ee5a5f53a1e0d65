//! The text of a page, and its blocks.

/// The doc comments of a source file, as rustdoc reads them.
pub(crate) fn of_docs(source: &str) -> String {
    let lines = source.lines().map(str::trim_start).filter_map(|line| {
        let text = line.strip_prefix("//!").or_else(|| line.strip_prefix("///"))?;
        Some(text.strip_prefix(' ').unwrap_or(text).to_owned() + "\n")
    });
    lines.collect()
}

/// A fenced block of a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block<'p> {
    /// From a comment right before it: `<!-- tested: NAME -->`.
    pub(crate) name: Option<&'p str>,
    /// As the fence says: `rust`, `text`, `sh`, …
    pub(crate) language: &'p str,
    pub(crate) text: &'p str,
}

/// All fenced blocks of a page.
pub(crate) fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').expect("a fence has an end");
        // An empty block ends where it begins.
        let end =
            if after.starts_with("```") { Some(0) } else { after.find("\n```").map(|at| at + 1) };
        let (text, after) = after.split_at(end.expect("a block has an end"));
        let line = before.lines().next_back().unwrap_or_default();
        let name = line.strip_prefix("<!-- tested: ").and_then(|name| name.strip_suffix(" -->"));
        blocks.push(Block { name, language, text });
        rest = &after[3..];
    }
    blocks
}

/// The text of the block with that name.
pub(crate) fn block<'p>(page: &'p str, name: &str) -> &'p str {
    let found = blocks(page).into_iter().find(|block| block.name == Some(name));
    found.unwrap_or_else(|| panic!("the page has no block `{name}`")).text
}

/// A program of a page, with the lines that rustdoc hides.
pub(crate) fn program(text: &str) -> String {
    let visible = |line: &str| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n";
    text.lines().map(visible).collect()
}

/// The page from below that heading on.
pub(crate) fn below<'p>(page: &'p str, heading: &str) -> &'p str {
    let line = format!("\n# {heading}\n");
    page.split_once(&line).unwrap_or_else(|| panic!("no section:{line}")).1
}

#[test]
fn blocks_are_found_with_their_names() {
    let page = "a\n<!-- tested: one -->\n```text\nx\n\ny\n```\nb\n```sh\n```\n";
    let one = Block { name: Some("one"), language: "text", text: "x\n\ny\n" };
    assert_eq!(blocks(page), [one, Block { name: None, language: "sh", text: "" }]);
    assert_eq!(block(page, "one"), "x\n\ny\n");
}

#[test]
fn docs_are_read_as_rustdoc_reads_them() {
    let source = "//! # A\n//!\n//!  b\nfn f() {} // c\n    /// d\n";
    assert_eq!(of_docs(source), "# A\n\n b\nd\n");
    assert_eq!(below("x\n# A\ny\n", "A"), "y\n");
    assert_eq!(program("# let a = 1;\n#[b]\n"), "let a = 1;\n#[b]\n");
}
