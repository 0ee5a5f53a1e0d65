//! Kinds that a recording knows by numbers.

/// The content of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Memory without a file.
    Anonymous = 1,
    /// A part of a file, or of memory that has a name like a file.
    File = 2,
    /// Address space that cannot be accessed yet.
    Reserved = 3,
    /// The end of the program's data, moved by `brk` and `sbrk`.
    Break = 4,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Anonymous, Kind::File, Kind::Reserved, Kind::Break];

    /// The kind's name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Anonymous => "anonymous",
            Kind::File => "file",
            Kind::Reserved => "reserved",
            Kind::Break => "break",
        }
    }
}

/// Why a program is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u32)]
pub enum Why {
    /// It was not asked for.
    NotAsked = 1,
    /// It is for another C library.
    OtherLibrary,
    /// It is statically linked.
    Static,
    /// It gains rights when it is executed.
    GainsRights,
    /// It is for another processor, or for its 32-bit mode.
    OtherMachine,
    /// The process cannot open the library that records.
    NoLibrary,
    /// The process cannot make a file where recordings are.
    NoPlace,
    /// Its environment lacks what the recording needs.
    Cleared,
    /// A child that goes on after the program has ended. Not in recordings: the program's parent
    /// sees it.
    GoesOn,
    /// A reason that is not known here.
    Unknown,
}

impl Why {
    const ALL: [Why; 8] = [
        Why::NotAsked,
        Why::OtherLibrary,
        Why::Static,
        Why::GainsRights,
        Why::OtherMachine,
        Why::NoLibrary,
        Why::NoPlace,
        Why::Cleared,
    ];

    pub(crate) fn of_number(number: u32) -> Self {
        Self::ALL.into_iter().find(|why| *why as u32 == number).unwrap_or(Why::Unknown)
    }
}
