//! Text that was to be replaced by its reader and was left standing: `${TENANT}`, `<client-id>`, `{{ secret }}`.
//!
//! Owns the forms. Messages name the form but never repeat its content, which may be half a secret.

/// Marks around a name.
struct Form {
    shown: &'static str,
    open: &'static str,
    close: &'static str,
    /// Whether this may be between the marks: `inside` a longer text, and `alone`, if it is the whole text.
    inside: fn(&str) -> bool,
    alone: fn(&str) -> bool,
}

const fn form(shown: &'static str, marks: [&'static str; 2], inside: fn(&str) -> bool) -> Form {
    let [open, close] = marks;
    Form { shown, open, close, inside, alone: inside }
}

/// `{tenant}` is not among them: the configuration itself fills it in.
const FORMS: &[Form] = &[
    form("${…}", ["${", "}"], |_| true),
    form("{{…}}", ["{{", "}}"], |_| true),
    form("$(…)", ["$(", ")"], |_| true),
    form("<…>", ["<", ">"], words),
    Form { alone: variable, ..form("%…%", ["%", "%"], constant) },
    Form { alone: variable, ..form("__…__", ["__", "__"], constant) },
];

/// The form of the first placeholder in a text.
pub fn placeholder(text: &str) -> Option<&'static str> {
    FORMS.iter().find(|form| form.stands_in(text)).map(|form| form.shown)
}

/// The form of the placeholder that is all of a text.
pub(super) fn is_placeholder(text: &str) -> bool {
    FORMS.iter().any(|form| form.is(text))
}

impl Form {
    fn is(&self, text: &str) -> bool {
        let inside = text.strip_prefix(self.open).and_then(|rest| rest.strip_suffix(self.close));
        inside.is_some_and(self.alone)
    }

    fn stands_in(&self, text: &str) -> bool {
        if self.is(text) {
            return true;
        }
        let mut rest = text;
        while let Some((_, behind)) = rest.split_once(self.open) {
            if behind.split_once(self.close).is_some_and(|(inside, _)| (self.inside)(inside)) {
                return true;
            }
            rest = behind;
        }
        false
    }
}

/// `client-id`, `your tenant here`.
fn words(inside: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '…');
    inside.trim() == inside && inside.chars().any(char::is_alphanumeric) && inside.chars().all(allowed)
}

/// `tenant-id`. Two hexadecimal digits between two `%` are a percent-encoded letter.
fn variable(inside: &str) -> bool {
    const SHORTEST: usize = 3;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    inside.len() >= SHORTEST
        && inside.starts_with(|c: char| c.is_ascii_alphabetic())
        && inside.chars().all(allowed)
}

/// `TENANT_ID`: in the middle of a text only capitals are meant to be replaced.
fn constant(inside: &str) -> bool {
    variable(inside) && !inside.chars().any(|c| c.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_standing_is_seen_and_ordinary_text_is_not() {
        for (text, form) in [
            ("${TENANT_ID}", "${…}"),
            ("/run/${HOME}/secret", "${…}"),
            ("$(cat secret)", "$(…)"),
            ("<client-id>", "<…>"),
            ("https://idp.example/<your tenant>/token", "<…>"),
            ("{{ .Values.tenant }}", "{{…}}"),
            ("%TENANT_ID%", "%…%"),
            ("__CLIENT_SECRET__", "__…__"),
            ("__client-id__", "__…__"),
            ("/run/__APP__/secret", "__…__"),
        ] {
            assert_eq!(placeholder(text), Some(form), "{text}");
        }
        for text in [
            "https://idp.example/{tenant}/oauth2/token",
            "invoices@contoso.example",
            "a < b > c?",
            "100 % of 50 %",
            "%E4%BC%9A",
            "Entw&APw-rfe",
            "__init",
            "snake__case__name_",
            "$RECYCLE",
            "<>",
        ] {
            assert_eq!(placeholder(text), None, "{text}");
        }
    }
}
