//! Files as people and programs export them: what is taken, what is not, and why.

#![allow(clippy::unwrap_used)] // a test that cannot go on should say so at once

use jiff::Timestamp;
use proptest::prelude::*;

use super::table::Table;
use super::*;
use crate::model::samples;

fn plan() -> Plan {
    let contoso = samples::credential("contoso");
    let names = ["invoices", "desk", "printer"];
    samples::plan(&names.map(|name| samples::mailbox(name, &contoso)))
}

fn understood(bytes: &[u8], topic: Topic) -> (Import, ImportReport) {
    let content = Ok((bytes.to_vec(), Timestamp::UNIX_EPOCH));
    let import = understand(Path::new("import.csv"), topic, &content, &plan());
    let report = import.report.clone();
    (import, report)
}

fn usage_of(bytes: &[u8]) -> (Import, ImportReport) {
    understood(bytes, Topic::Usage)
}

/// `invoices/smtp used, …`: the worst that is said of each.
fn said(import: &Import) -> String {
    let line =
        |(name, said): (&CheckName, &Vec<Evidence>)| format!("{name} {}", said.iter().max().unwrap().finding);
    import.evidence.iter().map(line).collect::<Vec<_>>().join(", ")
}

fn refused(report: &ImportReport) -> Vec<usize> {
    report.refused.iter().map(|(line, _)| *line).collect()
}

#[test]
fn usage_by_hand_is_taken_in_the_forms_that_people_write() {
    let forms: [&str; 6] = [
        "mailbox,protocol,used,until\ninvoices,smtp,unused,2099-01-01\ndesk,imap,used,\n",
        "\u{feff}mailbox;protocol;usage;until\r\ninvoices;smtp;unused;2099-01-01\r\ndesk;imap;used;\r\n",
        "sep=;\nMailbox;Protocol;Use\n\"invoices\";\"SMTP\";\"unused\"\nDESK@contoso.example;imap;used\n",
        "invoices,smtp,unused\ndesk,imap,used\n",
        "# who still uses passwords\nprotocol\tused\taddress\nsmtp\tunused\tinvoices\nimap\tused\tdesk\n",
        "mailbox , protocol , used\n invoices , smtp , no\n\n desk , imap , yes\n",
    ];
    for form in forms {
        let (imported, report) = usage_of(form.as_bytes());
        assert_eq!(said(&imported), "desk/imap used, invoices/smtp unused", "{form}");
        assert_eq!((report.taken, report.refused_count, report.unknown), (2, 0, 0), "{form}");
    }
}

#[test]
fn a_line_is_taken_whole_or_named_with_its_fault() {
    let text = "mailbox,protocol,used,until\n\
        invoices,smtp,unused,2099-13-01\n\
        invoices,pigeon,unused,\n\
        invoices,smtp,perhaps,\n\
        \"desk,smtp,used,\n\
        ,smtp,used,\n\
        total garbage\n\
        absent@contoso.example,smtp,used,\n\
        printer,*,used,\n";
    let (imported, report) = usage_of(text.as_bytes());
    assert_eq!(said(&imported), "printer/imap used, printer/smtp used, printer/pop3 used");
    assert_eq!(refused(&report), [2, 3, 4, 5, 6, 7]);
    assert_eq!((report.taken, report.refused_count, report.unknown), (1, 6, 1));
    assert!(report.refused[3].1.contains("quotation mark"), "{:?}", report.refused);
}

#[test]
fn the_smtp_auth_report_is_read_in_english_and_localised() {
    let english = "\u{feff}\"Sender address\",\"Domain\",\"Message count\",\"TLS 1.2\",\"Authentication protocol\"\n\
        \"invoices@contoso.example\",\"contoso.example\",\"1,204\",\"100%\",\"Basic Auth\"\n\
        \"desk@contoso.example\",\"contoso.example\",\"7\",\"100%\",\"OAuth\"\n\
        \"printer@contoso.example\",\"contoso.example\",\"7\",\"100%\",\"OAuth\"\n\
        \"printer@contoso.example\",\"contoso.example\",\"9\",\"100%\",\"Basic Auth\"\n\
        \"stranger@contoso.example\",\"contoso.example\",\"1\",\"100%\",\"Basic Auth\"\n";
    let german = "Absenderadresse;Nachrichten;Authentifizierungsprotokoll\r\n\
        invoices@contoso.example;1.204;Standardauthentifizierung\r\n\
        desk@contoso.example;7;OAuth\r\n\
        printer@contoso.example;9;Basic, OAuth\r\n\
        fremd@contoso.example;9;Basic\r\n";
    let finnish = "Lähettäjä,Viestit,Todennus\n\
        invoices@contoso.example,1204,Basic\n\
        desk@contoso.example,7,OAuth\n\
        printer@contoso.example,9,Basic\n\
        vieras@contoso.example,9,OAuth\n";
    for text in [english, german, finnish] {
        let (imported, report) = usage_of(text.as_bytes());
        assert_eq!(said(&imported), "desk/smtp unused, invoices/smtp used, printer/smtp used", "{text}");
        assert_eq!((report.refused_count, report.unknown), (0, 1), "{text}");
    }
}

#[test]
fn a_sender_of_a_report_that_does_not_name_oauth_is_signed_in() {
    let (imported, _) = usage_of(b"Sender,Messages\ninvoices@contoso.example,3\n");
    assert_eq!(said(&imported), "invoices/smtp signed_in");
}

