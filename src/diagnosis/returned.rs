//! Reports of failed delivery: what a `message/delivery-status` part says, RFC 3464.

/// What a report says about one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// The enhanced status code (RFC 3463), such as `5.1.1`; `None` if the report has none.
    pub status: Option<String>,
    /// The sentence of the server that refused, as far as the report quotes it.
    pub diagnostic: Option<String>,
}

/// What a report says; `None` if it does not report a failure but, for example, a delay or a delivery.
pub fn returned(status_part: &str) -> Option<Returned> {
    let fields = unfolded(status_part);
    let field = |name: &str| {
        fields.iter().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    let status = field("status").and_then(|value| value.split_whitespace().next().map(str::to_owned));
    let failed = match field("action") {
        Some(action) => action.eq_ignore_ascii_case("failed"),
        None => status.as_ref().is_some_and(|status| status.starts_with('5')),
    };
    // The kind of code comes first: `smtp; 550 5.1.1 …`.
    let diagnostic = field("diagnostic-code");
    let diagnostic =
        diagnostic.map(|text| text.split_once(';').map_or(text.clone(), |(_, said)| said.trim().to_owned()));
    failed.then_some(Returned { status, diagnostic })
}

/// The fields of a report, each as one line.
fn unfolded(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match lines.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => lines.push(line.trim_end().to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_report_tells_failure_from_delay() {
        let failed = "Reporting-MTA: dns; mail.rig.test\r\n\r\nFinal-Recipient: rfc822; gone@rig.test\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 <gone@rig.test>\r\n    User unknown\r\n";
        let expected = Returned {
            status: Some("5.1.1".to_owned()),
            diagnostic: Some("550 5.1.1 <gone@rig.test> User unknown".to_owned()),
        };
        assert_eq!(returned(failed), Some(expected));
        assert_eq!(returned(&failed.replace("failed", "delayed").replace("5.1.1", "4.4.1")), None);
        assert_eq!(returned("Status: 2.0.0 (delivered)\r\n"), None);
        let bare = Returned { status: Some("5.2.2".to_owned()), diagnostic: None };
        assert_eq!(returned("status: 5.2.2 (mailbox full)\r\n"), Some(bare));
        assert_eq!(returned(""), None);
    }

    proptest! {
        #[test]
        fn no_report_makes_reading_fail_otherwise(
            report in "((Action|Status|Diagnostic-Code|\\PC{0,8}): ?(failed|delayed|5\\.1\\.1|smtp; 550|\\PC{0,20})(\r?\n[ \t]?)){0,6}|\\PC{0,120}",
        ) {
            let Some(Returned { status, diagnostic }) = returned(&report) else { return Ok(()) };
            prop_assert!(status.is_none_or(|status| !status.contains(char::is_whitespace)));
            prop_assert!(diagnostic.is_none_or(|said| !said.contains(['\r', '\n'])));
        }
    }
}
