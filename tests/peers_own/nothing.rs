//! Nothing: only the sources of this package's dependencies are of interest.
