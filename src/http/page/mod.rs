//! The status page.
use axum::extract::State;

use super::Site;

pub(super) async fn index(State(site): State<Site>) -> String {
    format!("{} checks\n", site.report.facts().checks.len())
}
