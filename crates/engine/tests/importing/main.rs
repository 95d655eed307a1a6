//! What is there, written as a manifest: it says what a person would say, and reading it gives what was there.

mod back_again;
mod cases;
mod kinds;
