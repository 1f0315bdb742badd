//! Text tables as laboratories' programs write them: any usual separator, decimal commas, R's NA, byte-order marks,
//! blank lines, an index column.

use std::borrow::Cow;
use std::path::Path;

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::tables::text_column::{TextColumn, number_of};

/// What parts the values of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Separator {
    Character(char),
    Blanks,
}

impl Separator {
    const ALL: [Separator; 5] = [
        Separator::Character(','),
        Separator::Character(';'),
        Separator::Character('\t'),
        Separator::Character('|'),
        Separator::Blanks,
    ];

    fn name(self) -> String {
        match self {
            Separator::Character('\t') => "tabs".to_owned(),
            Separator::Character(character) => format!("`{character}`"),
            Separator::Blanks => "blanks".to_owned(),
        }
    }

    /// Whether a comma within a value may be a decimal one.
    fn leaves_commas(self) -> bool {
        self != Separator::Character(',')
    }
}

/// Lines looked at to find the separator.
const LOOKED_AT: usize = 50;

/// Reads a table of text. Types of columns are found from all rows: whole numbers, numbers, true and false, text.
pub(super) fn read(path: &Path, bytes: &[u8], wanted: &dyn Fn(&str) -> bool) -> Result<DataFrame> {
    if let Some(what) = not_text(bytes) {
        return Err(Error::file(
            path,
            format!("it is no text, but {what}"),
            "Save it as CSV, or give it its own ending",
        ));
    }
    let text = decoded(bytes);
    let (header, body) = Body::below_header(path, &text)?;
    let names = body.names(path, header)?;
    let columns = body.columns(&names, wanted);
    DataFrame::new(body.rows().count(), columns).map_err(Error::table(format!("cannot read `{}`", path.display())))
}

/// The rows of a table below its header.
struct Body<'a> {
    text: &'a str,
    /// Lines above the first row.
    above: usize,
    separator: Separator,
}

impl<'a> Body<'a> {
    /// The header of a table, and what is below it.
    fn below_header(path: &Path, text: &'a str) -> Result<(&'a str, Body<'a>)> {
        let comments = full_lines(text).take_while(|(_, line)| line.starts_with('#')).count();
        let first: Vec<&str> = full_lines(text).skip(comments).map(|(_, line)| line).take(LOOKED_AT + 1).collect();
        let Some(header) = first.first().copied() else {
            let remedy = "It needs a line of column names, then one a row";
            return Err(Error::file(path, "it is not a CSV table: it has no line", remedy));
        };
        let separator = separator(&first);
        // A header behind a comment sign, as numpy.savetxt writes it.
        if let Some((_, line)) = comments.checked_sub(1).and_then(|last| full_lines(text).nth(last)) {
            let line = line.trim_start_matches(['#', ' ']);
            if values(header, separator).all(|value| number_of(&value, separator.leaves_commas()).is_some())
                && values(line, separator).count() == values(header, separator).count()
            {
                return Ok((line, Body { text, above: comments, separator }));
            }
        }
        Ok((header, Body { text, above: comments + 1, separator }))
    }

