//! Cells in aligned columns under a bold header line.

use unicode_width::UnicodeWidthStr;

use super::table::{BOLD, Style};

/// Prints lines of cells in columns, each as wide as its widest cell. The first line is the header.
///
/// `paint` colours a cell below the header, by its column. Columns from `first_number` on are aligned to the right.
pub(super) fn aligned(
    lines: &[Vec<String>],
    first_number: usize,
    style: Style,
    paint: impl Fn(usize, &str) -> String,
) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let widest =
        |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..columns).map(|column| widest(column).unwrap_or(0)).collect();
    let line = |(place, line): (usize, &Vec<String>)| {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            let gap = " ".repeat(width.saturating_sub(cell.width()));
            let cell = if place == 0 { style.paint(BOLD, cell) } else { paint(column, cell) };
            if column < first_number { format!("{cell}{gap}") } else { format!("{gap}{cell}") }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    lines.iter().enumerate().map(line).collect()
}
