//! Who the server lets in, and whose sessions outlive it: the program with its flags, as an operator starts it.
#![cfg(unix)]

mod flags;
mod running;
mod sessions;
