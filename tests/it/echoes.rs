//! Servers and providers that repeat what they were told, in every spelling: nothing of it is shown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::script::{self, Line};
use crate::support::process::{results, run};
use crate::support::world::World;

/// As Entra makes them, with a sign that forms escape.
const SECRET: &str = "Xk48Q~rEpEaTeDsEcReT.x_y-0123456789abcdefg";
/// Opaque, and too short to look like a token.
const TOKEN: &str = "Tk-rEpEaTeD_tOkEn.0";
const PASSWORD: &str = "pässWörd&rEpEaTeD 9%";

fn percent(text: &str) -> String {
    let letter = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(letter).collect()
}

/// A secret as it may come back.
fn spellings(secret: &str) -> Vec<String> {
    let html: String = secret.chars().map(|c| format!("&#{};", u32::from(c))).collect();
    let json: String = secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let (half, rest) = secret.split_at(secret.floor_char_boundary(secret.len() / 2));
    vec![
        secret.to_owned(),
        percent(secret),
        html,
        json,
        STANDARD.encode(secret),
        STANDARD.encode(format!("user=x\u{1}auth=Bearer {secret}\u{1}\u{1}")),
        format!("{half}\r\n{rest}"),
        secret.to_uppercase(),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        secret.replace(['ä', 'ö'], "??"),
        half.to_owned(),
    ]
}

/// Letters and digits without case: whatever was put in between.
fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Fails where eight letters of something that must not be seen stand in what was said.
fn must_be_silent(said: &str, secrets: &[String]) {
    let said = letters(said);
    for secret in secrets {
        let folded = letters(secret);
        let part =
            folded.as_bytes().windows(8).find(|part| said.contains(std::str::from_utf8(part).unwrap()));
        assert!(part.is_none(), "{:?} of {secret:?}", part.map(String::from_utf8_lossy));
    }
}

/// What a check of everything says on both streams, at the most talkative level.
fn said(world: &World) -> (String, Vec<serde_json::Value>) {
    let config = world.configuration();
    let run = run(&["check", "--transcript", "--output", "json", "--log-level", "trace"], Some(&config));
    (format!("{}\n{}", run.stdout, run.stderr), results(&run))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_of_a_provider_shows_a_secret_or_a_token() {
    let mut answers = Vec::new();
    for (place, spelling) in spellings(SECRET).into_iter().enumerate() {
        answers.push((format!("text{place}"), 403, format!("Blocked by policy 17: {spelling}")));
        let refused =
            json!({ "error": "invalid_client", "error_description": format!("no {spelling} here") });
        answers.push((format!("json{place}"), 401, refused.to_string()));
        let form = format!("Blocked by policy 17. grant_type=client_credentials&client_secret={spelling}");
        answers.push((format!("form{place}"), 400, form));
        let html =
            format!("<h1>Blocked</h1><form><input name=\"client_secret\"\nvalue=\"{spelling}\"></form>");
        answers.push((format!("html{place}"), 400, html));
    }
    let tokens =
        json!({ "access_token": TOKEN, "refresh_token": format!("r{TOKEN}"), "id_token": TOKEN, "x": TOKEN });
    for status in [201, 206, 302, 400, 500] {
        answers.push((format!("tokens{status}"), status, tokens.to_string()));
        answers.push((
            format!("form-tokens{status}"),
            status,
            format!("access_token={TOKEN}&expires_in=1&x={TOKEN}"),
        ));
    }
    answers.push((
        "error".to_owned(),
        400,
        format!("{{\"error\":\"x\",\"error_description\":\"{TOKEN}\",\"access_token\":\"{TOKEN}\"}}"),
    ));
    let names: Vec<String> = answers.iter().map(|(name, ..)| name.clone()).collect();
    let endpoint = script::token_endpoint(answers).await;
    let mut world = World::start().await;
    world.file("secret", SECRET);
    for name in &names {
        world.yaml.credential_of(
            name,
            &format!("type: client_secret, tenant: {name}, client_id: probe, secret: {{ file: secret }}"),
        );
        world.yaml.provider_of(name, &format!("imap: {{ host: 127.0.0.1, port: 1, tls: none }}, token_url: 'http://127.0.0.1:{endpoint}/{{tenant}}/token', scope: x"));
        world.yaml.mailbox_of(&format!("name: {name}, address: user@contoso.example, provider: {name}, credential: {name}, checks: [imap]"), "");
    }
    let (said, results) = said(&world);
    assert_eq!(results.len(), names.len());
    let details: Vec<&str> = results.iter().filter_map(|result| result["detail"].as_str()).collect();
    for words in ["Blocked by policy 17", "invalid_client: no <redacted> here", "repeats the request"] {
        assert!(details.iter().any(|detail| detail.contains(words)), "{words} in {details:#?}");
    }
    must_be_silent(
        &said,
        &[spellings(SECRET), vec![TOKEN.to_owned(), SECRET.chars().rev().collect()]].concat(),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_mail_server_that_repeats_a_login_is_quoted_with_it() {
    let mut world = World::start().await;
    world.file("password", PASSWORD);
    world.yaml.credential_of("password", "type: password, password: { file: password }");
    let mut count = 0;
    for spelling in spellings(PASSWORD) {
        for protocol in ["imap", "smtp"] {
            let parts: Vec<&str> = spelling.split("\r\n").collect();
            let (text, last) = match protocol {
                "imap" => (parts.join(" "), "NO not this"),
                _ => (parts.join("\r\n535-5.7.8 "), "535 5.7.8 not this"),
            };
            let text = match protocol {
                "imap" => format!("{last} {text} nor this"),
                _ => format!("535-5.7.8 {text}\r\n{last}"),
            };
            let line = Line { step: "auth", mechanism: "PLAIN", text };
            let port = if protocol == "imap" { script::imap(line).await } else { script::smtp(line).await };
            let name = format!("m{count}");
            world
                .yaml
                .provider_of(&name, &format!("{protocol}: {{ host: 127.0.0.1, port: {port}, tls: none }}"));
            world.yaml.mailbox_of(&format!("name: {name}, address: user@contoso.example, provider: {name}, credential: password, checks: [{protocol}]"), "");
            count += 1;
        }
    }
    let (said, results) = said(&world);
    assert_eq!(results.len(), count);
    for result in &results {
        assert_eq!(result["reason"], "credentials_rejected", "{result:#}");
        assert!(result["detail"].as_str().unwrap().contains("not this"), "{result:#}");
    }
    must_be_silent(&said, &spellings(PASSWORD));
}
