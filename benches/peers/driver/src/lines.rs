//! Lines of `key value`: what a process tells the one that started it.

/// What a process printed.
#[derive(Debug)]
pub(crate) struct Lines(pub(crate) String);

impl Lines {
    /// What is after `key` and a space.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))
    }

    /// The same as a number.
    ///
    /// # Errors
    ///
    /// If it is not there.
    pub(crate) fn number(&self, key: &str) -> Result<f64, String> {
        let number = self.text(key).and_then(|text| text.parse().ok());
        number.ok_or_else(|| format!("no {key} in {:?}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_whole_word() {
        let lines = Lines("units 3\nunit 4.5\nrefused because of it\n".to_owned());
        assert_eq!(lines.number("unit"), Ok(4.5));
        assert_eq!(lines.text("refused"), Some("because of it"));
        assert!(lines.number("refused").is_err() && lines.number("end").is_err());
    }
}
