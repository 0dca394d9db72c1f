//! `login`: what a person reads, what is asked of the provider meanwhile, and what comes of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use mailbox_exporter::sim::{Fault, SignIn, SignInEnd, SimMailbox};

use crate::support::process::{Run, run};
use crate::support::world::World;
use crate::support::yaml::Door;

const APPROVED: SignInEnd = SignInEnd::Approved;

/// A mailbox of a person who has not signed in yet, and a configuration with two kinds of credentials.
async fn world() -> (World, SimMailbox, PathBuf) {
    let mut world = World::start().await;
    let mailbox = world.mailbox(Fault::None).await;
    let file = world.yaml.person("person", mailbox.app(), "");
    world.yaml.credential_named("robot", mailbox.app());
    world.yaml.watch_as_person(std::slice::from_ref(&mailbox), &[Door::Imap, Door::Smtp], "person", "");
    (world, mailbox, file)
}

fn command(world: &World, arguments: &[&str]) -> Run {
    run(arguments, Some(&world.configuration()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_in_and_every_check_works() {
    let (world, mailbox, file) = world().await;
    let warned = command(&world, &["validate"]);
    assert_eq!(warned.status, Some(0), "{}", warned.stdout);
    assert!(
        warned.stdout.contains("is not there yet: a person signs in by `mailbox-exporter login --config ")
    );

    mailbox.app().set_sign_in(SignIn::after(1, APPROVED));
    let signed_in = command(&world, &["login", "person"]);
    assert_eq!(signed_in.status, Some(0), "{}", signed_in.said());
    for words in [
        "Sign in for credential person (",
        mailbox.address(),
        "open       https://devicelogin.contoso.example/\n",
        "and enter  B2DQ-7XKM\n",
        "The code is good for 15 min.",
        "Signed in. The refresh token of credential person is in ",
    ] {
        assert!(signed_in.stdout.contains(words), "{words}: {}", signed_in.stdout);
    }
    let token = fs::read_to_string(&file).unwrap();
    assert!(mailbox.app().takes(token.trim_end()));
    assert!(!signed_in.said().contains(token.trim_end()), "{}", signed_in.said());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let checked = command(&world, &["check"]);
    assert_eq!(checked.status, Some(0), "{}", checked.said());
    assert!(!command(&world, &["validate"]).stdout.contains("warning"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_that_ends_otherwise_leaves_the_file_alone() {
    let (world, mailbox, file) = world().await;
    fs::write(&file, "before").unwrap();
    for (ends, words) in [
        (SignInEnd::Denied, "the sign-in was declined in the browser; run `mailbox-exporter login`"),
        (SignInEnd::Expired, "the code has expired before anybody entered it; run `mailbox-exporter login`"),
        (SignInEnd::WithoutRefreshToken, "the provider issued no refresh token for the scope"),
    ] {
        mailbox.app().set_sign_in(SignIn::after(0, ends));
        let ended = command(&world, &["login", "person"]);
        assert_eq!(ended.status, Some(1), "{}", ended.said());
        assert!(ended.stderr.contains(words), "{ends:?}: {}", ended.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), "before");
    }
    mailbox.app().make_confidential();
    let refused = command(&world, &["login", "person"]);
    assert_eq!((refused.status, refused.stdout.as_str()), (Some(1), ""), "{}", refused.said());
    assert!(refused.stderr.contains("AADSTS7000218"), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_sign_in_is_told_why_before_a_browser_opens() {
    let (mut world, mailbox, _) = world().await;
    for (name, words) in [
        ("persn", "did you mean person?"),
        (
            "robot",
            "credential robot is of type client_secret: people sign in for credentials of type refresh_token; these are person",
        ),
    ] {
        let refused = command(&world, &["login", name]);
        assert_eq!(refused.status, Some(2), "{}", refused.said());
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    world.yaml.person("unused", mailbox.app(), "");
    let refused = command(&world, &["login", "unused"]);
    assert_eq!(refused.status, Some(2), "{}", refused.said());
    assert!(refused.stderr.contains("no mailbox uses credential unused"), "{}", refused.stderr);

    world.yaml.person("no/folder", mailbox.app(), "");
    let other = world.mailbox(Fault::None).await;
    world.yaml.watch_as_person(&[other], &[Door::Imap], "no/folder", "");
    let refused = command(&world, &["login", "no/folder"]);
    assert_eq!(refused.status, Some(1), "{}", refused.said());
    assert!(refused.stderr.contains("its folder must exist and belong to this user"), "{}", refused.stderr);
    assert_eq!(mailbox.app().requests().len(), 0, "the provider is asked nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_device_url_of_a_credential_wins() {
    let mut world = World::start().await;
    let mailbox = world.mailbox(Fault::None).await;
    let nowhere = ", device_url: \"https://localhost:9/{tenant}/device\"";
    world.yaml.person("elsewhere", mailbox.app(), nowhere);
    world.yaml.watch_as_person(std::slice::from_ref(&mailbox), &[Door::Imap], "elsewhere", "");
    let refused = command(&world, &["login", "elsewhere"]);
    assert_eq!(refused.status, Some(1), "{}", refused.said());
    let words = format!(
        "https://localhost:9/{}/device refuses the sign-in (connection_refused)",
        mailbox.app().tenant
    );
    assert!(refused.stderr.contains(&words), "{}", refused.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_down_makes_the_questions_rarer() {
    let (world, mailbox, _) = world().await;
    mailbox.app().set_sign_in(SignIn { slow_down: 1, ..SignIn::after(0, APPROVED) });
    let signed_in = command(&world, &["login", "person"]);
    assert_eq!(signed_in.status, Some(0), "{}", signed_in.said());
    let asked = mailbox.app().requests();
    let [first, second] = asked.as_slice() else { panic!("{asked:?}") };
    // RFC 8628 section 3.5: five seconds are added to the interval, which is one.
    let gap = second.at.duration_since(first.at).unwrap();
    assert!(gap >= Duration::from_millis(5900), "{gap:?}");
}
