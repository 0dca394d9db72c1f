//! Filters of lists: which mailboxes a page or a list of `/api/v1` shows.
//!
//! Owns the table of query parameters and what each compares. Not here: order and pages (`view`).

use crate::model::{Endpoint, Mailbox, Owner, Phase, Protocol, Reason};

/// How long the value of a filter may be, in bytes.
const LONGEST: usize = 256;

/// What a filter can compare: one mailbox in one protocol.
pub(super) struct Subject<'s> {
    pub(super) mailbox: &'s Mailbox,
    pub(super) protocol: Protocol,
    pub(super) server: Option<&'s Endpoint>,
    pub(super) outcome: &'static str,
    pub(super) phase: Option<Phase>,
    pub(super) reason: Option<Reason>,
}

/// One filter.
pub(super) struct Field {
    /// The query parameter.
    pub(super) name: &'static str,
    /// Its name on a page.
    pub(super) title: &'static str,
    /// The values that it takes; `None` for any text.
    pub(super) values: Option<fn() -> Vec<&'static str>>,
    matches: fn(&Subject<'_>, &str) -> bool,
}

const OUTCOMES: [&str; 3] = ["failure", "waiting", "success"];

/// Every filter.
pub(super) const FIELDS: &[Field] = &[
    Field { name: "name", title: "Name or address", values: None, matches: named },
    Field { name: "label", title: "Label", values: None, matches: labelled },
    Field {
        name: "outcome",
        title: "Outcome",
        values: Some(|| OUTCOMES.to_vec()),
        matches: |of, value| of.outcome == value,
    },
    Field {
        name: "protocol",
        title: "Protocol",
        values: Some(|| Protocol::ALL.iter().map(|protocol| protocol.label()).collect()),
        matches: |of, value| of.protocol.label() == value,
    },
    Field {
        name: "reason",
        title: "Reason",
        values: Some(|| Reason::ALL.iter().map(|reason| reason.label()).collect()),
        matches: |of, value| of.reason.is_some_and(|reason| reason.label() == value),
    },
    Field {
        name: "phase",
        title: "Phase",
        values: Some(|| Phase::ALL.iter().map(|phase| phase.label()).collect()),
        matches: |of, value| of.phase.is_some_and(|phase| phase.label() == value),
    },
    Field {
        name: "owner",
        title: "Who acts",
        values: Some(|| Owner::ALL.iter().map(|owner| owner.label()).collect()),
        matches: |of, value| {
            // The first one, as in `mailbox_reason_info`.
            of.reason
                .and_then(|reason| reason.row().owners.first())
                .is_some_and(|owner| owner.label() == value)
        },
    },
    Field {
        name: "provider",
        title: "Provider",
        values: None,
        matches: |of, value| *of.mailbox.provider.name == *value,
    },
    Field {
        name: "credential",
        title: "Credential",
        values: None,
        matches: |of, value| *of.mailbox.credential.name == *value,
    },
    Field {
        name: "server",
        title: "Server",
        values: None,
        matches: |of, value| of.server.is_some_and(|server| server.to_string() == value),
    },
];

/// Part of the name or the address, in any case.
fn named(of: &Subject<'_>, value: &str) -> bool {
    let value = value.to_lowercase();
    of.mailbox.name.to_lowercase().contains(&value) || of.mailbox.address.to_lowercase().contains(&value)
}

/// `team=billing`, `team:billing`, or `team` for every mailbox that has the label.
fn labelled(of: &Subject<'_>, value: &str) -> bool {
    let labels = &of.mailbox.labels;
    match value.split_once(['=', ':']) {
        Some((name, value)) => labels.get(name.trim()).is_some_and(|has| has == value.trim()),
        None => labels.contains_key(value),
    }
}

/// The filters that are set. All of them must match the same check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter(Vec<(&'static str, String)>);

impl Filter {
    /// Sets a filter. False if there is none of that name.
    ///
    /// # Errors
    /// A sentence about the value, if it cannot match anything.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<bool, String> {
        let Some(field) = FIELDS.iter().find(|field| field.name == name) else { return Ok(false) };
        if value.len() > LONGEST {
            return Err(format!("{name} may have {LONGEST} bytes at most"));
        }
        if let Some(values) = field.values.map(|values| values())
            && !values.contains(&value)
        {
            return Err(format!("{name} is one of {}", values.join(", ")));
        }
        self.0.push((field.name, value.to_owned()));
        Ok(true)
    }

    /// The same filter with another condition, which must be valid.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.0.push((name, value.to_owned()));
        self
    }

    /// The same filter without one of its conditions.
    pub(super) fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(set, _)| *set != name).cloned().collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value that a filter is set to.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(set, _)| *set == name).map(|(_, value)| value.as_str())
    }

    /// The filters as query parameters.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    pub(super) fn admits(&self, subject: &Subject<'_>) -> bool {
        let matches = |(name, value): &(&'static str, String)| {
            let field = FIELDS.iter().find(|field| field.name == *name);
            field.is_none_or(|field| (field.matches)(subject, value))
        };
        self.0.iter().all(matches)
    }
}
