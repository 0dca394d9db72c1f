//! What a receiving server wrote about the sender: the `Authentication-Results` header, RFC 8601.

use crate::model::{SenderCheck, SenderVerdict, SenderVerdicts};

/// The verdicts of the topmost header: the ones below it were written earlier, by servers that are not trusted here.
///
/// `headers` are all header lines of a message, or only those of this name. A check that was done several times
/// (DKIM signatures) counts as passed if one passed.
pub fn verdicts(headers: &str) -> SenderVerdicts {
    let value =
        topmost(headers).map(|value| without_comments(&value).to_ascii_lowercase()).unwrap_or_default();
    // The server's name precedes the first result, without an equals sign. Exchange Online leaves it out.
    let results: Vec<(&str, &str)> = value
        .split(';')
        .filter_map(|part| {
            let (method, result) = part.trim().split_once('=')?;
            // A method may have a version: `dkim/1`.
            let method = method.split('/').next()?.trim();
            Some((method, result.split_ascii_whitespace().next()?))
        })
        .collect();
    let verdict = |check: SenderCheck| {
        let said = || results.iter().filter(move |(method, _)| *method == check.label());
        let said: Vec<SenderVerdict> = said().map(|(_, result)| verdict_of(result)).collect();
        let best = said.iter().find(|verdict| **verdict == SenderVerdict::Pass).or(said.first());
        (check, best.copied().unwrap_or(SenderVerdict::Absent))
    };
    SenderCheck::ALL.iter().map(|check| verdict(*check)).collect()
}

/// The verdict that a result's word stands for (RFC 8601 section 2.7). Exchange writes `bestguesspass` for a domain
/// without a DMARC record; `policy` is a refusal by a local rule.
fn verdict_of(word: &str) -> SenderVerdict {
    match word {
        "hardfail" | "policy" => SenderVerdict::Fail,
        "bestguesspass" => SenderVerdict::None,
        word => SenderVerdict::from_label(word).unwrap_or(SenderVerdict::PermError),
    }
}

/// The value of the topmost `Authentication-Results` header, its lines joined.
fn topmost(headers: &str) -> Option<String> {
    let headers = headers.replace("\r\n", "\n");
    let mut lines = headers.lines().skip_while(|line| {
        line.split_once(':')
            .is_none_or(|(name, _)| !name.trim().eq_ignore_ascii_case("authentication-results"))
    });
    let first = lines.next()?.split_once(':')?.1.to_owned();
    Some(lines.take_while(|line| line.starts_with([' ', '\t'])).fold(first, |value, line| value + line))
}

/// The text without the parts in parentheses (RFC 5322 section 3.2.2): comments may hold `;` and `=`.
fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|letter| {
            match letter {
                '(' => depth += 1,
                ')' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels(headers: &str) -> String {
        let verdicts = verdicts(headers);
        let verdicts = verdicts.iter().map(|(check, verdict)| format!("{check}={verdict}"));
        verdicts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_topmost_header_counts_whatever_is_written_in_comments() {
        let rows = [
            (
                "Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=contoso.example; dkim=pass (signature was verified)\r\n header.d=contoso.example;dmarc=bestguesspass action=none\r\n",
                "spf=pass dkim=pass dmarc=none",
            ),
            (
                "Received: x\r\nAuthentication-Results: mx.example; spf=softfail (a; dkim=pass) smtp.mailfrom=x;\r\n\tdkim=fail header.d=a; dkim/1=PASS header.d=b; dmarc=fail (p=NONE)\r\nAuthentication-Results: forged; spf=pass\r\n",
                "spf=softfail dkim=pass dmarc=fail",
            ),
            ("Authentication-Results: mx.example; none", "spf=absent dkim=absent dmarc=absent"),
            (
                "Authentication-Results: mx.example; spf=odd; dkim=neutral",
                "spf=permerror dkim=neutral dmarc=absent",
            ),
            ("Subject: x", "spf=absent dkim=absent dmarc=absent"),
        ];
        for (headers, expected) in rows {
            assert_eq!(labels(headers), expected, "{headers}");
        }
    }

    proptest! {
        #[test]
        fn every_check_has_one_verdict_whatever_stands_in_the_header(
            value in "((spf|dkim|dmarc|dkim/1|\\PC{0,6})=(pass|fail|none|bestguesspass|\\PC{0,8})[ ();]{0,3}){0,6}(\r?\n[ \t])?\\PC{0,20}",
        ) {
            let verdicts = verdicts(&format!("Received: x\r\nAuthentication-Results: {value}\r\n"));
            prop_assert_eq!(verdicts.len(), SenderCheck::ALL.len());
            if !value.to_ascii_lowercase().contains("pass") {
                prop_assert!(verdicts.iter().all(|(_, verdict)| *verdict != SenderVerdict::Pass));
            }
        }
    }
}
