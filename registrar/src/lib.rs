//! Accounts and the location service (RFC 3261 10), in memory, sans-IO.
#![forbid(unsafe_code)]
