//! Numbers of Entra ID, as in `AADSTS7000215`: which of them means what.
//!
//! The vendor warns that numbers change: one that is not here falls back by its range, then by the
//! OAuth `error` beside it.
//!
//! Not here: how the number is found, and the few numbers whose sentence decides; see `oauth`.

use std::ops::RangeInclusive;

use crate::model::Reason;

use Reason as R;

/// What a number means.
pub(super) fn reason(number: u32) -> Option<Reason> {
    let listed = |table: &[(Reason, &[u32])]| {
        table.iter().find(|(_, numbers)| numbers.contains(&number)).map(|(reason, _)| *reason)
    };
    let ranged = || RANGES.iter().find(|(range, _)| range.contains(&number)).map(|(_, reason)| *reason);
    listed(REFERENCE).or_else(|| listed(SEEN)).or_else(ranged)
}

/// Source of every number: the vendor's reference page, MicrosoftDocs/entra-docs
/// `docs/identity-platform/reference-error-codes.md`, read through to its end.
const REFERENCE: &[(Reason, &[u32])] = &[
    (R::SecretInvalid, &[70002, 7000215]),
    (R::SecretExpired, &[7000222]),
    (
        R::CertificateRejected,
        &[
            50003, 50006, 50007, 50008, 50012, 50013, 50017, 50027, 50032, 50048, 50099, 50120, 50146, 90016,
            700027, 700030, 900384,
        ],
    ),
    (R::ClockSkew, &[76026, 80013, 500133]),
    (R::FederatedIdentityMismatch, &[700229]),
    (R::AppNotFound, &[67003, 70001, 90099, 700011, 700016]),
    (R::AppDisabled, &[650052, 1000031, 7000112]),
    (
        R::TenantNotFound,
        &[20033, 50029, 50049, 50059, 50107, 50128, 50169, 90002, 90019, 90038, 90051, 90126, 900382, 900432],
    ),
    (R::ConsentMissing, &[65001, 65002, 65004, 65005, 90008, 90093, 90094, 90095, 650056, 650057, 9002341]),
    (R::ScopeInvalid, &[28002, 28003, 50001, 70011, 90009, 500011, 501461, 650054, 700022, 700023, 901002]),
    (R::RoleMissing, &[50105]),
    (
        R::TokenRequestInvalid,
        &[
            50010, 50011, 50050, 50061, 50147, 50192, 50194, 51000, 70003, 70004, 70005, 70007, 70016, 70018,
            70019, 75001, 75003, 75005, 75008, 75011, 75016, 76021, 90004, 90005, 90007, 90010, 90013, 90014,
            90015, 90020, 90022, 90023, 90027, 90043, 90056, 90081, 90082, 90100, 90101, 90102, 90107, 90117,
            90119, 90120, 90121, 90124, 90130, 100007, 165900, 240002, 501481, 501491, 700005, 700025,
            700054, 900144, 900236, 900561, 900971, 7000114, 7000218, 9001023, 9002313, 9002332,
        ],
    ),
    (
        R::ConditionalAccess,
        &[
            50002, 50005, 50097, 50127, 50129, 50131, 50155, 50177, 50178, 50187, 53000, 53001, 53002, 53003,
            53011, 54000, 80012, 90123, 135011, 130007, 500021, 500022, 500212, 500213, 530032, 530034,
            530035, 700020, 1000104,
        ],
    ),
    (R::MfaRequired, &[50072, 50074, 50076, 50078, 50079, 50158, 50161, 50170, 53004, 53010, 90072]),
    (
        R::AccountNotFound,
        &[16003, 50014, 50020, 50034, 50042, 50043, 50197, 51001, 51004, 81011, 90084, 90085, 90125, 500208],
    ),
    (R::AccountDisabled, &[50015, 50057]),
    (R::AccountLocked, &[50053, 50135, 120014]),
    (R::PasswordExpired, &[50055, 50125, 50144, 120012]),
    (
        R::RefreshTokenExpired,
        &[
            16001, 16002, 50058, 50085, 50089, 50132, 50133, 50139, 50143, 50173, 51006, 54005, 70000, 70008,
            70043, 90086, 140001, 700082, 700084,
        ],
    ),
    (R::CredentialsRejected, &[50056, 50064, 50126, 50180, 81004, 81009, 81010, 81012, 120000]),
    (
        R::IdpUnavailable,
        &[
            20001, 20012, 40008, 40009, 40010, 40015, 50000, 50033, 50086, 50087, 50134, 51005, 70012, 80001,
            80002, 80005, 80007, 80010, 80014, 90006, 90012, 90024, 90033, 90090, 90091, 120013, 120021,
            220501, 230109, 501621,
        ],
    ),
    (R::IdpThrottled, &[50088, 50166, 50196, 90055]),
    (R::Unexpected, &[90036, 90092]),
];

