//! Text of others in a cell of a markdown table.

/// The text in one line and as it reads, without markup, links or bars of its own. Commands between
/// backticks stay code.
pub fn markdown(text: &str) -> String {
    let text = super::line(text);
    let pieces: Vec<&str> = text.split('`').collect();
    // Two backticks side by side open another kind of code, and an odd one pairs with whatever follows.
    let paired = pieces.len() % 2 == 1 && !pieces.iter().skip(1).step_by(2).any(|code| code.is_empty());
    let apart = pieces.iter().skip(2).step_by(2).rev().skip(1).all(|prose| !prose.is_empty());
    if !(paired && apart) {
        return prose(&text);
    }
    let write = |(place, piece): (usize, &&str)| match place % 2 {
        0 => prose(piece),
        // Within code it would be inert, but not every renderer is one of CommonMark.
        _ if looks_active(piece) => prose(piece),
        // A table takes its bars first, also within code.
        _ => format!("`{}`", piece.replace('|', "\\|")),
    };
    pieces.iter().enumerate().map(write).collect()
}

/// Escapes everything that could become markdown or an automatic link.
fn prose(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let after = &rest[letter.len_utf8()..];
        // Within a word an underscore is not markup.
        let within = escaped.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric);
        let markup = "\\`*[]|~&!#".contains(letter) || (letter == '_' && !within);
        // `https://…` and `www.…` become links by themselves.
        let link = (letter == ':' && after.starts_with('/'))
            || (letter == '.' && escaped.get(escaped.len().saturating_sub(3)..).is_some_and(is_www));
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            _ => {
                if markup || link {
                    escaped.push('\\');
                }
                escaped.push(letter);
            }
        }
        rest = after;
    }
    escaped
}

/// Whether a text holds the beginning of an HTML element, or a link.
fn looks_active(text: &str) -> bool {
    let begins_element = |after: &str| after.starts_with(|letter: char| letter.is_ascii_alphabetic());
    text.contains("](") || text.split('<').skip(1).any(begins_element)
}

fn is_www(text: &str) -> bool {
    text.eq_ignore_ascii_case("www")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_as_it_is_and_makes_no_markup() {
        let cases = [
            ("desk", "desk"),
            ("a|b", "a\\|b"),
            ("<img src=http://evil.example/x>", "&lt;img src=http\\://evil.example/x&gt;"),
            ("[click](javascript:alert(1))", "\\[click\\](javascript:alert(1))"),
            ("WWW.evil.example", "WWW\\.evil.example"),
            ("&lt; *b* _i_ ~~s~~", "\\&lt; \\*b\\* \\_i\\_ \\~\\~s\\~\\~"),
            ("at_risk\nnext", "at_risk next"),
        ];
        for (text, written) in cases {
            assert_eq!(markdown(text), written);
        }
    }

    #[test]
    fn a_command_stays_code_unless_its_backticks_do_not_pair() {
        let cases = [
            ("Run `Set-It -Name 'a_b' | fl` now.", "Run `Set-It -Name 'a_b' \\| fl` now."),
            ("`a` and `b`", "`a` and `b`"),
            ("`openssl s_client </dev/null`", "`openssl s_client </dev/null`"),
            ("`Set-It -Identity <img src=x>`", "Set-It -Identity &lt;img src=x&gt;"),
            ("`Set-It -Identity [a](javascript:b)`", "Set-It -Identity \\[a\\](javascript:b)"),
            ("odd ` <b>", "odd \\` &lt;b&gt;"),
            ("two `` <b> `c` ``", "two \\`\\` &lt;b&gt; \\`c\\` \\`\\`"),
            ("`a``<b>`", "\\`a\\`\\`&lt;b&gt;\\`"),
        ];
        for (text, written) in cases {
            assert_eq!(markdown(text), written);
        }
    }
}
