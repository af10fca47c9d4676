//! Procedures of user agents that outlast a transaction, one a file.

pub mod accept;
pub mod register;