    /// The rows, each with the number of its line and its values.
    fn rows(&self) -> impl Iterator<Item = (usize, impl Iterator<Item = Cow<'a, str>> + use<'a>)> + use<'a> {
        let Body { text, above, separator } = *self;
        full_lines(text).skip(above).map(move |(number, line)| (number, values(line, separator)))
    }

    /// The names of the columns, after a look at all rows: each must have as many values.
    fn names(&self, path: &Path, header: &str) -> Result<Vec<String>> {
        let mut names: Vec<String> = values(header, self.separator).map(|name| name.trim().to_owned()).collect();
        if names.iter().all(|name| number_of(name, self.separator.leaves_commas()).is_some()) {
            let problem = "it is not a CSV table: its first line holds numbers, no names of columns";
            return Err(Error::file(path, problem, "Put a line of column names first"));
        }
        let (width, mut index) = (names.len(), 0);
        let (mut count, mut are_longer, mut end_empty) = (0, true, true);
        for (_, row) in self.rows() {
            let (mut length, mut last) = (0, Cow::from(""));
            row.for_each(|value| (length, last) = (length + 1, value));
            count += 1;
            are_longer &= length == width + 1;
            end_empty &= last.trim().is_empty();
        }
        // One name less than values: row names of R, or a separator at the end of each line.
        match count > 0 && are_longer {
            true if end_empty => names.push(String::new()),
            true => {
                names.insert(0, String::new());
                index = 1;
            }
            false => {}
        }
        let mut lengths = self.rows().map(|(number, row)| (number, row.count()));
        if let Some((number, length)) = lengths.find(|(_, length)| *length != names.len()) {
            let s = if length == 1 { "" } else { "s" };
            let separator = self.separator.name();
            let problem = format!(
                "line {number} has {length} value{s}, where its first line names {width} columns (read with \
                 {separator} between them)"
            );
            let remedy = "Give every line as many values, with one separator: commas, semicolons, tabs or blanks";
            return Err(Error::file(path, problem, remedy));
        }
        for (place, name) in names.iter_mut().enumerate().filter(|(_, name)| name.is_empty()) {
            *name = if place == 0 { "index".to_owned() } else { format!("column_{place}") };
        }
        if let Some((place, name)) = names.iter().enumerate().find(|(place, name)| names[..*place].contains(name)) {
            let first = names.iter().position(|known| known == name).unwrap_or(0);
            let (first, second) = (first + 1 - index, place + 1 - index);
            let problem = format!("two columns are called `{name}`: columns {first} and {second}");
            return Err(Error::file(path, problem, "Give each column a name of its own"));
        }
        Ok(names)
    }

    /// The columns that are wanted, read value by value: in memory there is one line of text, and numbers.
    fn columns(&self, names: &[String], wanted: &dyn Fn(&str) -> bool) -> Vec<Column> {
        let decimal_comma = self.separator.leaves_commas();
        let mut columns: Vec<Option<TextColumn>> =
            names.iter().map(|name| wanted(name).then(|| TextColumn::new(decimal_comma))).collect();
        let mut is_text = vec![false; names.len()];
        for (_, row) in self.rows() {
            for (at, value) in row.enumerate() {
                if let (Some(column), false) = (&mut columns[at], is_text[at]) {
                    is_text[at] = !column.push(value.trim());
                }
            }
        }
        // Columns that turned out to be text are read once more, all in one go.
        if is_text.contains(&true) {
            for (column, _) in columns.iter_mut().zip(&is_text).filter(|(_, is_text)| **is_text) {
                *column = Some(TextColumn::of_text());
            }
            for (_, row) in self.rows() {
                for (at, value) in row.enumerate() {
                    if let (Some(column), true) = (&mut columns[at], is_text[at]) {
                        column.push(value.trim());
                    }
                }
            }
        }
        columns.into_iter().zip(names).filter_map(|(column, name)| Some(column?.finish(name))).collect()
    }
}

/// What a file is that is no text, by its first bytes.
fn not_text(bytes: &[u8]) -> Option<&'static str> {
    let is_wide = matches!(bytes, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..]);
    match bytes {
        [b'P', b'K', 3, 4, ..] => Some("a ZIP archive, as Excel's .xlsx is"),
        [b'P', b'A', b'R', b'1', ..] => Some("a Parquet table"),
        [0x1F, 0x8B, ..] => Some("compressed by gzip"),
        [0x89, b'H', b'D', b'F', ..] => Some("an HDF5 file"),
        _ => (!is_wide && bytes.iter().take(4096).any(|byte| *byte == 0)).then_some("binary"),
    }
}

/// The text of a file: UTF-8, UTF-16 with a byte-order mark, or else Latin-1, in which every byte is a letter.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        char::decode_utf16(units).map(|found| found.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>()
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes).into(),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes).into(),
        _ => {
            let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
            match std::str::from_utf8(bytes) {
                Ok(text) => text.into(),
                Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
            }
        }
    }
}

