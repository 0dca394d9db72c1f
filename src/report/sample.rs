//! One sample in text: name, labels, value. The two formats differ in how they write a family's head, the bounds of
//! buckets and nothing else, so both are written here.
//!
//! Sources: the text format 0.0.4 of Prometheus, and OpenMetrics 1.0. Not here: units, exemplars, `_created` and
//! timestamps, which are optional; summaries and untyped metrics, which do not occur.

use prometheus::proto::{LabelPair, Metric};

use super::exposition::Exposition;
use super::families::{Family, Kind};

/// Values below this are exact to the microsecond, and written digit by digit. It reaches beyond the year 2096 in
/// seconds since 1970.
const EXACT_BELOW: f64 = 4e9;
const MICROS: u64 = 1_000_000;

/// The start of each sample of a family, up to the first label value, and what stands between the label values.
pub(super) struct Form {
    openings: Vec<String>,
    end: &'static str,
}

impl Form {
    /// The form for these label names.
    pub(super) fn new<'n>(name: &str, labels: impl IntoIterator<Item = &'n str>) -> Self {
        let mut openings = Vec::new();
        for label in labels {
            let before = if openings.is_empty() { format!("{name}{{") } else { "\",".to_owned() };
            openings.push(format!("{before}{label}=\""));
        }
        match openings.is_empty() {
            true => Self { openings: vec![name.to_owned()], end: " " },
            false => Self { openings, end: "\"} " },
        }
    }

    /// Appends a sample. The values follow the order of the label names.
    pub(super) fn write(&self, values: &[&str], value: f64, out: &mut Vec<u8>) {
        for (place, opening) in self.openings.iter().enumerate() {
            out.extend_from_slice(opening.as_bytes());
            if let Some(text) = values.get(place) {
                escape(text, true, out);
            }
        }
        out.extend_from_slice(self.end.as_bytes());
        number(value, out);
        out.push(b'\n');
    }
}

/// Appends the lines that introduce a family.
pub(super) fn head(family: &Family, format: Exposition, out: &mut Vec<u8>) {
    let (name, kind) = (family.name, family.kind.label());
    match format {
        Exposition::Text => {
            line(out, &["# HELP ", name, " "], Some((family.help, false)));
            line(out, &["# TYPE ", name, " ", kind], None);
        }
        Exposition::OpenMetrics => {
            // The family name of a counter lacks the `_total` of its samples.
            let name = if family.kind == Kind::Counter { name.trim_end_matches("_total") } else { name };
            line(out, &["# TYPE ", name, " ", kind], None);
            line(out, &["# HELP ", name, " "], Some((family.help, true)));
        }
    }
}

fn line(out: &mut Vec<u8>, words: &[&str], help: Option<(&str, bool)>) {
    words.iter().for_each(|word| out.extend_from_slice(word.as_bytes()));
    if let Some((help, quotes)) = help {
        escape(help, quotes, out);
    }
    out.push(b'\n');
}

/// Appends a metric that the `prometheus` crate holds.
pub(super) fn metric(family: &Family, metric: &Metric, format: Exposition, out: &mut Vec<u8>) {
    match family.kind {
        Kind::Counter => sample(family.name, metric, metric.get_counter().get_value(), out),
        Kind::Gauge => sample(family.name, metric, metric.get_gauge().get_value(), out),
        Kind::Histogram => histogram(family.name, metric, format, out),
    }
}

fn sample(name: &str, metric: &Metric, value: f64, out: &mut Vec<u8>) {
    let (labels, values) = labels(metric);
    Form::new(name, labels).write(&values, value, out);
}

