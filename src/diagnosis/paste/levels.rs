//! Log lines: what the form of a line says about it, whatever its words are: the level, the program that wrote it.
//!
//! Not here: the words.

use crate::diagnosis::text::words;

/// Levels of log lines that report no failure.
const LEVELS: &[&str] = &["info", "debug", "trace", "notice", "information", "inf", "dbg", "verbose"];

/// Levels that Mozilla's and Android's logs put before the module: `D/IMAP …`.
const LETTERED: &[&str] = &["i/", "d/", "v/"];

/// How Ruby's logger begins a line of level INFO or DEBUG.
const RUBY: &[&str] = &["i, [", "d, ["];

/// The level, or the name of a daemon, is among this many first words of a line.
const WITHIN: usize = 8;

/// In Mozilla's logs the level comes later: `2026-01-02 10:00:00.123 UTC - [Parent 99: Main Thread]: D/IMAP …`.
const WITHIN_LETTERED: usize = 14;

/// Whether a folded log line bears a level that reports no failure.
pub(super) fn is_informative(folded: &str) -> bool {
    let lettered = |word: &str| {
        LETTERED.iter().any(|level| {
            word.strip_prefix(level)
                .is_some_and(|module| module.bytes().all(|b| b.is_ascii_alphanumeric()) && !module.is_empty())
        })
    };
    // In a sentence ("for more info, see …") the word is no level.
    let within = if is_logged(folded) { WITHIN } else { 2 };
    words(folded).take(within).any(|word| LEVELS.contains(&word))
        || words(folded).take(WITHIN_LETTERED).any(lettered)
        || ruby(folded).is_some()
}

/// Whether a program logged the line: a date or a time is among its first words.
pub(super) fn is_logged(folded: &str) -> bool {
    folded.split(' ').take(4).any(|word| {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        digits >= 4 && (word.matches(':').count() >= 2 || word.matches('-').count() == 2)
    })
}

/// A folded line without the level that looks like a word of a person: "I, [2026-01-02 …] INFO -- : …".
pub(super) fn without_level(folded: &str) -> &str {
    ruby(folded).unwrap_or(folded)
}

/// The rest of a line of Ruby's logger, where its time begins. A daemon's name may precede it.
fn ruby(folded: &str) -> Option<&str> {
    RUBY.iter().find_map(|level| {
        let at = folded
            .find(level)
            .filter(|at| *at == 0 || folded.get(..*at).is_some_and(|before| before.ends_with(": ")))?;
        folded.get(at + level.len() - 1..)
    })
}

/// Whether a mail server logged the line: `postfix/qmgr[99]: …`, `dovecot: imap(ops)<99><x>: …`.
pub(super) fn is_of_daemon(text: &str) -> bool {
    text.split_whitespace().take(WITHIN).any(|word| {
        let Some(name) = word.strip_suffix(':') else { return false };
        let numbered = name.strip_suffix(']').and_then(|name| name.rsplit_once('['));
        let is_numbered = numbered.is_some_and(|(name, pid)| {
            !name.is_empty() && !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit())
        });
        is_numbered || name == "dovecot" || (name.contains(")<") && name.ends_with('>'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_among_the_first_words_is_a_logs() {
        for line in ["jan 2 10:00:00 mx app[9]: x", "[2026-01-02 10:00:00] x", "2026-01-02t10:00:00z x"] {
            assert!(is_logged(line), "{line}");
        }
        for line in ["see you on monday", "::1 is an address", "it broke at the company at 10:00:00"] {
            assert!(!is_logged(line), "{line}");
        }
    }

    #[test]
    fn every_loggers_form_of_a_level_is_known() {
        for line in [
            "2026-01-02 10:00:00 info 99 --- [main] o.s.i.mail: waiting",
            "debug:exchangelib.transport: auth type is ntlm",
            "utc - [parent 99: main thread]: d/imap entering",
            "i, [2026-01-02t10:00:00 #99] info -- : started",
            "chatwoot web.1[99]: i, [2026-01-02t10:00:00 #99] rendered",
            "level=info msg=x",
        ] {
            assert!(is_informative(line), "{line}");
        }
        for line in ["error: x", "for more info see there", "i, the admin, am lost", "see d/imap.txt"] {
            assert!(!is_informative(line), "{line}");
        }
    }
}
