//! chromedriver: the process, and one request of WebDriver (W3C).

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::wait::PATIENCE;

/// What it prints before its port.
const STARTED: &str = "was started successfully on port ";
/// How often a start is tried.
const TRIES: usize = 5;
/// More than any answer is long; pictures are the longest.
const LONGEST: usize = 64 << 20;

/// A running chromedriver. Dropped, it is killed.
pub(crate) struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    /// Starts one on a free port. It finds one for itself, and gives up where another takes it meanwhile.
    pub(crate) fn start() -> Self {
        let mut said = String::new();
        let found = (0..TRIES).find_map(|_| Self::try_start(&mut said));
        found.unwrap_or_else(|| panic!("chromedriver does not start: {said}"))
    }

    fn try_start(said: &mut String) -> Option<Self> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("chromedriver cannot be started: {error}. tests/run installs it.")
            });
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        for line in lines {
            if let Some((_, port)) = line.split_once(STARTED) {
                return Some(Self { process, port: port.trim_end_matches('.').parse().unwrap() });
            }
            said.push_str(&line);
            said.push('\n');
        }
        // It has ended, or it does so without an output.
        let _ = process.kill();
        let _ = process.wait();
        None
    }

    /// The value that a command returns, or what is wrong.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let answer = self.exchange(method, path, &body).map_err(|error| error.to_string())?;
        let answer: Value = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
        let value = answer["value"].clone();
        match value["error"].as_str() {
            None => Ok(value),
            Some(error) => Err(format!("{error}: {}", value["message"].as_str().unwrap_or_default())),
        }
    }

    /// One request on a connection of its own. chromedriver closes none, so the length in the head counts.
    fn exchange(&self, method: &str, path: &str, body: &str) -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all((head + body).as_bytes())?;
        let mut stream = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while stream.read_line(&mut line)? > 2 {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
            line.clear();
        }
        let mut answer = vec![0; length.min(LONGEST)];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Both fail where it has ended already, and then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
