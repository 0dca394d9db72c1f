//! What the metadata services want to see before they give a token: each thing left out once.

use std::fs;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sim::Sim;

const RESOURCE: &str = "resource=https%3A%2F%2Foutlook.office365.com";

/// The whole answer to a request for this URL.
async fn get(url: &str, headers: &str) -> String {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// The status of an answer, and whether it holds a token.
fn outcome(answer: &str) -> (&str, bool) {
    (answer.split(' ').nth(1).unwrap(), answer.contains("\"access_token\""))
}

#[tokio::test]
async fn a_metadata_service_wants_its_header_version_and_resource() {
    let sim = Sim::start().await.unwrap();
    let app = sim.app();
    app.assign_identity(true);
    let imds = format!("{}/metadata/identity/oauth2/token", sim.metadata_url());
    let (app_service, header) = sim.app_service();
    let (metadata, header) = ("Metadata: true\r\n", format!("X-IDENTITY-HEADER: {header}\r\n"));
    let forwarded = format!("{metadata}X-Forwarded-For: 10.0.0.1\r\n");
    let other = RESOURCE.replace("office365", "office366");
    for (url, query, headers, expected) in [
        (&imds, format!("api-version=2018-02-01&{RESOURCE}"), metadata, ("200", true)),
        (&imds, format!("api-version=2018-02-01&{RESOURCE}"), "", ("400", false)),
        (&imds, format!("api-version=2018-02-01&{RESOURCE}"), &forwarded, ("400", false)),
        (&imds, format!("api-version=2019-08-01&{RESOURCE}"), metadata, ("400", false)),
        (&imds, "api-version=2018-02-01".to_owned(), metadata, ("400", false)),
        (&imds, format!("api-version=2018-02-01&{other}"), metadata, ("400", false)),
        (&imds, format!("api-version=2018-02-01&{RESOURCE}&client_id=x"), metadata, ("400", false)),
        (&app_service, format!("api-version=2019-08-01&{RESOURCE}"), &header, ("200", true)),
        (&app_service, format!("api-version=2019-08-01&{RESOURCE}"), metadata, ("401", false)),
        (&app_service, format!("api-version=2018-02-01&{RESOURCE}"), &header, ("400", false)),
    ] {
        let answer = get(&format!("{url}?{query}"), headers).await;
        assert_eq!(outcome(&answer), expected, "{query} {headers}: {answer}");
    }
}

#[tokio::test]
async fn azure_arc_takes_each_key_once_and_only_from_its_readers() {
    let sim = Sim::start().await.unwrap();
    let app = sim.app();
    app.assign_identity(true);
    let folder = std::env::temp_dir().join(format!("sim-arc-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let url = format!("{}?api-version=2020-06-01&{RESOURCE}", sim.azure_arc(&folder));
    let challenge = get(&url, "Metadata: true\r\n").await;
    assert_eq!(outcome(&challenge), ("401", false));
    let (_, rest) = challenge.split_once("Www-Authenticate: Basic realm=").unwrap();
    let key = fs::read_to_string(rest.lines().next().unwrap()).unwrap();
    let shown = format!("Metadata: true\r\nAuthorization: Basic {key}\r\n");
    let guessed = format!("Metadata: true\r\nAuthorization: Basic {}\r\n", key.to_uppercase());
    for (headers, expected) in [(&guessed, ("401", false)), (&shown, ("200", true)), (&shown, ("401", false))]
    {
        let answer = get(&url, headers).await;
        assert_eq!(outcome(&answer), expected, "{headers}: {answer}");
    }
    fs::remove_dir_all(folder).unwrap();
}
