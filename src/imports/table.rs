//! A CSV file as people export it: byte order marks, semicolons, type lines, stray quotation marks.
//!
//! Every line is read on its own: a quotation mark that is never closed costs its own line, not the rest of the
//! file. No column that is read here can hold a line break.

use csv::ReaderBuilder;

use super::kind;

/// The longest line that is read, in bytes.
const LONGEST: usize = 64 * 1024;
/// The most lines.
const MOST: usize = 500_000;

/// Delimiters that spreadsheets write, the likeliest first.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// The rows of a file.
#[derive(Debug)]
pub(super) struct Table {
    /// Each with its number in the file, from 1; the first is the header if there is one.
    pub(super) rows: Vec<(usize, Vec<String>)>,
    /// Lines that could not be read, and why.
    pub(super) refused: Vec<(usize, String)>,
    /// The text of these lines, in lower case.
    pub(super) unread: Vec<String>,
}

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// The reason why the whole file is refused.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, String> {
        if let Some(what) = kind::of_bytes(bytes) {
            return Err(what.to_owned());
        }
        let text = decode(bytes)?;
        // Line ends as old spreadsheets on a Mac write them.
        let text = if text.contains('\n') { text } else { text.replace('\r', "\n") };
        if text.lines().nth(MOST).is_some() {
            return Err(format!("has more than {MOST} lines"));
        }
        let mut delimiter = None;
        let mut table = Self { rows: Vec::new(), refused: Vec::new(), unread: Vec::new() };
        for (index, line) in text.lines().enumerate() {
            let (number, line) = (index + 1, line.trim_end_matches('\r'));
            // `#TYPE …` is PowerShell's, `sep=;` is Excel's; other lines with # are remarks.
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(written) = line.strip_prefix("sep=").filter(|written| written.len() == 1) {
                delimiter = written.bytes().next();
                continue;
            }
            let delimiter = *delimiter.get_or_insert_with(|| likeliest(line));
            match row(line, delimiter) {
                Ok(row) => table.rows.push((number, row)),
                Err(why) => {
                    table.refused.push((number, why));
                    table.unread.push(line.to_lowercase());
                }
            }
        }
        if table.rows.is_empty() {
            return Err("holds no rows".to_owned());
        }
        Ok(table)
    }
}

fn decode(bytes: &[u8]) -> Result<String, String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        if !bytes.len().is_multiple_of(2) {
            return Err("is UTF-16 and ends in the middle of a character: the file is cut off".to_owned());
        }
        let units: Vec<u16> =
            bytes.chunks_exact(2).filter_map(|pair| Some(unit([*pair.first()?, *pair.get(1)?]))).collect();
        String::from_utf16(&units).map_err(|_| "is not the UTF-16 that it begins as".to_owned())
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest),
        _ => utf8(bytes),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes.get(..error.valid_up_to()).unwrap_or_default().split(|byte| *byte == b'\n').count();
        format!("is not UTF-8 at line {line}: save it as \"CSV UTF-8\"")
    })?;
    if text.contains('\0') {
        return Err("is not text".to_owned());
    }
    Ok(text.to_owned())
}

/// The delimiter that occurs most often outside quotation marks.
fn likeliest(line: &str) -> u8 {
    let mut inside = false;
    let mut counts = [0; DELIMITERS.len()];
    for byte in line.bytes() {
        inside ^= byte == b'"';
        for (count, delimiter) in counts.iter_mut().zip(DELIMITERS) {
            *count += u32::from(!inside && byte == delimiter);
        }
    }
    let best = DELIMITERS.into_iter().zip(counts).rev().max_by_key(|(_, count)| *count);
    best.map_or(b',', |(delimiter, _)| delimiter)
}

fn row(line: &str, delimiter: u8) -> Result<Vec<String>, String> {
    if line.len() > LONGEST {
        return Err(format!("longer than {LONGEST} bytes"));
    }
    if !line.contains('"') {
        // As the reader below would have it, and much cheaper.
        return Ok(line.split(char::from(delimiter)).map(|field| field.trim().to_owned()).collect());
    }
    if line.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
        return Err("a quotation mark is not closed".to_owned());
    }
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(line.as_bytes());
    match reader.records().next() {
        Some(Ok(record)) => Ok(record.iter().map(|field| field.trim().to_owned()).collect()),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("empty".to_owned()),
    }
}

/// A column's name made comparable: `Sender address`, `sender_address` and `SenderAddress` are one.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
