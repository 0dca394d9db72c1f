//! The agent of Azure Arc: it gives tokens of the system-assigned identity to programs that can read the key file which
//! its challenge names.
//!
//! A key is good for one request. As older agents do, this one ignores a `client_id`.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::json;
use uuid::Uuid;

use crate::sim::http::Request;
use crate::sim::lock;

/// The path of its tokens. The real one is that of virtual machines, at another port.
pub(super) const PATH: &str = "/arc/metadata/identity/oauth2/token";
/// The versions of the interface that it knows.
pub(super) const VERSIONS: [&str; 2] = ["2019-11-01", "2020-06-01"];

/// The keys that are asked for.
#[derive(Default)]
pub(super) struct Keys(Mutex<State>);

#[derive(Default)]
struct State {
    folder: PathBuf,
    /// By key: the file that holds it.
    open: HashMap<String, PathBuf>,
    /// What the challenges say instead of the truth: the header, if any.
    said: Option<Option<String>>,
}

/// What a request without a good key is answered with: the challenge, and the body.
pub(super) struct Challenge {
    pub(super) header: Option<String>,
    pub(super) body: String,
}

impl Keys {
    /// From now on the key files are written here.
    pub(super) fn write_into(&self, folder: &Path) {
        folder.clone_into(&mut lock(&self.0).folder);
    }

    /// From now on the challenges have this header.
    pub(super) fn say(&self, header: Option<&str>) {
        lock(&self.0).said = Some(header.map(str::to_owned));
    }

    /// Whether the request shows a good key; otherwise the challenge for it. A key that is shown is used up.
    pub(super) fn check(&self, request: &Request) -> io::Result<Option<Challenge>> {
        let shown = request.header("authorization").map(str::to_owned);
        let mut state = lock(&self.0);
        let key = shown.as_deref().and_then(|shown| shown.strip_prefix("Basic "));
        if let Some(file) = key.and_then(|key| state.open.remove(key)) {
            fs::remove_file(file)?;
            return Ok(None);
        }
        let text = match key {
            Some(key) => format!("The key {key} is not known"),
            None => "Missing Basic Authorization header".to_owned(),
        };
        let body = json!({ "error": "unauthorized_client", "error_description": text, "error_codes": [401] });
        let header = match &state.said {
            Some(said) => said.clone(),
            None => {
                let file = state.folder.join(format!("{}.key", Uuid::new_v4()));
                let key = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
                fs::write(&file, &key)?;
                let header = format!("Basic realm={}", file.display());
                state.open.insert(key, file);
                Some(header)
            }
        };
        Ok(Some(Challenge { header, body: body.to_string() }))
    }
}
