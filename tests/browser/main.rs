//! The pages in a real browser: the program serves them, Chromium shows them, and chromedriver reads, clicks and types.
//!
//! A test takes the `Demo` or an agent of its own, opens pages in a `Browser`, and looks at what a person would see.
//! With `PICTURES=FOLDER` the walk through all pages leaves a picture of each. Not here: what the pages say about mail,
//! which `it` tests without a browser.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up has failed"
)]

#[allow(dead_code, reason = "shared by several test binaries, each of which uses a part")]
#[path = "../support/mod.rs"]
mod support;

mod axe;
mod browser;
mod demo;
mod driver;

mod faults;
mod hostile;
mod keyboard;
mod lists;
mod looks;
mod prefix;
mod script;