#[test]
fn a_sender_who_is_not_in_the_report_is_not_thereby_unused() {
    let (imported, _) = usage_of(b"Sender address,Auth protocol\ninvoices@contoso.example,OAuth\n");
    assert_eq!(said(&imported), "invoices/smtp unused");
}

#[test]
fn garbage_among_the_rows_of_a_report_is_named() {
    let text = "Sender address,Auth protocol\n\
        invoices@contoso.example,Basic\n\
        no address,Basic\n\
        desk@contoso.example,carrier pigeon\n\
        desk@contoso.example\n\
        \"desk@contoso.example,Basic\n";
    let (imported, report) = usage_of(text.as_bytes());
    assert_eq!(said(&imported), "invoices/smtp used");
    assert_eq!(refused(&report), [3, 4, 5, 6]);
}

#[test]
fn a_file_that_makes_no_sense_gives_nothing_and_says_why() {
    let wide: Vec<u8> = [0xff, 0xfe]
        .into_iter()
        .chain("mailbox,protocol,used\ninvoices,smtp,used\n".encode_utf16().flat_map(u16::to_le_bytes))
        .collect();
    assert_eq!(said(&usage_of(&wide).0), "invoices/smtp used", "UTF-16 is understood");
    let rows: [(&[u8], &str); 5] = [
        (b"", "is empty"),
        (b"mailbox,protocol,used\ninvoices,smtp,used\n\xe9t\xe9,smtp,used\n", "is not UTF-8 at line 3"),
        (b"a,b,c\n1,2,3\n", "has neither the columns"),
        (b"\x00\x01\x02", "is not text"),
        (b"<html><body>Sign in</body></html>", "is HTML"),
    ];
    for (bytes, fault) in rows {
        let (imported, report) = usage_of(bytes);
        assert!(imported.evidence.is_empty());
        assert!(report.fault.as_deref().is_some_and(|said| said.contains(fault)), "{fault}: {report:?}");
    }
}

fn switches_of(text: &str) -> (Import, ImportReport) {
    understood(text.as_bytes(), Topic::Switches)
}

#[test]
fn the_mailboxs_switch_wins_and_an_empty_one_inherits() {
    let cas = "#TYPE Microsoft.Exchange.Data.Directory.Management.CASMailbox\n\
        \"Name\",\"PrimarySmtpAddress\",\"ImapEnabled\",\"PopEnabled\",\"SmtpClientAuthenticationDisabled\"\n\
        \"Invoices\",\"invoices@contoso.example\",\"True\",\"True\",\"False\"\n\
        \"Desk\",\"desk@contoso.example\",\"False\",\"True\",\"\"\n\
        \"Printer\",\"printer@contoso.example\",\"True\",\"True\",\"True\"\n";
    let organisation = "\"Name\",\"SmtpClientAuthenticationDisabled\",\"MaxReceiveSize\"\n\"Transport Settings\",\"True\",\"36 MB\"\n";
    let (imported, report) = switches_of(&format!("{cas}{organisation}"));
    assert_eq!(
        said(&imported),
        "desk/imap switched_off, desk/smtp switched_off, desk/pop3 switched_on, \
         invoices/imap switched_on, invoices/smtp switched_on, invoices/pop3 switched_on, \
         printer/imap switched_on, printer/smtp switched_off, printer/pop3 switched_on"
    );
    assert_eq!(report.refused_count, 0, "{report:?}");
    // Without the organisation's row nothing is said of who inherits.
    let (imported, _) = switches_of(cas);
    assert!(!said(&imported).contains("desk/smtp"), "{}", said(&imported));
}

#[test]
fn switches_that_are_no_truth_values_are_named() {
    let text = "Identity;SmtpClientAuthenticationDisabled\ninvoices;WAHR\ndesk;vielleicht\nprinter;$false\n;FALSCH\n";
    let (imported, report) = switches_of(text);
    assert_eq!(said(&imported), "invoices/smtp switched_off, printer/smtp switched_on");
    assert_eq!(refused(&report), [3, 5]);
    let (_, report) = switches_of("mailbox,protocol,used\ninvoices,smtp,used\n");
    assert!(report.fault.unwrap().contains("Get-CASMailbox"));
}

#[test]
fn an_organisations_switch_is_not_guessed_among_several_tenants() {
    let text = "Identity,SmtpClientAuthenticationDisabled\ninvoices,\nTransport Settings,True\n";
    let table = Table::of(text.as_bytes()).unwrap();
    let (a, b) = (samples::credential("contoso"), samples::credential("fabrikam"));
    let plan = samples::plan(&[samples::mailbox("invoices", &a), samples::mailbox("desk", &b)]);
    let reading = switches::read(&table, &plan).unwrap();
    assert!(reading.facts.is_empty());
    assert_eq!(reading.refused.len(), 2, "{:?}", reading.refused);
}

proptest! {
    #[test]
    fn no_file_whatever_makes_it_panic_or_take_what_is_not_there(text in "\\PC{0,200}|[ -~\n\";,\t@]{0,300}") {
        let (imported, report) = usage_of(text.as_bytes());
        let known = text.to_lowercase();
        for name in imported.evidence.keys() {
            prop_assert!(known.contains(&*name.mailbox));
        }
        prop_assert!(report.taken + report.refused_count <= text.lines().count());
        let _ = switches_of(&text);
    }
}
