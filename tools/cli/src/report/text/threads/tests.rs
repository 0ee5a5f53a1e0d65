use super::*;
use crate::dhat_file;
use crate::report::View;
use crate::report::view::Tables;

/// The table of threads with these names and bytes, in lines of at most `width` columns.
fn drawn(threads: &[(&str, u64)], width: usize) -> String {
    let mut document = dhat_file::merge([]);
    let thread = |&(name, bytes): &(&str, u64)| {
        let mut thread = Thread::default();
        (thread.name, thread.id, thread.running) = (name.into(), 4_194_304, true);
        (thread.total_bytes, thread.total_blocks) = (bytes, bytes);
        (thread.freed_bytes, thread.freed_blocks) = (bytes / 2, bytes / 2);
        thread
    };
    document.extras.thread_list = threads.iter().map(thread).collect();
    let view = View { tables: Tables::Threads, ..View::default() };
    let text = crate::report::text::report(&document, &view, width);
    let text = anstream::adapter::strip_str(&text).to_string();
    let at = text.find("Threads\n").unwrap();
    text[at..].lines().take_while(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

#[test]
fn narrow_tables_have_fewer_columns_and_say_so() {
    let threads = [("main", 3_000_000), ("fifteen letters", 1_000_000)];
    let expected = "\
Threads
   share    bytes    blocks    freed    blocks  thread
  75.0 % 2.86 MiB 3,000,000 1.43 MiB 1,500,000  main (4194304, running)
  25.0 %  977 KiB 1,000,000  488 KiB   500,000  fifteen letters (4194304, running)
  A thread may free what another allocated: freed is what it freed itself.
";
    assert_eq!(drawn(&threads, 100), expected);
    let narrow = drawn(&threads, 76);
    assert!(narrow.contains("  75.0 % 2.86 MiB  3.00M 1.43 MiB  1.50M  main"), "{narrow}");
    let narrowest = drawn(&threads, 40);
    assert!(narrowest.contains("  75.0 % 2.86 MiB  3.00M  main (4194304…\n"), "{narrowest}");
    assert!(narrowest.contains("--format json has"), "{narrowest}");
    assert!(!narrowest.contains("freed"), "{narrowest}");
}

#[test]
fn no_line_is_wider_than_it_may_be() {
    for width in [40, 60, 80, 120] {
        for threads in [&[("n", u64::MAX), ("a\nname", 1)][..], &[("", 0)], &[]] {
            for line in drawn(threads, width).lines() {
                assert!(line.chars().count() <= width, "more than {width}: {line}");
            }
        }
    }
}