/// Numbers that the reference page does not list, each with the sentence it came with.
const SEEN: &[(Reason, &[u32])] = &[
    // "The client assertion … signature", "Invalid certificate chain", "Certificate has been revoked"
    (R::CertificateRejected, &[700021, 7000213, 7000214]),
    // "Assertion audience does not match the Client app presenting the assertion"
    (R::CertificateRejected, &[500131]),
    // "Client assertion is not within its valid time range": AzureAD/microsoft-authentication-library-for-java#984
    (R::ClockSkew, &[700024]),
    // "No matching federated identity record found for presented assertion issuer | audience | subject":
    // Azure/azure-workload-identity#1200; 7002137 and 7002138 are the newer, more specific ones
    (R::FederatedIdentityMismatch, &[70021, 700211, 700212, 700213, 700214, 7002137, 7002138]),
    // "The client has no configured federated identity credentials"; tokens of Entra itself as assertion
    (R::FederatedIdentityMismatch, &[70025, 700222, 700223, 700231, 700236, 700238]),
    // "The client application is missing service principal in the tenant"
    (R::AppNotFound, &[7000229]),
    // "… is not a valid application identifier"
    (R::AppNotFound, &[700038]),
    // "The service principal for resource … is disabled": Cloud-Architekt/AzureAD-Attack-Defense#43
    (R::AppDisabled, &[500014]),
    // "Requested tenant identifier is not valid", "… neither a valid DNS name, nor a valid external domain"
    (R::TenantNotFound, &[900021, 900023]),
    // "This endpoint only accepts requests of another cloud's clients"
    (R::TenantNotFound, &[900439]),
    // "The service principal name is already present", "Administrator consent is required: app is considered risky"
    (R::ConsentMissing, &[650051, 90097, 900941]),
    // "One resource per request", "scope that doesn't exist on the resource", "must have a scope value with /.default",
    // "resource parameter doesn't match the requested scopes"
    (R::ScopeInvalid, &[28000, 650053, 1002012, 9010010]),
    // "Application is not assigned to a role for the application": MicrosoftDocs scenario-protected-web-api
    (R::RoleMissing, &[501051]),
    // "'client_assertion', 'client_secret' or 'request' is required", "parameter is duplicated", "malformed JSON"
    // "We are unable to issue tokens from this API version for a Microsoft account": v1 in place of v2.0
    (R::TokenRequestInvalid, &[500201]),
    (R::TokenRequestInvalid, &[7000216, 9000410, 9000411]),
    // "Request is ambiguous: multiple application identifiers found"
    (R::TokenRequestInvalid, &[7000110]),
    // Proof keys, single-page redirects, Microsoft-account-only applications, reply addresses, response types
    (R::TokenRequestInvalid, &[9002325, 9002326, 9002327, 9002331, 9002346, 700009, 700051]),
    // "Authentication failed during strong authentication request", "has not registered the authenticator app"
    (R::MfaRequired, &[500121, 50203]),
    // "Personal Microsoft accounts are not supported …", "account type can't be used", "deleted from the directory"
    (R::AccountNotFound, &[500200, 500202, 500207, 500341]),
    // "The guest user account is disabled"
    (R::AccountDisabled, &[500571]),
    // "The session has expired / refresh token … is no longer valid"
    (R::RefreshTokenExpired, &[700081]),
    // "Request processing has exceeded gateway allowance"
    (R::IdpUnavailable, &[90025]),
    // "You are using TLS version 1.0, 1.1 and/or 3DES cipher"
    (R::TlsProtocol, &[1002016]),
];

/// The reasons of unknown numbers, by range: the vendor numbers its policies consecutively.
const RANGES: &[(RangeInclusive<u32>, Reason)] = &[
    (53000..=53999, R::ConditionalAccess),
    (530_000..=530_999, R::ConditionalAccess),
    (80000..=80999, R::IdpUnavailable),
    (700_211..=700_219, R::FederatedIdentityMismatch),
    (7_002_110..=7_002_199, R::FederatedIdentityMismatch),
];
