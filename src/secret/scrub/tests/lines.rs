//! Secrets over several lines, whatever a protocol puts before each of them.

use super::*;

#[test]
fn a_secret_that_is_broken_by_a_line_end_is_removed() {
    let scrubber = Scrubber::knowing([SECRET]);
    for size in [3, 5, 8, 20] {
        let parts: Vec<&str> = SECRET
            .as_bytes()
            .chunks(size)
            .map(|part| std::str::from_utf8(part).unwrap_or_default())
            .collect();
        for start in ["535-5.7.1 ", "* NO ", "* ", "a2 BAD "] {
            let lines: Vec<String> = parts.iter().map(|part| format!("{start}{part}")).collect();
            let clean = scrubber.clean_lines(lines.iter().map(String::as_str), LIMIT);
            assert_eq!(clean.len(), lines.len());
            for line in &clean {
                assert!(
                    !shares(line, SECRET) && line.get(..1) == Some(&start.trim_start()[..1]),
                    "{clean:?}"
                );
                assert!(line.ends_with("<redacted>"), "{clean:?}");
            }
        }
        let folded = scrubber.clean(&format!("<p>{}</p>", parts.join("\r\n")), LIMIT);
        assert_eq!(folded, "<p><redacted></p>");
    }
    let packed = STANDARD.encode(format!("user=a@b\u{1}auth=Bearer {SECRET}\u{1}\u{1}"));
    let lines: Vec<String> = packed
        .as_bytes()
        .chunks(6)
        .map(|part| format!("535-5.7.1 {}", String::from_utf8_lossy(part)))
        .collect();
    let clean = scrubber.clean_lines(lines.iter().map(String::as_str), LIMIT);
    let left: String = clean.iter().map(|line| line.trim_start_matches("535-5.7.1 ")).collect();
    assert!(!shares(&left, &STANDARD.encode(SECRET)), "{left}");
}

#[test]
fn a_secret_over_lines_is_removed_behind_what_begins_them() {
    const SECRET: &str = "Kd83hfQz71LmWp04Rt";
    let scrubber = Scrubber::knowing([SECRET]);
    for start in [
        "535-5.7.8 ",
        "* NO ",
        "* NO [ALERT] ",
        "* BYE ",
        "a2 NO [AUTHENTICATIONFAILED] ",
        "-ERR ",
        "-ERR [AUTH] ",
        "-ERR [SYS/TEMP] ",
        "+OK ",
        "X-Reason: ",
    ] {
        for size in [1, 2, 5, 7] {
            let parts = SECRET.as_bytes().chunks(size).map(String::from_utf8_lossy);
            let lines: Vec<String> = parts.map(|part| format!("{start}{part}")).collect();
            let clean = scrubber.clean_lines(lines.iter().map(String::as_str), LIMIT);
            assert!(clean.iter().all(|line| *line == format!("{start}<redacted>")), "{clean:?}");
        }
    }
}