fn histogram(name: &str, metric: &Metric, format: Exposition, out: &mut Vec<u8>) {
    let histogram = metric.get_histogram();
    let (labels, values) = labels(metric);
    let buckets = Form::new(&format!("{name}_bucket"), labels.into_iter().chain(["le"]));
    let mut bucket = |bound: &str, count: f64| {
        let values: Vec<&str> = values.iter().copied().chain([bound]).collect();
        buckets.write(&values, count, out);
    };
    for finite in histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite()) {
        let bound = finite.upper_bound();
        let bound = match format {
            Exposition::Text => bound.to_string(),
            // Always as floats, `1.0` and not `1`, because scrapers compare bounds as text.
            Exposition::OpenMetrics => format!("{bound:?}"),
        };
        bucket(&bound, finite.cumulative_count() as f64);
    }
    let count = histogram.get_sample_count() as f64;
    bucket("+Inf", count);
    sample(&format!("{name}_sum"), metric, histogram.get_sample_sum(), out);
    sample(&format!("{name}_count"), metric, count, out);
}

fn labels(metric: &Metric) -> (Vec<&str>, Vec<&str>) {
    metric.get_label().iter().map(|pair: &LabelPair| (pair.name(), pair.value())).unzip()
}

/// Appends a text; quotes are escaped in label values, and in OpenMetrics everywhere.
fn escape(text: &str, quotes: bool, out: &mut Vec<u8>) {
    let acts = |byte: &u8| (*byte == b'\\') | (*byte == b'\n') | (*byte == b'"') & quotes;
    // Without an early end the compiler looks at many bytes at once, and hardly any text has such a byte.
    if !text.as_bytes().iter().fold(false, |found, byte| found | acts(byte)) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for byte in text.bytes() {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            byte if acts(&byte) => out.extend_from_slice(&[b'\\', byte]),
            other => out.push(other),
        }
    }
}

/// Appends a value as `Display` writes it, which is slow and seldom needed: most values are whole numbers, or seconds
/// to the microsecond.
fn number(value: f64, out: &mut Vec<u8>) {
    let micros = (value * MICROS as f64).round();
    let is_exact = value.is_sign_positive() && value < EXACT_BELOW && micros / MICROS as f64 == value;
    if !is_exact {
        out.extend_from_slice(value.to_string().as_bytes());
        return;
    }
    let (whole, fraction) = (micros as u64 / MICROS, micros as u64 % MICROS);
    digits(whole, 1, out);
    if fraction > 0 {
        out.push(b'.');
        digits(fraction, 6, out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// Appends a whole number with at least so many digits.
fn digits(number: u64, at_least: usize, out: &mut Vec<u8>) {
    let begin = out.len();
    let mut rest = number;
    while rest > 0 || out.len() - begin < at_least {
        out.push(b'0' + (rest % 10) as u8);
        rest /= 10;
    }
    out[begin..].reverse();
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: f64) -> String {
        let mut out = Vec::new();
        number(value, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_number_is_written_as_rust_displays_it() {
        let edges = [
            0.0,
            -0.0,
            1.0,
            10.0,
            0.1,
            0.000_001,
            0.000_000_5,
            1e-7,
            59.999_999,
            1e6,
            1.5e9,
            4e9,
            1e15,
            1e300,
        ];
        let odd =
            [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MIN_POSITIVE, -1.5, 1_732_999_999.123_456];
        for value in edges.into_iter().chain(odd) {
            assert_eq!(written(value), value.to_string());
        }
    }

    proptest! {
        #[test]
        fn every_number_is_written_as_rust_displays_it(any: f64, micros in 0..8_000_000_000_000_000_u64, count: u32) {
            for value in [any, micros as f64 / 1e6, f64::from(count), f64::from(count) / 1e6] {
                prop_assert_eq!(written(value), value.to_string());
            }
        }
    }

    #[test]
    fn what_would_end_a_label_value_is_escaped_and_nothing_else() {
        let mut out = Vec::new();
        Form::new("m", ["a", "b"]).write(&["x\"\\\ny", "ü{},="], 0.5, &mut out);
        Form::new("m", []).write(&[], 1.0, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), "m{a=\"x\\\"\\\\\\ny\",b=\"ü{},=\"} 0.5\nm 1\n");
    }
}
