//! The markup of hints. Re-exports the counts and times of `report::text`, so that pages have one module for text.
//!
//! Not here: anything that knows what a check is.

use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::invocation;
use crate::model::Reason;

pub(super) use crate::report::text::{
    ago, between, clock, clock_against, counted, end, plural, stretch, took,
};

/// The depth of the page that a link is on. Every link is relative, so that pages work behind a proxy that serves
/// them below a path of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    /// `/`, `/readiness`, `/reasons`.
    Top,
    /// `/mailboxes/NAME`, `/reasons/NAME`.
    Below,
}

impl Here {
    /// The link to a path, which is written without its first slash; the empty one is the status page.
    pub(super) fn to(self, path: &str) -> String {
        match self {
            Self::Top => format!("./{path}"),
            Self::Below => format!("../{path}"),
        }
    }

    /// The link to the page of a reason.
    fn to_reason(self, reason: Reason) -> String {
        self.to(reason.docs().trim_start_matches('/'))
    }
}

/// Text as a part of an address, or of an `id`: without any character that means something there.
pub(super) fn url_part(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A mailbox's name, leading to its page.
pub(super) fn mailbox(here: Here, name: &str) -> Markup {
    html! { a href={ (here.to("mailboxes/")) (url_part(name)) } { (name) } }
}

/// A credential's name, as a link to the facts about it.
pub(super) fn credential(here: Here, name: &str) -> Markup {
    html! { a href={ (here.to("credentials?credential=")) (url_part(name)) } { (name) } }
}

/// A reason's label, leading to its page.
pub(super) fn reason(here: Here, reason: Reason) -> Markup {
    html! { a href=(here.to_reason(reason)) { code.reason { (reason) } } }
}

/// A link to the page about a reason.
pub(super) fn about(here: Here, reason: Reason) -> Markup {
    html! { a.about href=(here.to_reason(reason)) { "more" } }
}

/// A hint: one paragraph per line, for the configuration of this agent, with the text between backticks as commands.
pub(super) fn hint(hint: &str) -> Markup {
    html! {
        @for line in invocation::complete(hint).lines().filter(|line| !line.trim().is_empty()) {
            p.hint {
                @for (place, piece) in line.split('`').enumerate() {
                    @if place % 2 == 1 { (command(piece)) } @else { (piece) }
                }
            }
        }
    }
}

/// A command. Its words stay whole if the line is wide enough, so that no GUID and no `-Option` is
/// torn at a hyphen; its spaces stay as they are, because it will be copied.
fn command(command: &str) -> Markup {
    html! {
        code {
            @for (place, word) in command.split(' ').enumerate() {
                @if place > 0 { " " }
                span { (word) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_in_a_hint_are_set_apart_and_everything_is_escaped() {
        let markup = hint("Run `Get-X <a>` now.\n\nThen & wait").into_string();
        assert_eq!(
            markup,
            "<p class=\"hint\">Run <code><span>Get-X</span> <span>&lt;a&gt;</span></code> now.</p><p class=\"hint\">Then &amp; wait</p>"
        );
    }
}
