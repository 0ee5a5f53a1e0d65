//! `cfg(…)` as keys of cargo's configuration have it.

/// The value of `expression` (`cfg(all(unix, not(target_os = "macos")))`), given the output of
/// `rustc --print cfg`; `None` if it cannot be understood.
pub(crate) fn is_true(expression: &str, facts: &str) -> Option<bool> {
    let mut parser = Parser { rest: expression.trim(), facts };
    parser.word("cfg").then_some(())?;
    parser.word("(").then_some(())?;
    let value = parser.expression()?;
    (parser.word(")") && parser.rest.is_empty()).then_some(value)
}

struct Parser<'t> {
    rest: &'t str,
    facts: &'t str,
}

impl<'t> Parser<'t> {
    /// Goes past `word` if it is next.
    fn word(&mut self, word: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn name(&mut self) -> Option<&'t str> {
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
        let length = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest.trim_start();
        (!name.is_empty()).then_some(name)
    }

    fn expression(&mut self) -> Option<bool> {
        let name = self.name()?;
        if self.word("(") {
            let values = self.list()?;
            return match (name, values.as_slice()) {
                ("all", values) => Some(values.iter().all(|value| *value)),
                ("any", values) => Some(values.iter().any(|value| *value)),
                ("not", [value]) => Some(!value),
                _ => None,
            };
        }
        if self.word("=") {
            return self.value(name);
        }
        match name {
            "true" => Some(true),
            "false" => Some(false),
            _ => Some(self.facts.lines().any(|fact| fact == name)),
        }
    }

    fn value(&mut self, name: &str) -> Option<bool> {
        let (value, rest) = self.rest.strip_prefix('"')?.split_once('"')?;
        self.rest = rest.trim_start();
        let fact = format!("{name}=\"{value}\"");
        Some(self.facts.lines().any(|line| line == fact))
    }

    /// The values up to the closing parenthesis.
    fn list(&mut self) -> Option<Vec<bool>> {
        let mut values = Vec::new();
        while !self.word(")") {
            values.push(self.expression()?);
            if !self.word(",") && !self.rest.starts_with(')') {
                return None;
            }
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINUX: &str = "debug_assertions\ntarget_arch=\"x86_64\"\ntarget_os=\"linux\"\nunix\n";

    #[test]
    fn expressions_mean_what_they_mean_to_cargo() {
        for (text, expected) in [
            ("cfg(unix)", Some(true)),
            ("cfg(windows)", Some(false)),
            ("cfg(target_os = \"linux\")", Some(true)),
            ("cfg(target_os=\"macos\")", Some(false)),
            ("cfg(all())", Some(true)),
            ("cfg(any())", Some(false)),
            (
                "cfg( all( unix , not(windows), any(windows, target_arch = \"x86_64\"), ) )",
                Some(true),
            ),
            ("cfg(not(unix))", Some(false)),
            ("cfg(true)", Some(true)),
            ("cfg(not(a, b))", None),
            ("cfg(unix", None),
            ("cfg(unix) x", None),
            ("unix", None),
            ("cfg(all(unix windows))", None),
        ] {
            assert_eq!(is_true(text, LINUX), expected, "{text}");
        }
    }
}
