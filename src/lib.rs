//! Callbox: two browsers call each other through one binary.
//!
//! `ARCHITECTURE.md` draws the floors; each module says what it is for.

pub mod api;
pub mod call;
pub mod cli;
pub mod config;
pub mod net;
pub mod ops;
pub mod wcs;
pub mod web;