/// The lines with their numbers, counted from 1; a line break within quotes ends no line.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = if text.contains('\n') { b'\n' } else { b'\r' };
    let (mut rest, mut number) = (Some(text), 1);
    std::iter::from_fn(move || {
        let (line, first) = (rest?, number);
        let mut quoted = false;
        for (at, byte) in line.bytes().enumerate() {
            quoted ^= byte == b'"';
            if byte == end {
                number += 1;
                if !quoted {
                    rest = Some(&line[at + 1..]);
                    return Some((first, line[..at].trim_end_matches('\r')));
                }
            }
        }
        rest = None;
        Some((first, line.trim_end_matches('\r')))
    })
}

/// The lines that hold more than separators.
fn full_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    lines(text).filter(|(_, line)| !line.trim_matches([',', ';', '\t', '|', ' ']).is_empty())
}

/// The values of a line, without their quotes.
fn values(line: &str, separator: Separator) -> impl Iterator<Item = Cow<'_, str>> {
    let has_quotes = line.contains('"');
    let mut rest = Some(line);
    std::iter::from_fn(move || match separator {
        Separator::Blanks => {
            let left = rest?.trim_start();
            let end = left.find(char::is_whitespace).unwrap_or(left.len());
            rest = Some(&left[end..]);
            (!left.is_empty()).then(|| left[..end].trim_matches('"').into())
        }
        Separator::Character(separator) => {
            let left = rest?;
            let mut quoted = false;
            let mut ends = |character: char| {
                quoted ^= character == '"';
                character == separator && !quoted
            };
            let end = if has_quotes { left.find(&mut ends) } else { left.find(separator) };
            rest = end.map(|end| &left[end + separator.len_utf8()..]);
            let value = &left[..end.unwrap_or(left.len())];
            Some(if has_quotes { bare(value) } else { value.into() })
        }
    })
}

/// A value without the quotes around it.
fn bare(value: &str) -> Cow<'_, str> {
    let value = value.trim();
    match value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
        Some(inner) if inner.contains('"') => inner.replace("\"\"", "\"").into(),
        Some(inner) => inner.into(),
        None if value.contains('"') => value.replace("\"\"", "\"").into(),
        None => value.into(),
    }
}

