use super::*;
use crate::dhat_file::{self, Document};
use crate::report::View;
use crate::report::view::Tables;

fn document() -> Document {
    let point = |bytes: u64, blocks: u64, stack: &[u32]| {
        serde_json::json!({ "tb": bytes, "tbk": blocks, "tl": 0, "mb": bytes, "mbk": blocks,
            "gb": bytes / 2, "gbk": 1, "eb": bytes / 4, "ebk": 1, "fs": stack })
    };
    let report = serde_json::json!({
        "dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated", "bklt": true,
        "bkacc": false, "tu": "µs", "Mtu": "s", "tuth": 1, "cmd": "app", "pid": 1, "te": 9, "tg": 1,
        "pps": [
            point(4 << 20, 1_000, &[1, 2, 3, 4]),
            point(4 << 20, 3_000, &[1, 2, 3, 5, 4]),
            point(8 << 10, 2, &[6, 4]),
        ],
        "ftbl": [
            "[root]",
            "0x1: alloc::raw_vec::finish_grow (library/alloc/src/raw_vec.rs:1:1)",
            "0x2: alloc::vec::Vec<T>::push (library/alloc/src/vec/mod.rs:992:1)",
            "0x3: app::parse (src/parse.rs:10:5)",
            "0x4: app::main (src/main.rs:3:5)",
            "0x5: app::retry (src/main.rs:8:5)",
            "0x6: app::small (src/main.rs:9:5)",
        ],
    });
    dhat_file::read(report.to_string().as_bytes()).unwrap()
}

fn tree(inverted: bool) -> View<'static> {
    View { tables: Tables::Tree(Shape { inverted, least: Percent(1.0) }), ..View::default() }
}

fn drawn(document: &Document, view: &View<'_>, width: usize) -> String {
    let text = crate::report::text::report(document, view, width);
    let text = anstream::adapter::strip_str(&text).to_string();
    text.split_once("\n\n").unwrap().1.into()
}

#[test]
fn the_tree_begins_at_main() {
    let expected = "
Call tree: bytes allocated
   share      bytes  blocks
 100.0 %   8.01 MiB   4,002  app::main  src/main.rs:3
  50.0 %   4.00 MiB   1,000  ├─ app::parse  src/parse.rs:10
  50.0 %   4.00 MiB   1,000  │  alloc::vec::Vec<T>::push  library/alloc/src/vec/mod.rs:992
  50.0 %   4.00 MiB   3,000  ├─ app::retry  src/main.rs:8
  50.0 %   4.00 MiB   3,000  │  app::parse  src/parse.rs:10
  50.0 %   4.00 MiB   3,000  │  alloc::vec::Vec<T>::push  library/alloc/src/vec/mod.rs:992
   0.1 %   8.00 KiB       2  └─ … 1 more
  1 function below 1 % each; --min-share 0% shows all.
";
    let text = drawn(&document(), &tree(false), 100);
    assert!(text.contains(expected), "{text}");
    assert!(!text.contains("Sizes") && !text.contains("Most bytes"), "{text}");
}

#[test]
fn inverted_it_begins_at_the_allocation() {
    let expected = "
Inverted call tree: live when the heap was at its peak
   share      bytes  blocks
  99.9 %   4.00 MiB       2  alloc::vec::Vec<T>::push  library/alloc/src/vec/mod.rs:992
  99.9 %   4.00 MiB       2  app::parse  src/parse.rs:10
  50.0 %   2.00 MiB       1  ├─ app::main  src/main.rs:3
  50.0 %   2.00 MiB       1  └─ app::retry  src/main.rs:8
  50.0 %   2.00 MiB       1     app::main  src/main.rs:3
   0.1 %   4.00 KiB       1  … 1 more
";
    let text = drawn(&document(), &View { sort: Some(Sort::Peak), ..tree(true) }, 100);
    assert!(text.contains(expected), "{text}");
}

#[test]
fn with_whole_stacks_all_frames_are_shown() {
    let text = drawn(&document(), &View { whole_stacks: true, ..tree(false) }, 100);
    assert!(text.contains("alloc::raw_vec::finish_grow"), "{text}");
}

#[test]
fn every_width_is_kept_and_what_is_shortened_is_told() {
    let mut document = document();
    for width in [40, 60, 79, 80, 120, 200] {
        let text = drawn(&document, &tree(false), width);
        let head = text.lines().position(|line| line.starts_with("Call tree")).unwrap();
        for line in text.lines().skip(head) {
            assert!(line.chars().count() <= width, "{} of {width}: {line}", line.chars().count());
        }
        let is_cut = width <= 80;
        assert_eq!(text.contains("Names are shortened"), is_cut, "{width}: {text}");
    }
    // Each level has a branch of its own: the branches alone are wider than the text may be.
    let deep = |length: usize| (0..length).map(|index| [3, 5][index % 2]).collect::<Vec<_>>();
    let site = document.sites[0].clone();
    document.sites = (1..200)
        .map(|length| dhat_file::Site { stack: deep(200)[length..].to_vec(), ..site.clone() })
        .collect();
    let view = View {
        tables: Tables::Tree(Shape { inverted: false, least: Percent(0.0) }),
        ..View::default()
    };
    for width in [40, 80, 200] {
        let text = drawn(&document, &view, width);
        assert!(text.lines().count() > 200);
        for line in text.lines().skip_while(|line| !line.starts_with("Call tree")) {
            let columns = line.chars().count();
            assert!(columns <= width, "{columns} of {width}: {line}");
            let is_row = line.contains(" KiB") || line.contains(" MiB");
            assert!(!is_row || line.contains("ap") || line.ends_with("[itself]"), "{line}");
        }
    }
}

#[test]
fn an_empty_tree_says_so() {
    let mut document = document();
    document.sites.clear();
    assert!(drawn(&document, &tree(false), 80).contains("Call tree: bytes allocated\n  none\n"));
}

#[test]
fn deep_branches_lose_their_outer_part() {
    assert_eq!(end_of_branches("│  └─ ", 6), "│  └─ ");
    assert_eq!(end_of_branches("│  │  └─ ", 6), "…  └─ ");
    assert_eq!(end_of_branches("│  └─ ", 1), "…");
    assert_eq!(end_of_branches("│  └─ ", 0), "");
}
