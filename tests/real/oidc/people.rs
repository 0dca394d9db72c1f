//! People: the sign-in by a code, and the refresh tokens that follow one another.

use std::fs;
use std::path::Path;

use super::browser::{Answer, Browser};
use super::settings::{Wanted, by_sign_in, configure, round, verdict};
use crate::rig::{DOMAIN, Rig};
use crate::support::process::{Agent, Program, Run};
use crate::support::wait::until;

/// Runs `login` for this credential while a person answers at the provider's pages.
fn log_in(rig: &Rig, config: &Path, credential: &str, user: &str, answer: &Answer) -> Run {
    let mut process = Program::new(&["login", credential]).config(config).start();
    let invitation = process.prints("The code is good for");
    let word = |before: &str| {
        let (_, rest) = invitation.split_once(before).unwrap_or_else(|| panic!("{before}: {invitation}"));
        rest.split_whitespace().next().unwrap().to_owned()
    };
    let browser = Browser { rig, jar: config.with_file_name("cookies") };
    let page = browser.sign_in(&word("  open "), &word("and enter"), &format!("{user}@{DOMAIN}"), answer);
    let run = process.end();
    assert_eq!(run.status == Some(0), *answer == Answer::Approves, "{}\n{page}", run.said());
    run
}

fn token(file: &Path) -> String {
    fs::read_to_string(file).unwrap().trim_end().to_owned()
}

fn all_up(rig: &Rig, config: &Path, secrets: &[&str]) {
    for (check, result) in round(config, secrets) {
        assert_eq!(verdict(&result), "up", "{check}: {result}\n{}", rig.logs());
    }
}

#[test]
fn a_person_signs_in_and_each_round_leaves_a_token_that_works() {
    let rig = Rig::shared();
    let keys = by_sign_in(rig, "desk", "desk");
    let config = configure(rig, "oidc-person", "", &[Wanted::person("desk", &keys)]);
    let file = config.with_file_name("desk.token");
    let run = log_in(rig, &config, "desk", "person", &Answer::Approves);
    let mut seen = vec![token(&file)];
    assert!(!run.said().contains(&seen[0]), "{}", run.said());
    for _ in 0..5 {
        let before = seen.last().unwrap().clone();
        all_up(rig, &config, &[&before]);
        assert!(!seen.contains(&token(&file)), "the provider takes each token once");
        seen.push(token(&file));
    }
}

#[test]
fn a_refresh_token_shown_twice_costs_the_sign_in() {
    let rig = Rig::shared();
    let keys = by_sign_in(rig, "desk", "desk");
    let config = configure(rig, "oidc-twice", "", &[Wanted::person("desk", &keys)]);
    let file = config.with_file_name("desk.token");
    log_in(rig, &config, "desk", "person", &Answer::Approves);
    let spent = token(&file);
    all_up(rig, &config, &[]);
    let newest = token(&file);
    assert_ne!(spent, newest);
    // The provider takes it for stolen, and withdraws its successors too.
    for shown in [&spent, &newest] {
        fs::write(&file, shown).unwrap();
        for (check, result) in round(&config, &[shown]) {
            assert_eq!(verdict(&result), "token refresh_token_expired", "{check}: {result}");
            let hint = result["hint"].as_str().unwrap();
            let command = format!("`mailbox-exporter login --config {} desk`", config.display());
            assert!(hint.contains(&command), "{hint}");
        }
        assert_eq!(token(&file), *shown);
    }
    log_in(rig, &config, "desk", "person", &Answer::Approves);
    all_up(rig, &config, &[]);
}

#[test]
fn a_client_with_a_secret_signs_people_in_too() {
    let rig = Rig::shared();
    let keys = by_sign_in(rig, "guarded-desk", "guarded");
    let with_secret = format!("{keys}, secret: {{ file: secret }}, client_auth: basic");
    let config = configure(rig, "oidc-guarded", "", &[Wanted::person("guarded", &with_secret)]);
    log_in(rig, &config, "guarded", "person", &Answer::Approves);
    all_up(rig, &config, &[]);
    all_up(rig, &config, &[]);

    // Without it the provider takes neither the sign-in nor the token.
    let config = configure(rig, "oidc-guarded", "", &[Wanted::person("guarded", &keys)]);
    for (check, result) in round(&config, &[]) {
        assert_eq!(verdict(&result), "token app_not_found", "{check}: {result}");
        assert!(result["hint"].as_str().unwrap().contains("`secret`"), "{result}");
    }
    let refused = Program::new(&["login", "guarded"]).config(&config).run();
    assert_eq!(refused.status, Some(1), "{}", refused.said());
    assert!(refused.stderr.contains("client authentication failed"), "{}", refused.stderr);
}

#[test]
fn who_declines_in_the_browser_gets_no_token() {
    let rig = Rig::shared();
    let keys = by_sign_in(rig, "desk", "desk");
    let config = configure(rig, "oidc-declined", "", &[Wanted::person("desk", &keys)]);
    let declined = log_in(rig, &config, "desk", "person", &Answer::Declines);
    assert_eq!(declined.status, Some(1), "{}", declined.said());
    assert!(declined.stderr.contains("the sign-in was declined in the browser"), "{}", declined.stderr);
    assert!(!config.with_file_name("desk.token").exists());
}

#[test]
fn a_person_opens_no_mailbox_of_another_person() {
    let rig = Rig::shared();
    let keys = by_sign_in(rig, "desk", "desk");
    let config = configure(rig, "oidc-other", "", &[Wanted::person("desk", &keys)]);
    log_in(rig, &config, "desk", "user1", &Answer::Approves);
    for (check, result) in round(&config, &[]) {
        assert_eq!(verdict(&result), "auth token_rejected", "{check}: {result}");
    }
}

#[test]
fn an_agent_renews_again_and_again_and_loses_no_token() {
    let rig = Rig::shared();
    let keys = by_sign_in(rig, "desk", "desk");
    let head = "defaults: { interval: 1s }\nlimits: { token_max_age: 1s }";
    let config = configure(rig, "oidc-agent", head, &[Wanted::person("desk", &keys)]);
    let file = config.with_file_name("desk.token");
    log_in(rig, &config, "desk", "person", &Answer::Approves);
    let agent = Agent::serve(&config, &[]);
    let mut seen = vec![token(&file)];
    until("ten refresh tokens, one after the other", || {
        let now = token(&file);
        if !seen.contains(&now) {
            seen.push(now);
        }
        (seen.len() > 10).then_some(())
    });
    let page = agent.shows("/metrics", "mailbox_credential_success{credential=\"desk\"} 1");
    for line in page.lines().filter(|line| line.contains("outcome=\"failure\"") && !line.starts_with('#')) {
        assert!(line.ends_with(" 0"), "{line}");
    }
    agent.terminate();
    // What the agent has left behind serves the next program.
    all_up(rig, &config, &[]);
}
