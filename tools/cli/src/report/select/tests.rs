use super::*;
use crate::dhat_file;

const FRAMES: [&str; 9] = [
    "[root]",
    "0x1: malloc (in /usr/lib/libc.so.6)",
    "0x2: app::parse::<u8> (src/parse.rs:10:5)",
    "0x3: app::main (src/main.rs:3:5)",
    "0xbeef: app::other (src/other.rs:1:1)",
    "0x5: void Widget::draw<int>(int, std::vector<int>) const (widget.cc:7)",
    "0x6: main (widget.cc:20)",
    "0x7: inflate (in /usr/lib/libz.so.1)",
    "0x8: reparse (src/parse.rs:1:1)",
];

/// Stack N has 10^N bytes.
fn document(stacks: &[&[u32]]) -> Document {
    let points = stacks.iter().enumerate().map(|(index, stack)| {
        let bytes = 10_u64.pow(index as u32);
        serde_json::json!({ "tb": bytes, "tbk": 1, "tl": 1, "mb": bytes, "mbk": 1, "gb": bytes,
            "gbk": 1, "eb": bytes, "ebk": 1, "fs": stack })
    });
    let report = serde_json::json!({
        "dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated", "bklt": true,
        "bkacc": false, "tu": "µs", "Mtu": "s", "tuth": 1, "cmd": "app", "pid": 1, "te": 9, "tg": 1,
        "x_threads": [{ "id": 1, "name": "app", "running": true, "total_bytes": 1,
            "total_blocks": 1, "freed_bytes": 0, "freed_blocks": 0 }],
        "pps": points.collect::<Vec<_>>(), "ftbl": FRAMES,
    });
    dhat_file::read(report.to_string().as_bytes()).unwrap()
}

fn select(
    document: &Document,
    filter: Option<&str>,
    focus: Option<&str>,
) -> Result<(Document, Option<Selected>), String> {
    let own = |text: Option<&str>| text.map(String::from);
    Selecting { filter: own(filter), focus: own(focus) }.apply(document.clone())
}

/// Bytes and stack of each site that is left.
fn left(document: &Document, filter: Option<&str>, focus: Option<&str>) -> Vec<(u64, Vec<u32>)> {
    let (document, _) = select(document, filter, focus).unwrap();
    document.sites.iter().map(|site| (site.numbers.total_bytes, site.stack.clone())).collect()
}

#[test]
fn without_a_wish_the_document_stays() {
    let all = document(&[&[1, 2, 3], &[4]]);
    let (same, selected) = select(&all, None, None).unwrap();
    assert!(same == all && selected.is_none());
}

#[test]
fn a_filter_keeps_whole_stacks_with_the_text_anywhere() {
    let all = document(&[&[1, 2, 3], &[1, 4, 3], &[7, 6]]);
    assert_eq!(left(&all, Some("PARSE"), None), [(1, vec![1, 2, 3])]);
    assert_eq!(left(&all, Some("src/other"), None), [(10, vec![1, 4, 3])]);
    assert_eq!(left(&all, Some("libz"), None), [(100, vec![7, 6])]);
    assert_eq!(left(&all, Some("app::main"), None).len(), 2);
    // The address of `app::other`.
    let error = select(&all, Some("beef"), None).unwrap_err();
    assert!(error.contains("none of 3 stacks has \"beef\" in a frame"), "{error}");
}

#[test]
fn a_selection_says_its_part_of_the_whole() {
    let all = document(&[&[1, 2, 3], &[1, 4, 3], &[7, 6]]);
    let (some, selected) = select(&all, Some("app::main"), Some("other")).unwrap();
    let selected = selected.unwrap();
    assert_eq!((selected.stacks, selected.of_stacks), (1, 3));
    assert_eq!((selected.sums.total_bytes, selected.of_sums.total_bytes), (10, 111));
    assert_eq!(
        selected.words(),
        "only the stacks with \"app::main\" in a frame and through other: 1 of 3, 9.0 % of the total"
    );
    assert!(some.extras.thread_list.is_empty() && some.extras.threads == Some(1));
    let mut labelled = some;
    selected.label(&mut labelled);
    assert!(labelled.command.starts_with("app (only the stacks"), "{}", labelled.command);
}

#[test]
fn a_focus_begins_at_the_outermost_call() {
    let all = document(&[&[1, 2, 4, 2, 3], &[1, 8, 3], &[1, 5, 6]]);
    for name in ["parse", "app::parse", "app::parse::<u8>", "parse::<u8>"] {
        assert_eq!(left(&all, None, Some(name)), [(1, vec![1, 2, 4, 2])], "{name}");
    }
    for name in ["draw", "Widget::draw", "Widget::draw<int>(int, std::vector<int>) const"] {
        assert_eq!(left(&all, None, Some(name)), [(100, vec![1, 5])], "{name}");
    }
    // `reparse` ends in it, too, but is no path to it.
    assert_eq!(left(&all, None, Some("reparse")), [(10, vec![1, 8])]);
}

#[test]
fn stacks_that_become_equal_are_added_up() {
    let all = document(&[&[1, 2, 3], &[1, 2, 4, 3], &[1, 4, 3]]);
    let (some, selected) = select(&all, None, Some("app::parse")).unwrap();
    assert_eq!(some.sites.len(), 1);
    assert_eq!((some.sites[0].numbers.total_bytes, some.sites[0].merged), (11, 2));
    assert_eq!(selected.unwrap().stacks, 2, "stacks of the report are counted");
}

#[test]
fn a_function_that_is_not_there_has_neighbours() {
    let all = document(&[&[1, 2, 3]]);
    let error = select(&all, None, Some("pars")).unwrap_err();
    let expected = "no stack goes through a function called \"pars\"; there are \
         app::parse::<u8>, reparse";
    assert_eq!(error, expected);
    let error = select(&all, None, Some("xyz")).unwrap_err();
    assert!(error.ends_with("; --filter TEXT looks for a part of a name"), "{error}");
}

#[test]
fn odd_names_come_to_an_end() {
    for name in ["", "(", ")", "<>", "()", "::<>", "a)", "operator<", "operator()", "ä(ö)", ">>"]
    {
        let all = Frame::parse(name);
        let _ = (all, focus::is_called(name, "a"));
    }
    assert!(focus::is_called("a::operator()(int)", "operator()"));
    assert!(focus::is_called("operator<", "operator<"));
}
