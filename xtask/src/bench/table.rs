//! Tables of Markdown, and how numbers look in them.

/// Three digits that mean something.
pub(super) fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

/// An empty cell.
pub(super) fn nothing() -> String {
    "-".to_owned()
}

/// The text with its first letter as a capital.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A section with a table; empty without rows. What stands in a cell may come from other programs.
pub(super) fn table<C: AsRef<str>, R: IntoIterator<Item = String>>(
    title: &str,
    head: impl IntoIterator<Item = C>,
    rows: impl IntoIterator<Item = R>,
) -> String {
    let line = |cells: Vec<String>| {
        let cells = cells
            .iter()
            .map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let head: Vec<_> = head
        .into_iter()
        .map(|cell| cell.as_ref().to_owned())
        .collect();
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    let rows: String = rows
        .into_iter()
        .map(|row| line(row.into_iter().collect()))
        .collect();
    match rows.is_empty() {
        true => rows,
        false => format!("{title}\n\n{}{rule}{rows}", line(head)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_three_digits() {
        for (number, text) in [
            (0.0512, "0.051"),
            (1.2345, "1.23"),
            (12.345, "12.3"),
            (1234.5, "1234"),
        ] {
            assert_eq!(short(number), text);
        }
    }

    #[test]
    fn a_cell_cannot_end_its_row() {
        let rows = [["a|b".to_owned(), "c\nd".to_owned()]];
        let text = table("## T", ["x", "y"], rows);
        assert_eq!(text, "## T\n\n| x | y |\n|---|---|\n| a\\|b | c d |\n");
        assert_eq!(table("## T", ["x"], Vec::<[String; 1]>::new()), "");
    }
}
