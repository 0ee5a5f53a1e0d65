//! Files of suppressions: LeakSanitizer's lines and Valgrind's blocks, also in one file.
//!
//! ```text
//! # a comment
//! leak:libfoo.so
//! leak:^app::cache::*
//! {
//!    the name of a suppression
//!    Memcheck:Leak
//!    match-leak-kinds: reachable
//!    fun:malloc
//!    ...
//!    fun:register_*
//!    obj:*/libfoo.so*
//! }
//! ```

use super::pattern::Pattern;
use super::rule::{Most, Rule, Stacks, Step};

/// The reason why a text is not one of suppressions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Error {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) what: String,
}

/// Lines without blanks around them, empty ones and comments left out, and their numbers.
struct Lines<'t> {
    lines: std::iter::Enumerate<std::str::Lines<'t>>,
    last: usize,
}

impl<'t> Lines<'t> {
    fn next(&mut self) -> Option<&'t str> {
        for (index, line) in self.lines.by_ref() {
            self.last = index + 1;
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                return Some(line);
            }
        }
        None
    }

    fn error<T>(&self, what: impl Into<String>) -> Result<T, Error> {
        Err(Error { line: self.last, what: what.into() })
    }
}

/// The rules in `text`.
pub(super) fn rules(text: &str) -> Result<Vec<Rule>, Error> {
    let mut lines = Lines { lines: text.lines().enumerate(), last: 0 };
    let mut rules = Vec::new();
    while let Some(line) = lines.next() {
        match line {
            "{" => rules.extend(block(&mut lines)?),
            _ => rules.push(leak(line, &lines)?),
        }
    }
    Ok(rules)
}

/// `leak:PATTERN`
fn leak(line: &str, lines: &Lines<'_>) -> Result<Rule, Error> {
    let Some(pattern) = line.strip_prefix("leak:") else {
        return lines.error(format!(
            "{line:?} is no suppression: `leak:PATTERN` or a block that begins with `{{` is needed"
        ));
    };
    if pattern.trim_matches(['*', '^', '$']).is_empty() {
        return lines.error(format!("the pattern of {line:?} fits every stack"));
    }
    Ok(Rule {
        name: pattern.to_owned(),
        pattern: Some(line.to_owned()),
        stacks: Stacks::With(Pattern::anywhere(pattern)),
        most: Most::Any,
    })
}

/// A block, from behind its `{` on; `None`: it is of another tool or of no leaks.
fn block(lines: &mut Lines<'_>) -> Result<Option<Rule>, Error> {
    let begin = lines.last;
    let unfinished = || Error { line: begin, what: "this block has no `}`".into() };
    let name = lines.next().ok_or_else(unfinished)?;
    if name == "}" {
        return lines.error("a block needs a name, a kind such as `Memcheck:Leak`, and a stack");
    }
    let kind = lines.next().ok_or_else(unfinished)?;
    let Some((tools, kind)) = kind.split_once(':') else {
        return lines.error(format!("{kind:?} is no kind: it would be `Memcheck:Leak`"));
    };
    let is_of_leaks = kind == "Leak" && tools.split(',').any(|tool| tool == "Memcheck");
    let mut steps = Vec::new();
    loop {
        let line = lines.next().ok_or_else(unfinished)?;
        if line == "}" {
            break;
        }
        // Other kinds have lines of their own.
        if is_of_leaks && !line.starts_with("match-leak-kinds:") {
            steps.push(step(line, lines)?);
        }
    }
    if !is_of_leaks {
        return Ok(None);
    }
    if steps.iter().all(|step| *step == Step::Any) {
        return lines.error(format!("the stack of {name:?} fits every stack"));
    }
    let stacks = Stacks::Beginning(steps);
    Ok(Some(Rule { name: name.into(), pattern: Some(name.into()), stacks, most: Most::Any }))
}

fn step(line: &str, lines: &Lines<'_>) -> Result<Step, Error> {
    if line == "..." {
        return Ok(Step::Any);
    }
    let (kind, pattern) = line.split_once(':').unwrap_or((line, ""));
    if pattern.is_empty() && ["fun", "obj", "src"].contains(&kind) {
        return lines.error(format!("{line:?} has no pattern"));
    }
    match kind {
        "fun" if pattern.starts_with("_Z") && !["_Znwm", "_Znam"].contains(&pattern) => lines
            .error(format!(
                "{pattern} is a name as it is linked; functions of C++ are named as the report \
                 shows them here: fun:ns::name*"
            )),
        "fun" => Ok(Step::Function(Pattern::whole(pattern))),
        "obj" => Ok(Step::Module(Pattern::whole(pattern))),
        "src" => {
            let number = pattern.rsplit_once(':');
            let number = number.and_then(|(file, line)| Some((file, line.parse().ok()?)));
            Ok(match number {
                Some((file, line)) => Step::File(Pattern::whole(file), Some(line)),
                None => Step::File(Pattern::whole(pattern), None),
            })
        }
        _ => lines.error(format!("{line:?} is no frame: fun:, obj:, src: or ... is needed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> (usize, String) {
        let Error { line, what } = rules(text).unwrap_err();
        (line, what)
    }

    #[test]
    fn lines_and_blocks_may_be_in_one_file() {
        let text = "# ours\n\nleak:libfoo\n  leak:a*b  \n{\n  a name\n  Memcheck:Leak\n  \
             match-leak-kinds: all\n  fun:malloc\n  ...\n  src:x.c:12\n  obj:*/libx.so\n}\n\
             {\n other\n Memcheck:Cond\n fun:_Zx\n}\n{\n n\n Helgrind,Memcheck:Leak\n fun:f\n}\n";
        let rules = rules(text).unwrap();
        let names: Vec<_> = rules.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(names, ["libfoo", "a*b", "a name", "n"]);
        assert_eq!(rules[0].pattern.as_deref(), Some("leak:libfoo"));
        let Stacks::Beginning(steps) = &rules[2].stacks else { panic!("{rules:?}") };
        assert_eq!(steps.len(), 4);
        assert_eq!(steps[2], Step::File(Pattern::whole("x.c"), Some(12)));
    }

    #[test]
    fn errors_name_the_line() {
        for (text, line, part) in [
            ("leak:a\n\nrace:x\n", 3, "\"race:x\" is no suppression"),
            ("leak:\n", 1, "fits every stack"),
            ("leak:*\n", 1, "fits every stack"),
            ("# c\n{\n n\n Memcheck:Leak\n fun:f\n", 2, "no `}`"),
            ("{\n}\n", 2, "needs a name"),
            ("{\n n\n fun\n}\n", 3, "\"fun\" is no kind"),
            ("{\n n\n Memcheck:Leak\n fnu:x\n}\n", 4, "\"fnu:x\" is no frame"),
            ("{\n n\n Memcheck:Leak\n fun:\n}\n", 4, "has no pattern"),
            ("{\n n\n Memcheck:Leak\n fun:_ZN1a1fEv\n}\n", 4, "as the report shows"),
            ("{\n n\n Memcheck:Leak\n ...\n}\n", 5, "fits every stack"),
        ] {
            let (at, what) = error(text);
            assert!(at == line && what.contains(part), "{at}: {what}");
        }
    }

    #[test]
    fn an_empty_file_has_no_rules() {
        assert!(rules("").unwrap().is_empty() && rules("# only\n").unwrap().is_empty());
    }
}