/// The separator that splits the first lines alike, into the most columns.
fn separator(lines: &[&str]) -> Separator {
    let columns = |separator: Separator| {
        let names = values(lines[0], separator).count();
        let rows = || lines[1..].iter().map(|line| values(line, separator).count());
        // R leaves out the name of the column of row names.
        let alike = rows().filter(|count| *count == names || *count == names + 1).count();
        let enough = 2 * alike > rows().count() || rows().count() == 0;
        if enough { names } else { 1 }
    };
    let mut best = (Separator::ALL[0], 1);
    for separator in Separator::ALL {
        let found = columns(separator);
        if found > best.1 {
            best = (separator, found);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> DataFrame {
        read(Path::new("a.csv"), text.as_bytes(), &|_| true).unwrap()
    }

    fn refused(text: &str) -> String {
        read(Path::new("a.csv"), text.as_bytes(), &|_| true).unwrap_err().to_string()
    }

    fn floats(table: &DataFrame, name: &str) -> Vec<Option<f64>> {
        table.column(name).unwrap().cast(&DataType::Float64).unwrap().f64().unwrap().to_vec()
    }

    #[test]
    fn every_usual_dialect_gives_the_same_table() {
        let expected = table("trial,name,rate\n1,a,0.5\n2,b c,\n");
        for text in [
            "\u{feff}trial,name,rate\n1,a,0.5\n2,b c,NA\n",
            "trial;name;rate\r\n1;a;0,5\r\n2;b c;\r\n",
            "trial\tname\trate\n1\ta\t0,5\n\n2\tb c\tNA\n",
            "trial|name|rate\n1|a|0.5\n2|b c|N/A\n",
            "\"trial\",\"name\",\"rate\"\n1,\"a\",0.5\n2,\"b c\",NA\n",
            "trial,name,rate\r1,a,0.5\r2,b c,\r",
            "# by the recorder\ntrial,name,rate\n1,a,0.5\n2,b c,null\n,,\n",
            "trial,name,rate,\n1,a,0.5,\n2,b c,,\n",
        ] {
            let found = table(text).select(["trial", "name", "rate"]).unwrap();
            assert!(found.equals_missing(&expected), "{text:?}: {found}");
        }
        let index = table(",trial,rate\n0,7,0.5\n1,8,1.5\n");
        assert_eq!(index.get_column_names(), ["index", "trial", "rate"]);
        let row_names = table("\"trial\" \"rate\"\n\"1\" 7 0.5\n\"2\" 8 1.5\n");
        assert_eq!(floats(&row_names, "trial"), [Some(7.0), Some(8.0)]);
        let blanks = table("  trial    rate\n   1   0.5\n  2   -1.5e3\n");
        assert_eq!(floats(&blanks, "rate"), [Some(0.5), Some(-1500.0)]);
        let savetxt = table("# trial,rate\n1,0.5\n2,1.5\n");
        assert_eq!(floats(&savetxt, "rate"), [Some(0.5), Some(1.5)]);
        let wide: Vec<u8> = "trial;rate\n1;0,5\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf16 = read(Path::new("a.csv"), &[&[0xFF, 0xFE], &wide[..]].concat(), &|_| true).unwrap();
        assert_eq!(floats(&utf16, "rate"), [Some(0.5)]);
        let latin = read(Path::new("a.csv"), b"trial,rate_\xB5V\n1,0.5\n", &|_| true).unwrap();
        assert_eq!(latin.get_column_names(), ["trial", "rate_µV"]);
    }

    #[test]
    fn types_are_found_from_all_rows() {
        let found = table("a,b,c,d,e\n1,true,x,1,\n2,false,\"y, \"\"z\"\"\",2.5,\n");
        let types: Vec<&DataType> = found.columns().iter().map(Column::dtype).collect();
        let expected = [DataType::Int64, DataType::Boolean, DataType::String, DataType::Float64, DataType::Float64];
        assert_eq!(types, expected.iter().collect::<Vec<_>>());
        assert_eq!(found.column("c").unwrap().str().unwrap().get(1), Some("y, \"z\""));
        assert_eq!(found.column("e").unwrap().null_count(), 2);
        let some = read(Path::new("a.csv"), b"a,b\n1,2\n", &|name| name == "b").unwrap();
        assert_eq!(some.get_column_names(), ["b"]);
        assert_eq!(table("a,b\n").shape(), (0, 2));
    }

    #[test]
    fn what_is_no_text_is_told() {
        for (bytes, word) in [
            (&b"PK\x03\x04abc"[..], "Excel"),
            (b"PAR1abc", "Parquet"),
            (b"\x1F\x8Babc", "gzip"),
            (b"\x89HDF\r\n", "HDF5"),
            (b"a,b\n1,\x002\n", "binary"),
        ] {
            let message = read(Path::new("a.csv"), bytes, &|_| true).unwrap_err().to_string();
            assert!(message.contains(word) && message.contains("Save it as CSV"), "{message}");
        }
    }

    #[test]
    fn what_is_no_table_is_refused_with_the_line() {
        for (text, words) in [
            ("", &["no line"][..]),
            ("\n\n", &["no line"]),
            ("a,b\n1,2\n3\n", &["line 3 has 1 value,", "2 columns", "`,`"]),
            ("a;b;c\n1;2;3\n1;2;3\n\n4;5\n", &["line 5 has 2 values", "3 columns", "`;`"]),
            ("a,b,a\n1,2,3\n", &["two columns are called `a`", "1 and 3"]),
            ("1,2\n3,4\n", &["no names of columns"]),
        ] {
            let message = refused(text);
            for word in words {
                assert!(message.contains(word), "{text:?}: {message}");
            }
        }
    }
}
