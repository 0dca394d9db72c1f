//! `setup`: what it prints for each cloud and credential, and whether what it prints works when it is pasted.

mod clouds;
mod pasted;
mod shell;
mod tenant;
