//! The choices that profiles are made by.

/// The choices that profiles are made by.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Attributes of the program, beside those that the document knows.
    pub(crate) resource: Vec<(String, String)>,
    /// The command line is among the attributes. It may hold secrets.
    pub(crate) has_command: bool,
    /// 16 bytes that tell these profiles from others, of which the last is the sample type's
    /// number; empty: not said.
    pub(crate) id: Vec<u8>,
}
