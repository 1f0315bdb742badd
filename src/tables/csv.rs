//! Text tables as laboratories' programs write them: any usual separator, decimal commas, R's NA, byte-order marks,
//! blank lines, an index column.

use std::borrow::Cow;
use std::path::Path;

use polars::prelude::*;

use crate::error::{Error, Result};

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
    let mut lines = lines(&text);
    lines.retain(|(_, line)| !line.trim_matches([',', ';', '\t', '|', ' ']).is_empty());
    let comments = lines.iter().take_while(|(_, line)| line.starts_with('#')).count();
    let last_comment = lines[..comments].last().map(|(number, line)| (*number, line.trim_start_matches(['#', ' '])));
    let mut lines = lines.split_off(comments);
    let refuse = |problem: String, remedy: &str| Err(Error::file(path, problem, remedy));
    if lines.is_empty() {
        return refuse(
            "it is not a CSV table: it has no line".to_owned(),
            "It needs a line of column names, then one a row",
        );
    }
    let separator = separator(&lines);
    // A header behind a comment sign, as numpy.savetxt writes it.
    if let Some((number, line)) = last_comment {
        let is_data = split(lines[0].1, separator).iter().all(|value| number_of(value, separator).is_some());
        if is_data && split(line, separator).len() == split(lines[0].1, separator).len() {
            lines.insert(0, (number, line));
        }
    }
    let mut names: Vec<String> = split(lines[0].1, separator).iter().map(|name| name.trim().to_owned()).collect();
    if names.iter().all(|name| number_of(name, separator).is_some()) {
        return refuse(
            "it is not a CSV table: its first line holds numbers, no names of columns".to_owned(),
            "Put a line of column names first",
        );
    }
    let rows: Vec<(usize, Vec<Cow<str>>)> =
        lines[1..].iter().map(|(number, line)| (*number, split(line, separator))).collect();
    let (width, mut index) = (names.len(), 0);
    let longer = |row: &(usize, Vec<Cow<str>>)| row.1.len() == width + 1;
    if !rows.is_empty() && rows.iter().all(longer) {
        // One name less than values: row names of R, or a separator at the end of each line.
        if rows.iter().all(|row| row.1.last().is_some_and(|value| value.trim().is_empty())) {
            names.push(String::new());
        } else {
            names.insert(0, String::new());
            index = 1;
        }
    }
    if let Some((number, row)) = rows.iter().find(|row| row.1.len() != names.len()) {
        return refuse(
            format!(
                "line {number} has {} value{}, where its first line names {} columns (read with {} between them)",
                row.len(),
                if row.len() == 1 { "" } else { "s" },
                width,
                separator.name()
            ),
            "Give every line as many values, with one separator: commas, semicolons, tabs or blanks",
        );
    }
    for (place, name) in names.iter_mut().enumerate().filter(|(_, name)| name.is_empty()) {
        *name = if place == 0 { "index".to_owned() } else { format!("column_{place}") };
    }
    if let Some((place, name)) = names.iter().enumerate().find(|(place, name)| names[..*place].contains(name)) {
        let first = names.iter().position(|known| known == name).unwrap_or(0);
        return refuse(
            format!("two columns are called `{name}`: columns {} and {}", first + 1 - index, place + 1 - index),
            "Give each column a name of its own",
        );
    }
    let chosen = (0..names.len()).filter(|place| wanted(&names[*place]));
    let columns = chosen.map(|place| {
        let values = rows.iter().map(|(_, row)| row[place].trim());
        column(&names[place], values, separator)
    });
    DataFrame::new(rows.len(), columns.collect()).map_err(Error::table(format!("cannot read `{}`", path.display())))
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
fn lines(text: &str) -> Vec<(usize, &str)> {
    let ends: &[char] = if text.contains('\n') { &['\n'] } else { &['\r'] };
    let (mut found, mut start, mut number, mut quoted, mut first) = (Vec::new(), 0, 1, false, 1);
    for (at, character) in text.char_indices() {
        if character == '"' {
            quoted = !quoted;
        }
        if ends.contains(&character) {
            number += 1;
            if !quoted {
                found.push((first, text[start..at].trim_end_matches('\r')));
                (start, first) = (at + character.len_utf8(), number);
            }
        }
    }
    found.push((first, text[start..].trim_end_matches('\r')));
    found
}

/// The values of a line, without their quotes.
fn split(line: &str, separator: Separator) -> Vec<Cow<'_, str>> {
    let Separator::Character(separator) = separator else {
        return line.split_whitespace().map(|value| value.trim_matches('"').into()).collect();
    };
    if !line.contains('"') {
        return line.split(separator).map(Cow::from).collect();
    }
    let (mut values, mut start, mut quoted) = (Vec::new(), 0, false);
    let bare = |value: &str| -> String {
        let value = value.trim();
        let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        inner.replace("\"\"", "\"")
    };
    for (at, character) in line.char_indices() {
        match character {
            '"' => quoted = !quoted,
            _ if character == separator && !quoted => {
                values.push(bare(&line[start..at]).into());
                start = at + character.len_utf8();
            }
            _ => {}
        }
    }
    values.push(bare(&line[start..]).into());
    values
}

/// The separator that splits the first lines alike, into the most columns.
fn separator(lines: &[(usize, &str)]) -> Separator {
    let columns = |separator: Separator| {
        let names = split(lines[0].1, separator).len();
        let rows = || lines[1..].iter().take(LOOKED_AT).map(|(_, line)| split(line, separator).len());
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

/// What stands for no value.
fn is_missing(value: &str) -> bool {
    matches!(value, "" | "NA" | "N/A" | "#N/A" | "null" | "NULL" | "None")
}

/// A number; with a decimal comma where commas are no separators.
fn number_of(value: &str, separator: Separator) -> Option<f64> {
    let value = value.trim();
    match value.parse() {
        Ok(number) => Some(number),
        Err(_) if separator == Separator::Character(',') => None,
        Err(_) => value.replacen(',', ".", 1).parse().ok(),
    }
}

fn column<'a>(name: &str, values: impl Iterator<Item = &'a str> + Clone, separator: Separator) -> Column {
    let known = || values.clone().filter(|value| !is_missing(value));
    let each = |read: &dyn Fn(&str) -> Option<f64>| -> Vec<Option<f64>> {
        values.clone().map(|value| if is_missing(value) { None } else { read(value) }).collect()
    };
    if known().all(|value| value.parse::<i64>().is_ok()) && known().next().is_some() {
        return Column::new(name.into(), values.map(|value| value.parse::<i64>().ok()).collect::<Vec<_>>());
    }
    if known().all(|value| number_of(value, separator).is_some()) {
        return Column::new(name.into(), each(&|value| number_of(value, separator)));
    }
    let flag = |value: &str| match value {
        "true" | "TRUE" | "True" => Some(true),
        "false" | "FALSE" | "False" => Some(false),
        _ => None,
    };
    if known().all(|value| flag(value).is_some()) {
        return Column::new(name.into(), values.map(flag).collect::<Vec<_>>());
    }
    let text = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    Column::new(name.into(), values.map(text).collect::<Vec<_>>())
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
