//! axe-core in the page: barriers that a machine can find, contrast among them.

use std::fs;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::browser::Browser;

/// How grave a finding must be to fail a test.
const GRAVE: &str = "['serious', 'critical']";

/// axe-core's script; installed where it is missing.
fn script() -> &'static str {
    static SCRIPT: OnceLock<String> = OnceLock::new();
    SCRIPT.get_or_init(|| {
        let output = Command::new("tests/browser/axe")
            .arg(env!("CARGO_TARGET_TMPDIR"))
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "axe-core is missing; see above");
        fs::read_to_string(String::from_utf8(output.stdout).unwrap().trim()).unwrap()
    })
}

/// The grave findings on the page that is open: the rule, the place, and what is wrong there.
pub(crate) fn findings(browser: &Browser) -> Vec<String> {
    browser.run(script());
    let found = browser.run_async(&format!(
        "const {{ violations, passes }} = await axe.run(document, {{ resultTypes: ['violations'] }});
         if (passes.length === 0) throw new Error('axe has looked at nothing');
         const grave = violations.filter(rule => {GRAVE}.includes(rule.impact));
         return grave.flatMap(rule => rule.nodes.slice(0, 3).map(node =>
             `${{rule.id}}: ${{node.target}}: ${{node.html.slice(0, 200)}}: ${{node.failureSummary.replace(/\\s+/g, ' ')}}`));"
    ));
    let found = found.as_array().unwrap_or_else(|| panic!("axe: {found}"));
    found.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}
