//! A client's view of a list: filters, order, part and format, read from query parameters and written as them.
//!
//! Every view has its own address. Not here: the filters themselves (`filter`), and carrying the wish out.

use crate::safe;

use super::filter::{FIELDS, Filter};

/// The sort key of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Outcome,
    Name,
    Since,
    Run,
    Duration,
    Provider,
    Credential,
    /// Of the readiness board.
    State,
    /// Of the credentials.
    Ends,
}

impl Sort {
    const ALL: [Self; 9] = [
        Self::Outcome,
        Self::Name,
        Self::Since,
        Self::Run,
        Self::Duration,
        Self::Provider,
        Self::Credential,
        Self::State,
        Self::Ends,
    ];

    /// The value of `sort`.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Outcome => "outcome",
            Self::Name => "name",
            Self::Since => "since",
            Self::Run => "last_run",
            Self::Duration => "duration",
            Self::Provider => "provider",
            Self::Credential => "credential",
            Self::State => "state",
            Self::Ends => "ends",
        }
    }

    /// What it is called on a page.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Outcome => "worst first",
            Self::Name => "name",
            Self::Since => "since when",
            Self::Run => "last probe",
            Self::Duration => "duration",
            Self::Provider => "provider",
            Self::Credential => "credential",
            Self::State => "state",
            Self::Ends => "end",
        }
    }
}

/// The lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum List {
    Mailboxes,
    Readiness,
    Credentials,
}

impl List {
    /// The orders that the list can be sorted in.
    pub(super) const fn sorts(self) -> &'static [Sort] {
        match self {
            Self::Mailboxes => &[
                Sort::Outcome,
                Sort::Name,
                Sort::Since,
                Sort::Run,
                Sort::Duration,
                Sort::Provider,
                Sort::Credential,
            ],
            Self::Readiness => &[Sort::State, Sort::Name, Sort::Provider, Sort::Credential],
            Self::Credentials => &[Sort::Outcome, Sort::Name, Sort::Ends],
        }
    }
}

/// The form in which a list is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) enum Format {
    #[default]
    Json,
    Csv,
}

/// A client's view of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct View {
    pub(super) filter: Filter,
    /// The sort key, and whether the order is reversed.
    pub(super) sort: Option<(Sort, bool)>,
    pub(super) offset: usize,
    pub(super) limit: Option<usize>,
    pub(super) format: Format,
}

/// Query parameters as they came.
pub(super) type Parameters = Vec<(String, String)>;

impl View {
    /// Reads the parameters. Those without a value count as absent: forms send them.
    ///
    /// # Errors
    /// A sentence that names the faulty parameter and what it takes.
    pub(super) fn read(list: List, parameters: &Parameters) -> Result<Self, String> {
        let mut view = Self::default();
        let mut seen: Vec<&str> = Vec::new();
        for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
            if seen.contains(&name.as_str()) {
                return Err(format!("{} is given twice", safe::line(name)));
            }
            seen.push(name);
            match name.as_str() {
                "offset" => view.offset = number(name, value)?,
                "limit" => view.limit = Some(number(name, value)?),
                "sort" => view.sort = Some(sort(list, value)?),
                "format" => {
                    view.format = match value.as_str() {
                        "json" => Format::Json,
                        "csv" => Format::Csv,
                        _ => return Err("format is one of json, csv".to_owned()),
                    };
                }
                _ if view.filter.set(name, value)? => {}
                _ => return Err(unknown(name)),
            }
        }
        Ok(view)
    }

    /// A view of everything that matches these filters.
    pub(super) fn of(filter: Filter) -> Self {
        Self { filter, ..Self::default() }
    }

    /// Whether it asks for the whole list in its usual order.
    pub(super) fn is_whole(&self) -> bool {
        *self == Self { format: self.format, ..Self::default() }
    }

    /// The requested part of a list; `most` if the client sets no limit.
    pub(super) fn part<T>(&self, list: impl IntoIterator<Item = T>, most: usize) -> impl Iterator<Item = T> {
        list.into_iter().skip(self.offset).take(self.limit.unwrap_or(most))
    }

    /// The same view from another place on.
    pub(super) fn from(&self, offset: usize) -> Self {
        Self { offset, ..self.clone() }
    }

    /// The view as a query, with its question mark; empty for the whole list.
    pub(super) fn query(&self) -> String {
        let mut query = String::new();
        let mut add = |name: &str, value: &str| {
            query.push(if query.is_empty() { '?' } else { '&' });
            query.push_str(name);
            query.push('=');
            query.push_str(&safe::url_part(value));
        };
        self.filter.parameters().for_each(|(name, value)| add(name, value));
        if let Some((sort, descending)) = self.sort {
            add("sort", &format!("{}{}", if descending { "-" } else { "" }, sort.label()));
        }
        if self.offset > 0 {
            add("offset", &self.offset.to_string());
        }
        if let Some(limit) = self.limit {
            add("limit", &limit.to_string());
        }
        if self.format == Format::Csv {
            add("format", "csv");
        }
        query
    }
}

fn number(name: &str, value: &str) -> Result<usize, String> {
    value.parse().map_err(|_| format!("{name} is a whole number, 0 or more"))
}

fn sort(list: List, value: &str) -> Result<(Sort, bool), String> {
    let (label, descending) = value.strip_prefix('-').map_or((value, false), |label| (label, true));
    let known = Sort::ALL.into_iter().find(|sort| sort.label() == label && list.sorts().contains(sort));
    known.map(|sort| (sort, descending)).ok_or_else(|| {
        let labels: Vec<_> = list.sorts().iter().map(|sort| sort.label()).collect();
        format!("sort is one of {}, with - in front for the other way round", labels.join(", "))
    })
}

fn unknown(name: &str) -> String {
    let shown: String = safe::line(name).chars().take(40).collect();
    let filters: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
    format!(
        "there is no parameter {shown:?}: take limit, offset, sort, format or a filter ({})",
        filters.join(", ")
    )
}

#[cfg(test)]
mod tests;
