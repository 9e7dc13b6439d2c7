//! Who the server lets in: the program with its flags, as an operator starts it.
#![cfg(unix)]

mod flags;
mod running;
