//! What holds for every coder, and what holds for one.

mod comfort_noise;
mod conceal;
mod every;
mod g711;
mod g729;
mod independent;
pub(crate) mod ogg;
mod opus;
mod resample;
mod speex;
