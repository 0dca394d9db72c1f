//! Words of others that try to act on their readers: on a terminal, in a log, in exports and plugins.

use std::fs;

use crate::script::{self, Line};
use crate::support::process::{results, run};
use crate::support::world::World;

/// A sentence of a server that would colour, turn round, hide and forge.
const EVIL: &str =
    "NO \u{1b}[31mred \u{202e}\u{2066}\u{200b}\u{feff}\u{e0041} | 'x'=1;; <b>[click](http://evil.example)";
/// Names that spreadsheets and markdown would act on.
const NAMES: [&str; 4] =
    ["=cmd|'/C calc'!A1", "+1+1", "[click](javascript:alert(1))", "turned \u{202e} round"];

/// Whether a character acts on its reader; told here once more, by hand.
fn acts(char: char) -> bool {
    (char.is_control() && char != '\n')
        || matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

async fn world() -> World {
    let line = Line { step: "auth", mechanism: "PLAIN", text: EVIL.to_owned() };
    let port = script::imap(line).await;
    let mut world = World::start().await;
    world.file("password", "battery staple");
    world.yaml.credential_of("password", "type: password, password: { file: password }");
    world.yaml.provider_of("evil", &format!("imap: {{ host: 127.0.0.1, port: {port}, tls: none }}"));
    for (place, name) in NAMES.iter().enumerate() {
        let keys = format!(
            "name: {name:?}, address: =x{place}@contoso.example, provider: evil, credential: password, checks: [imap]"
        );
        world.yaml.mailbox_of(&keys.replace("\\u{202e}", "\\u202e"), "");
    }
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_output_of_a_command_holds_what_acts_on_its_reader() {
    let world = world().await;
    let config = world.configuration();
    let commands: [&[&str]; 9] = [
        &["check", "--transcript"],
        &["check", "--transcript", "--log-format", "json"],
        &["check", "--transcript", "--output", "json"],
        &["check", "--output", "nagios"],
        &["check", "\u{1b}[31mabsent\u{202e}"],
        &["readiness"],
        &["readiness", "--output", "json"],
        &["readiness", "--output", "csv"],
        &["readiness", "--output", "markdown"],
    ];
    for command in commands {
        let run = run(command, Some(&config));
        assert!(
            !run.stdout.contains(acts) && !run.stderr.contains(acts),
            "{command:?}: {:?}",
            run.stdout + &run.stderr
        );
    }
    // A program reads the name as the configuration has it.
    let run = run(&["check", "--output", "json"], Some(&config));
    assert!(results(&run).iter().any(|result| result["mailbox"] == NAMES[3]), "{}", run.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_hold_neither_formulas_nor_markup_of_others() {
    let world = world().await;
    let config = world.configuration();
    let table = run(&["readiness", "--output", "csv"], Some(&config)).stdout;
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let cells: Vec<String> =
        reader.records().flat_map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()).collect();
    assert!(cells.contains(&"'=cmd|'/C calc'!A1".to_owned()), "{cells:?}");
    assert!(!cells.iter().any(|cell| cell != "-" && cell.starts_with(['=', '+', '-', '@'])), "{cells:?}");
    let markdown = run(&["readiness", "--output", "markdown"], Some(&config)).stdout;
    assert!(markdown.contains("\\[click\\](javascript:alert(1))"), "{markdown}");
    let plugin = run(&["check", "--output", "nagios"], Some(&config)).stdout;
    assert_eq!(plugin.matches('|').count(), 1, "{plugin}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_name_of_a_file_forges_no_line_and_moves_no_cursor() {
    let mut world = world().await;
    world.yaml.head = "mailbox_files: ['*.boxes']".to_owned();
    let config = world.configuration();
    let name = "\u{1b}[31mx\n2026-01-01T00:00:00Z INFO forged\u{202e}.boxes";
    fs::write(config.with_file_name(name), "- nonsense\n").unwrap();
    let run = run(&["validate"], Some(&config));
    assert_eq!(run.status, Some(2));
    assert!(run.stdout.contains("forged") && !run.stdout.contains(acts), "{:?}", run.stdout);
    assert!(!run.stdout.lines().any(|line| line.starts_with("2026")), "{:?}", run.stdout);
}
