//! The examples of this package are what is checked.
