//! The only place with sockets and a clock.

pub mod media_worker;
