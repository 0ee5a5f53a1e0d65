//! Known functions as bytes, which are not trusted: whatever is wrong with them, nothing is known.
//!
//! ```text
//!  mark           8 bytes: the format and its version
//!  checksum       CRC-32 of all that follows
//!  identity       a text, see `super`
//!  texts          a number, and so many texts
//!  answers        a number, and for each, by ascending addresses:
//!                   the linked address, the kind of name, a number, and so many functions:
//!                     name, file (numbers of texts from 1; 0: none), line, column, inlined
//! ```
//!
//! Addresses have 8 bytes, kinds and `inlined` one, other numbers 4, lowest first. A text is its
//! length and its bytes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::vec::Vec;

use crate::symbolize::dwarf::NameOfFunction;
use crate::symbolize::strings::FixedMap;
use crate::symbolize::symbol_cache::SymbolCache;

use super::{Answer, Function};

const MARK: [u8; 8] = *b"ModSym01";
/// The bytes before what is summed up.
const HEAD: usize = MARK.len() + 4;
/// The bytes of a function, and the least of an answer.
const FUNCTION: usize = 4 * 4 + 1;
const ANSWER: usize = 8 + 1 + 4;

/// `answers` as bytes; `None` if they are too many.
pub(super) fn encode(answers: &BTreeMap<u64, Answer>, identity: &str) -> Option<Vec<u8>> {
    let mut texts = Texts::default();
    let mut body = Vec::new();
    put_number(&mut body, answers.len())?;
    for (probe, answer) in answers {
        body.extend(probe.to_le_bytes());
        body.push(kind_of(answer.name));
        put_number(&mut body, answer.functions.len())?;
        for function in &answer.functions {
            put_number(&mut body, texts.number(function.name.as_deref()))?;
            put_number(&mut body, texts.number(function.file.as_deref()))?;
            body.extend(function.line.to_le_bytes());
            body.extend(function.column.to_le_bytes());
            body.push(u8::from(function.inlined));
        }
    }
    let mut content = MARK.to_vec();
    content.extend([0; HEAD - MARK.len()]);
    put_text(&mut content, identity)?;
    put_number(&mut content, texts.all.len())?;
    texts.all.iter().try_for_each(|text| put_text(&mut content, text))?;
    content.extend(body);
    let sum = crc32fast::hash(&content[HEAD..]);
    content[MARK.len()..HEAD].copy_from_slice(&sum.to_le_bytes());
    (content.len() <= SymbolCache::LARGEST).then_some(content)
}

/// The answers in `content`; `None` if it is damaged, or of files with another identity.
pub(super) fn decode(content: &[u8], identity: &str) -> Option<BTreeMap<u64, Answer>> {
    let mut rest = Rest(content.strip_prefix(&MARK)?);
    let sum = rest.u32()?;
    if crc32fast::hash(rest.0) != sum || rest.text()? != identity {
        return None;
    }
    let texts = rest.many(4, |rest| rest.text().map(Arc::from))?;
    let answers = rest.many(ANSWER, |rest| {
        let (probe, name) = (rest.u64()?, name_of(rest.u8()?)?);
        let functions = rest.many(FUNCTION, |rest| function(rest, &texts))?;
        Some((probe, Answer { functions, name, is_in_use: false }))
    })?;
    let is_whole = rest.0.is_empty() && answers.is_sorted_by(|before, after| before.0 < after.0);
    is_whole.then(|| answers.into_iter().collect())
}

fn function(rest: &mut Rest<'_>, texts: &[Arc<str>]) -> Option<Function> {
    let text = |number: u32| match number.checked_sub(1) {
        None => Some(None),
        Some(index) => texts.get(index as usize).cloned().map(Some),
    };
    Some(Function {
        name: text(rest.u32()?)?,
        file: text(rest.u32()?)?,
        line: rest.u32()?,
        column: rest.u32()?,
        inlined: match rest.u8()? {
            0 => false,
            1 => true,
            _ => return None,
        },
    })
}

fn kind_of(name: NameOfFunction) -> u8 {
    match name {
        NameOfFunction::Missing => 0,
        NameOfFunction::Bare => 1,
        NameOfFunction::Whole => 2,
    }
}

fn name_of(kind: u8) -> Option<NameOfFunction> {
    [NameOfFunction::Missing, NameOfFunction::Bare, NameOfFunction::Whole]
        .get(usize::from(kind))
        .copied()
}

/// Texts, each once.
#[derive(Default)]
struct Texts<'a> {
    all: Vec<&'a str>,
    numbers: FixedMap<&'a str, usize>,
}

impl<'a> Texts<'a> {
    /// The number of `text`, from 1.
    fn number(&mut self, text: Option<&'a str>) -> usize {
        let Some(text) = text else { return 0 };
        *self.numbers.entry(text).or_insert_with(|| {
            self.all.push(text);
            self.all.len()
        })
    }
}

fn put_number(out: &mut Vec<u8>, number: usize) -> Option<()> {
    out.extend(u32::try_from(number).ok()?.to_le_bytes());
    Some(())
}

fn put_text(out: &mut Vec<u8>, text: &str) -> Option<()> {
    put_number(out, text.len())?;
    out.extend(text.as_bytes());
    Some(())
}

/// The bytes that were not read yet.
struct Rest<'c>(&'c [u8]);

impl<'c> Rest<'c> {
    fn bytes(&mut self, length: usize) -> Option<&'c [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn u8(&mut self) -> Option<u8> {
        self.bytes(1).map(|bytes| bytes[0])
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.bytes(8)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<&'c str> {
        let length = self.u32()?;
        std::str::from_utf8(self.bytes(length as usize)?).ok()
    }

    /// A number, and so many things, each of which has `least` bytes or more: no number makes more
    /// room than the content has.
    fn many<T>(
        &mut self,
        least: usize,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.u32()? as usize;
        if count > self.0.len() / least {
            return None;
        }
        let mut all = Vec::with_capacity(count);
        for _ in 0..count {
            all.push(read(self)?);
        }
        Some(all)
    }
}
