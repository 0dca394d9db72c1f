//! Plans and observations for tests of the report and of the pages.
//!
//! The `Sample` builder lives here; no expectations do.
