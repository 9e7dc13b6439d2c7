//! Property-test strategies from a Wireloom protocol.
