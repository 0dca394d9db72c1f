//! The metrics of credentials and tokens, computed at scrape time from the last requests.
//!
//! Not here: counts and durations of requests, which the `prometheus` crate keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::credentials::{CredentialRecord, TokenRecord};
use super::exposition::{Page, Series, timestamp};
use super::families::{self, Family};

/// Writes the series of one credential in one family.
type Rule = fn(&CredentialRecord, &mut Series<'_, '_>) -> io::Result<()>;

/// Every family with series per credential.
const RULES: &[(Family, Rule)] = &[
    (families::CREDENTIAL_SUCCESS, |record, series| {
        if record.decisive().all(|token| token.last.is_none()) {
            return Ok(());
        }
        let success = record.decisive().all(|token| token.reasons().is_empty());
        series.add(&[&record.credential.name], f64::from(u8::from(success)))
    }),
    (families::CREDENTIAL_FAILURE_INFO, |record, series| {
        let reasons: BTreeSet<_> = record.decisive().flat_map(TokenRecord::reasons).collect();
        reasons.into_iter().try_for_each(|reason| series.add(&[&record.credential.name, reason.label()], 1.0))
    }),
    (families::TOKEN_EXPIRY, |record, series| {
        // Two token endpoints may serve one resource: the token that expires first counts.
        let mut first = BTreeMap::new();
        for record in &record.tokens {
            let Some(token) = &record.token else { continue };
            let ends = first.entry(record.spec.resource()).or_insert(token.expires_at);
            *ends = token.expires_at.min(*ends);
        }
        first.into_iter().try_for_each(|(resource, ends)| {
            series.add(&[&record.credential.name, resource], timestamp(ends))
        })
    }),
    (families::CREDENTIAL_EXPIRY, |record, series| {
        record
            .ends()
            .into_iter()
            .try_for_each(|end| series.add(&[&record.credential.name, end.source.label()], timestamp(end.at)))
    }),
    (families::TOKEN_FILE_EXPIRY, |record, series| match record.token_file_end() {
        Some(ends) => series.add(&[&record.credential.name], timestamp(ends)),
        None => Ok(()),
    }),
    (families::REFRESH_TOKEN_LAST_USED, |record, series| match record.refresh_token_used() {
        Some(at) => series.add(&[&record.credential.name], timestamp(at)),
        None => Ok(()),
    }),
    (families::TOKEN_PERMISSION, |record, series| {
        let mut present = BTreeMap::new();
        for record in &record.tokens {
            let Some(claims) = record.token.as_ref().and_then(|token| token.claims.as_ref()) else {
                continue;
            };
            for needed in &record.permissions {
                *present.entry(*needed).or_insert(false) |= claims.grants(needed);
            }
        }
        present.into_iter().try_for_each(|(permission, present)| {
            series.add(&[&record.credential.name, permission], f64::from(u8::from(present)))
        })
    }),
];

/// Writes all metrics per credential.
pub(super) fn write(records: &[CredentialRecord], page: &mut Page<'_>) -> io::Result<()> {
    for (family, rule) in RULES {
        page.family(family, |series| records.iter().try_for_each(|record| rule(record, series)))?;
    }
    Ok(())
}
