//! Tests only: what the compiler refuses in an application, and what it says.
//!
//! A crate of its own, since each case is compiled with all that its crate's tests depend on.
