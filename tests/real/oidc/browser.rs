//! A person's browser: curl with a jar of cookies, and the forms of the pages filled in.

use std::path::PathBuf;

use crate::clients::curl;
use crate::rig::Rig;

/// More pages than any sign-in has.
const MOST_PAGES: usize = 10;

pub(super) struct Browser<'a> {
    pub(super) rig: &'a Rig,
    /// Where its cookies lie: no other browser's.
    pub(super) jar: PathBuf,
}

/// How a sign-in ends.
#[derive(PartialEq)]
pub(super) enum Answer {
    Approves,
    Declines,
}

/// A form of a page: where it goes, and what stands in it already.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Browser<'_> {
    /// Enters the code at the provider's page, signs in as this user, and answers what is asked. Returns the last page.
    pub(super) fn sign_in(&self, page: &str, code: &str, user: &str, answer: &Answer) -> String {
        let mut html = self.open(&[page]);
        for _ in 0..MOST_PAGES {
            let Some(mut form) = Form::of(&html) else { return html };
            form.fill("user_code", code);
            form.fill("login", user);
            form.fill("password", "any");
            let confirms = form.has("confirm");
            if confirms && *answer == Answer::Declines {
                form.fields.push(("abort".to_owned(), "yes".to_owned()));
            }
            html = self.submit(&form);
            if confirms && *answer == Answer::Declines {
                return html;
            }
        }
        panic!("the sign-in has more than {MOST_PAGES} pages; the last one is:\n{html}");
    }

    fn submit(&self, form: &Form) -> String {
        let fields = form.fields.iter().map(|(name, value)| format!("{name}={value}"));
        let mut arguments = vec![form.action.clone()];
        arguments.extend(fields.flat_map(|field| ["--data-urlencode".to_owned(), field]));
        self.open(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A page, after every redirection.
    fn open(&self, arguments: &[&str]) -> String {
        let mut curl = curl(self.rig);
        curl.args(["--location", "--header", "Accept: text/html", "--cookie"]).arg(&self.jar);
        let output = curl.arg("--cookie-jar").arg(&self.jar).args(arguments).output().unwrap();
        let [page, errors] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        assert!(output.status.success(), "{arguments:?}: {errors}\n{}", self.rig.log("oidc"));
        page.into_owned()
    }
}

impl Form {
    fn of(html: &str) -> Option<Self> {
        let (_, rest) = html.split_once("<form")?;
        let (form, _) = rest.split_once("</form>")?;
        let (head, body) = form.split_once('>')?;
        let fields = body.split("<input").skip(1).filter_map(|input| {
            let (tag, _) = input.split_once('>')?;
            Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
        });
        Some(Self { action: attribute(head, "action")?, fields: fields.collect() })
    }

    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    fn fill(&mut self, name: &str, value: &str) {
        for (_, content) in self.fields.iter_mut().filter(|(field, _)| field == name) {
            value.clone_into(content);
        }
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(rest.split_once('"')?.0.to_owned())
}
