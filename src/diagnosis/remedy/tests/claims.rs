//! What a token says of itself: which claim is wrong, and which remedies it excludes.

use super::{APP, check, claims, subject};
use crate::diagnosis::remedy::hint;
use crate::model::{Access, Claims, Family, Phase, Proof, Protocol, Reason, TokenAccess};

#[test]
fn a_token_that_cannot_be_read_excludes_nothing() {
    let check = check(Family::ExchangeOnline, Protocol::Imap, "invoices@contoso.example");
    let text = hint(Reason::TokenRejected, Phase::Auth, &subject(&check, None));
    assert!(text.starts_with("The token cannot be read here"), "{text}");
    assert!(text.contains("-ObjectId 'ENTERPRISE_APP_OBJECT_ID'"), "{text}");
}

#[test]
fn a_wrong_claim_is_named_beside_the_right_one() {
    let check = check(Family::ExchangeOnline, Protocol::Imap, "invoices@contoso.example");
    let good = claims("IMAP.AccessAsApp");
    let graph = Some("https://graph.microsoft.com".to_owned());
    let other = Some("99999999-9999-9999-9999-999999999999".to_owned());
    let cases = [
        (
            Claims { audience: graph.clone(), ..good.clone() },
            "found `https://graph.microsoft.com`, expected `https://outlook.office365.com`",
        ),
        (
            Claims { tenant: other.clone(), ..good.clone() },
            "comes from another tenant: found `99999999-9999-9999-9999-999999999999`, expected `11111111-",
        ),
        (
            Claims { app: other.clone(), ..good.clone() },
            "issued to another app: found `99999999-9999-9999-9999-999999999999`, expected `66666666-",
        ),
    ];
    for (claims, expected) in cases {
        let text = hint(Reason::TokenRejected, Phase::Auth, &subject(&check, Some(&claims)));
        assert!(text.contains(expected), "{text}");
        assert!(
            !text.contains("New-ServicePrincipal"),
            "the cause is known, others are not to be looked for: {text}"
        );
        // The role is missing because the token is for something else: granting it would change nothing.
        let claims = Claims { permissions: vec!["Mail.Read".to_owned()], ..claims };
        let text = hint(Reason::RoleMissing, Phase::Auth, &subject(&check, Some(&claims)));
        assert!(
            text.contains(expected) && text.contains("lacks `IMAP.AccessAsApp`; it holds `Mail.Read`"),
            "{text}"
        );
        assert!(!text.contains("Grant admin consent"), "{text}");
    }
    let claims = Claims { object_id: None, ..good };
    let text = hint(Reason::TokenRejected, Phase::Auth, &subject(&check, Some(&claims)));
    assert!(text.contains("no object id"), "{text}");
}

#[test]
fn a_scope_of_another_service_does_not_judge_the_audience() {
    let mut check = check(Family::ExchangeOnline, Protocol::Imap, "invoices@contoso.example");
    let Access::Token(TokenAccess { spec, .. }) = &mut check.access else { panic!("the check has a token") };
    spec.scope = "https://graph.microsoft.com/.default".into();
    let claims = Claims { audience: Some("https://graph.microsoft.com/".to_owned()), ..claims("Mail.Read") };
    let text = hint(Reason::RoleMissing, Phase::Auth, &subject(&check, Some(&claims)));
    assert!(text.contains("Set the provider's scope to `https://outlook.office365.com/.default`"), "{text}");
}

#[test]
fn exchange_has_three_audiences_and_a_domain_is_no_tenant() {
    let mut check = check(Family::ExchangeOnline, Protocol::Imap, "invoices@contoso.example");
    let audiences = [
        "https://outlook.office.com",
        "https://OUTLOOK.office365.com/",
        "00000002-0000-0ff1-ce00-000000000000",
    ];
    for audience in audiences {
        let claims = Claims { audience: Some(audience.to_owned()), ..claims("IMAP.AccessAsApp") };
        let text = hint(Reason::TokenRejected, Phase::Auth, &subject(&check, Some(&claims)));
        assert!(text.contains("in order"), "{audience}: {text}");
    }
    let Access::Token(TokenAccess { spec, .. }) = &mut check.access else { panic!("the check has a token") };
    spec.proof = Proof::sample(Some("contoso.example"), APP, "S");
    let claims = claims("IMAP.AccessAsApp");
    let text = hint(Reason::TokenRejected, Phase::Auth, &subject(&check, Some(&claims)));
    assert!(text.contains("in order"), "{text}");
}

#[test]
fn a_missing_role_is_named_with_where_to_grant_it() {
    let check = check(Family::ExchangeOnline, Protocol::Imap, "invoices@contoso.example");
    let claims = claims("Mail.Read");
    let text = hint(Reason::RoleMissing, Phase::Auth, &subject(&check, Some(&claims)));
    assert!(text.contains("The token lacks `IMAP.AccessAsApp`; it holds `Mail.Read`."), "{text}");
    assert!(text.contains("Grant admin consent") && text.contains(&format!("client_id={APP}")), "{text}");
    let none = Claims { permissions: Vec::new(), ..claims };
    let text = hint(Reason::RoleMissing, Phase::Auth, &subject(&check, Some(&none)));
    assert!(text.contains("it holds none at all"), "{text}");
}
