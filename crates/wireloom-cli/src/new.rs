//! `wireloom new`: a fresh project. Nothing of it is special: it is what a user would have written.
