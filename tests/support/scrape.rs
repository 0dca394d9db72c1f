//! A page of metrics, asked for as a sentence: metric, labels, value.

use std::net::SocketAddr;

use super::http::get;

/// One page of metrics.
pub(crate) struct Scrape(String);

impl Scrape {
    /// The page as it is now; empty while the agent does not answer.
    pub(crate) fn of(agent: SocketAddr) -> Self {
        Self(get(agent, "/metrics").map(|(_, body)| body).unwrap_or_default())
    }

    /// The samples of a metric.
    pub(crate) fn metric(&self, name: &str) -> Samples<'_> {
        let of_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        Samples(self.0.lines().filter(of_it).collect())
    }
}

/// Samples of one metric.
pub(crate) struct Samples<'a>(Vec<&'a str>);

impl Samples<'_> {
    /// Those with this label.
    pub(crate) fn label(mut self, name: &str, value: &str) -> Self {
        let pair = format!("{name}={value:?}");
        let has =
            |line: &str| [format!("{{{pair}"), format!(",{pair}")].iter().any(|start| line.contains(start));
        self.0.retain(|line| has(line));
        self
    }

    /// The value of the one sample that is left.
    pub(crate) fn value(&self) -> Option<f64> {
        match self.0.as_slice() {
            [line] => line.rsplit(' ').next()?.parse().ok(),
            _ => None,
        }
    }

    /// The least value of all that are left.
    pub(crate) fn least(&self) -> Option<f64> {
        self.values().min_by(f64::total_cmp)
    }

    /// The greatest one.
    pub(crate) fn most(&self) -> Option<f64> {
        self.values().max_by(f64::total_cmp)
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.0.iter().filter_map(|line| line.rsplit(' ').next()?.parse().ok())
    }

    /// How many are left.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// The value of one series of a page, written as the page writes it: `name{label="value"}`.
pub(crate) fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}
