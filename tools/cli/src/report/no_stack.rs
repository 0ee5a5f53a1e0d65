//! Stacks without frames. Every reader of the formats leaves them out of its totals.

use crate::dhat_file::Document;

use super::largest::index;

/// The frame of a stack that has none.
const NO_STACK: &str = "[no stack]";

/// `document` with a frame in every stack.
pub(crate) fn with_frames(mut document: Document) -> Document {
    let id = index(document.frames.len());
    let mut empty = document.sites.iter_mut().filter(|site| site.stack.is_empty()).peekable();
    if empty.peek().is_some() {
        empty.for_each(|site| site.stack.push(id));
        document.frames.push(NO_STACK.into());
    }
    document
}
