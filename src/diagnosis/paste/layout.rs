//! Layout: removes the `>` of quoted lines, and restores the line ends of a text that a terminal, a form or a
//! search engine has changed.
//!
//! Not here: line ends that are spelt out as `\n`, and everything else about a line; see `lines`.

use std::borrow::Cow;

use super::commands;

/// How many characters a terminal's line has at least.
const NARROWEST: usize = 60;

/// The text as its program wrote it: without `>`, with its own line ends.
pub(super) fn restored(text: &str) -> Cow<'_, str> {
    let unquoted = unquoted(text);
    let joined = joined(&unquoted);
    if !joined.lines().any(|line| is_flattened_dialogue(line) || is_flattened_reply(line)) {
        return Cow::Owned(joined.into_owned());
    }
    Cow::Owned(joined.lines().map(split).collect::<Vec<_>>().join("\n"))
}

/// The sign before a line that a mail or a Markdown text quotes. Dialogues put it before the client's lines, too.
const QUOTE: char = '>';

/// Whether [`QUOTE`] marks quotations here: no line has the server's mark, and no marked line is a client's command.
fn is_quotation(text: &str) -> bool {
    let mut quotes = false;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with('<') {
            return false;
        }
        let Some(rest) = line.strip_prefix(QUOTE) else { continue };
        if rest.starts_with('>') || commands::unmarked(rest.trim()).is_some() {
            return false;
        }
        quotes = true;
    }
    quotes
}

/// The text without the signs of a quotation.
fn unquoted(text: &str) -> Cow<'_, str> {
    if !is_quotation(text) {
        return Cow::Borrowed(text);
    }
    let bare = |line: &str| match line.trim_start().strip_prefix(QUOTE) {
        Some(rest) => rest.strip_prefix(' ').unwrap_or(rest).to_owned(),
        None => line.to_owned(),
    };
    Cow::Owned(text.lines().map(bare).collect::<Vec<_>>().join("\n"))
}

/// Joins the pieces of a line that a terminal cut in the middle of words: several lines are equally long, no
/// line is longer, and words continue in the next line.
fn joined(text: &str) -> Cow<'_, str> {
    let lengths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
    let width = lengths.iter().copied().max().unwrap_or(0);
    let full = lengths.iter().filter(|length| **length == width).count();
    let cut =
        |line: &str, next: &str| line.ends_with(char::is_alphabetic) && next.starts_with(char::is_lowercase);
    let mut pairs = text.lines().zip(text.lines().skip(1)).zip(&lengths);
    let full_lines_are_cut = pairs.all(|((line, next), length)| *length < width || cut(line, next));
    if width < NARROWEST || full < 2 || !full_lines_are_cut {
        return Cow::Borrowed(text);
    }
    let with_its_end = |(line, length): (&str, &usize)| {
        if *length < width { format!("{line}\n") } else { line.to_owned() }
    };
    let joined: String = text.lines().zip(&lengths).map(with_its_end).collect();
    Cow::Owned(joined.trim_end().to_owned())
}

/// The marks of both sides, as Webklex and other libraries print them.
const SERVER: &str = "<< ";
const CLIENT: &str = ">> ";

/// Whether one line holds a whole dialogue: `<< * OK ready >> TAG1 LOGIN … << TAG1 NO …`.
fn is_flattened_dialogue(line: &str) -> bool {
    let line = line.trim_start();
    (line.starts_with(SERVER) || line.starts_with(CLIENT)) && line.contains(" << ") && line.contains(" >> ")
}

/// A line of a reply to EHLO that is not the last.
const CONTINUED: &str = "250-";

/// Whether one line holds a whole reply to EHLO: `250-mail.contoso.example250-SIZE 1000250-AUTH PLAIN250 HELP`.
fn is_flattened_reply(line: &str) -> bool {
    line.matches(CONTINUED).count() > 2
}

/// A flattened line, split.
fn split(line: &str) -> String {
    if is_flattened_dialogue(line) {
        return line.replace(" << ", "\n<< ").replace(" >> ", "\n>> ");
    }
    let Some(first) = line.find(CONTINUED).filter(|_| is_flattened_reply(line)) else {
        return line.to_owned();
    };
    let (head, reply) = line.split_at(first + CONTINUED.len());
    let (body, end) = reply.rsplit_once(CONTINUED).unwrap_or((reply, ""));
    let body = body.replace(CONTINUED, "\n250-");
    format!("{head}{body}\n250-{}", end.replacen("250 ", "\n250 ", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_a_terminal_cut_within_words_is_joined() {
        let cut = "javax.mail.AuthenticationFailedException: 535 5.7.139 SmtpClien\ntAuthentication is disabled for the Tenant, says the mail serve\nr.";
        assert_eq!(restored(cut), cut.replace('\n', ""));
        let log = "Nov 24 10:11:12 mail postfix/smtpd[99]: connect from unknown one\nNov 24 10:11:13 mail postfix/smtpd[99]: connect from unknown two";
        assert_eq!(restored(log), log);
        let prose = "the first line of a mail that its writer has wrapped by hand at the end\nof a word";
        assert_eq!(restored(prose), prose);
    }

    #[test]
    fn the_signs_of_a_quotation_are_taken_off_and_marks_are_kept() {
        assert_eq!(restored("> one sentence in\n> two lines"), "one sentence in\ntwo lines");
        for dialogue in ["> EHLO probe\n< 250 mail", "> a1 NOOP\na1 OK done"] {
            assert_eq!(restored(dialogue), dialogue);
        }
    }

    #[test]
    fn a_dialogue_and_a_reply_that_were_flattened_are_split() {
        assert_eq!(
            restored("<< * OK ready >> T1 LOGIN x y << T1 NO failed"),
            "<< * OK ready\n>> T1 LOGIN x y\n<< T1 NO failed"
        );
        assert_eq!(
            restored("S: 250-mail Hello250-SIZE 1000250-AUTH PLAIN250 HELP"),
            "S: 250-mail Hello\n250-SIZE 1000\n250-AUTH PLAIN\n250 HELP"
        );
        assert_eq!(restored("250-a\n250-b\n250 c"), "250-a\n250-b\n250 c");
    }
}
