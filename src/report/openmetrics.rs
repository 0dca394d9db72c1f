//! OpenMetrics 1.0, written from the same values as the text format.
//!
//! Source: the OpenMetrics 1.0 specification. Not here: units, exemplars and `_created`, which are optional;
//! summaries and untyped metrics, which do not occur.

use std::io::{self, Write};

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

/// Without this line the page counts as truncated.
pub(super) const EOF: &str = "# EOF\n";

/// Appends a family. A further piece of the same family has no header.
pub(super) fn encode(family: &MetricFamily, first: bool, out: &mut Vec<u8>) -> io::Result<()> {
    let kind = family.get_field_type();
    // The family name of a counter lacks the `_total` of its samples.
    let name = match kind {
        MetricType::COUNTER => family.name().strip_suffix("_total").unwrap_or(family.name()),
        _ => family.name(),
    };
    if first {
        let word = match kind {
            MetricType::COUNTER => "counter",
            MetricType::HISTOGRAM => "histogram",
            _ => "gauge",
        };
        writeln!(out, "# TYPE {name} {word}")?;
        write!(out, "# HELP {name} ")?;
        escape(family.help(), out);
        out.push(b'\n');
    }
    for metric in family.get_metric() {
        match kind {
            MetricType::COUNTER => {
                sample(out, name, "_total", metric, None, metric.get_counter().get_value())?;
            }
            MetricType::HISTOGRAM => histogram(out, name, metric)?,
            _ => sample(out, name, "", metric, None, metric.get_gauge().get_value())?,
        }
    }
    Ok(())
}

fn histogram(out: &mut Vec<u8>, name: &str, metric: &Metric) -> io::Result<()> {
    let values = metric.get_histogram();
    let finite = values.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    for bucket in finite {
        // Bounds are always written as floats, `1.0` and not `1`, because scrapers compare them as text.
        let bound = format!("{:?}", bucket.upper_bound());
        sample(out, name, "_bucket", metric, Some(&bound), bucket.cumulative_count() as f64)?;
    }
    let count = values.get_sample_count() as f64;
    sample(out, name, "_bucket", metric, Some("+Inf"), count)?;
    sample(out, name, "_sum", metric, None, values.get_sample_sum())?;
    sample(out, name, "_count", metric, None, count)
}

fn sample(
    out: &mut Vec<u8>,
    name: &str,
    suffix: &str,
    metric: &Metric,
    bound: Option<&str>,
    value: f64,
) -> io::Result<()> {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(suffix.as_bytes());
    let pairs = metric.get_label().iter().map(|pair: &LabelPair| (pair.name(), pair.value()));
    let mut opening = b'{';
    for (label, text) in pairs.chain(bound.map(|bound| ("le", bound))) {
        out.push(opening);
        out.extend_from_slice(label.as_bytes());
        out.extend_from_slice(b"=\"");
        escape(text, out);
        out.push(b'"');
        opening = b',';
    }
    if opening == b',' {
        out.push(b'}');
    }
    writeln!(out, " {value}")
}

fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\n' => out.extend_from_slice(b"\\n"),
            other => out.push(other),
        }
    }
}
