//! What can be seen in a cell's text.

use ra_ap_syntax::ast::{self, AstNode, HasModuleItem, HasName};
use ra_ap_syntax::{Edition, SourceFile, SyntaxKind, SyntaxNode};

/// Before the text, to make a program of it.
const BEGIN: &str = "fn cell() {\n";

/// A `let` statement that stands by itself, in no block.
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// The variables that it makes, and whether they can be changed.
    pub variables: Vec<(String, bool)>,
    /// The place behind it.
    pub end: usize,
    /// The type that its value has if nothing else is known, where it is a number.
    pub number: Option<&'static str>,
}

/// The `let` statements of a cell.
pub fn lets(cell: &str) -> Vec<Let> {
    let found = statements(cell);
    let lets = found.iter().filter_map(|node| ast::LetStmt::cast(node.clone()));
    lets.filter_map(|statement| {
        let pattern = statement.pat()?;
        let names = pattern.syntax().descendants().filter_map(ast::IdentPat::cast);
        let variables =
            names.filter_map(|one| Some((one.name()?.text().to_string(), one.mut_token().is_some()))).collect();
        let end = usize::from(statement.syntax().text_range().end()).checked_sub(BEGIN.len())?;
        let is_whole = statement.semicolon_token().is_some();
        let number = statement.initializer().filter(|_| statement.ty().is_none()).and_then(|value| number(&value));
        is_whole.then_some(Let { variables, end, number })
    })
    .collect()
}

/// The types, traits and modules that a cell defines: their names and their texts.
pub fn definitions(cell: &str) -> Vec<(String, String)> {
    let named = |node: &SyntaxNode| match ast::Item::cast(node.clone())? {
        ast::Item::Struct(item) => item.name(),
        ast::Item::Enum(item) => item.name(),
        ast::Item::Union(item) => item.name(),
        ast::Item::TypeAlias(item) => item.name(),
        ast::Item::Trait(item) => item.name(),
        ast::Item::Module(item) => item.name(),
        _ => None,
    };
    let found = statements(cell);
    found.iter().filter_map(|node| Some((named(node)?.text().to_string(), node.text().to_string()))).collect()
}

/// Whether a name stands in a text as a word of its own.
pub fn mentions(text: &str, name: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(name).any(|(place, _)| {
        let (before, after) = (&text[..place], &text[place + name.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

/// The statements and items of a cell.
fn statements(cell: &str) -> Vec<SyntaxNode> {
    let program = format!("{BEGIN}{}\n}}", without_commands(cell));
    let file = SourceFile::parse(&program, Edition::Edition2024).tree();
    let body = file.items().find_map(|item| match item {
        ast::Item::Fn(function) => function.body()?.stmt_list(),
        _ => None,
    });
    body.map(|body| body.syntax().children().collect()).unwrap_or_default()
}

/// The text with blanks in place of evcxr's commands, which are no Rust.
fn without_commands(cell: &str) -> String {
    let line = |line: &str| match line.trim_start().starts_with([':', '!']) {
        true => line
            .chars()
            .map(|letter| if letter == '\n' { "\n".to_owned() } else { " ".repeat(letter.len_utf8()) })
            .collect(),
        false => line.to_owned(),
    };
    cell.split_inclusive('\n').map(line).collect()
}

/// The type of a number that nothing else decides.
fn number(value: &ast::Expr) -> Option<&'static str> {
    let value = match value {
        ast::Expr::PrefixExpr(negative) => negative.expr()?,
        value => value.clone(),
    };
    let ast::Expr::Literal(literal) = value else { return None };
    let text = literal.syntax().text().to_string();
    match literal.syntax().first_token()?.kind() {
        SyntaxKind::FLOAT_NUMBER if !text.contains('f') => Some("f64"),
        SyntaxKind::INT_NUMBER if !text.contains(['i', 'u']) && !text.ends_with("f32") && !text.ends_with("f64") => {
            Some("i32")
        }
        _ => None,
    }
}

/// The cell with the types of variables written out, each behind the statement that makes the variable, in the same
/// line.
pub fn with_types(cell: &str, type_of: impl Fn(&Let, &str) -> Option<String>) -> String {
    let mut text = cell.to_owned();
    for statement in lets(cell).iter().rev() {
        let variables = statement.variables.iter().filter_map(|(name, is_mutable)| {
            let mutable = if *is_mutable { "mut " } else { "" };
            Some(format!(" let {mutable}{name}: {} = {name};", type_of(statement, name)?))
        });
        let written: String = variables.collect();
        text.insert_str(statement.end, &written);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELL: &str = ":dep rand = \"0.9\"\nlet a = 5.5;\nlet (mut b, Point { x, .. }) = f()?; a\nstruct P { x: f64 \
                        }\n{ let inner = 1; }\n";

    #[test]
    fn statements_are_found_behind_commands() {
        let found = lets(CELL);
        let names: Vec<_> = found.iter().flat_map(|statement| statement.variables.clone()).collect();
        let expected = [("a", false), ("b", true), ("x", false)].map(|(name, mutable)| (name.to_owned(), mutable));
        assert_eq!(names, expected);
        assert_eq!((found[0].number, found[1].number), (Some("f64"), None));
        assert!(CELL[..found[0].end].ends_with("let a = 5.5;"));
        assert_eq!(definitions(CELL), [("P".to_owned(), "struct P { x: f64 }".to_owned())]);
    }

    #[test]
    fn numbers_have_types_where_nothing_is_written() {
        let number = |value: &str| lets(&format!("let a = {value};")).first().and_then(|found| found.number);
        for (value, expected) in [("1", "i32"), ("-1", "i32"), ("2.5", "f64"), ("-1e3", "f64")] {
            assert_eq!(number(value), Some(expected), "{value}");
        }
        for value in ["1u8", "2.5f32", "1f64", "a", "\"1\"", "1 + 1"] {
            assert_eq!(number(value), None, "{value}");
        }
        assert_eq!(lets("let a: u8 = 1;")[0].number, None);
    }

    #[test]
    fn types_are_written_behind_the_statements() {
        let types = |_: &Let, name: &str| (name != "x").then(|| format!("T{name}"));
        let written = with_types(CELL, types);
        assert_eq!(written.lines().count(), CELL.lines().count());
        assert!(written.contains("let a = 5.5; let a: Ta = a;\n"), "{written}");
        assert!(written.contains("= f()?; let mut b: Tb = b; a\n"), "{written}");
    }

    #[test]
    fn a_name_is_mentioned_as_a_word() {
        assert!(mentions("Vec<P>", "P") && mentions("P", "P"));
        assert!(!mentions("Vec<Point>", "P") && !mentions("", "P") && !mentions("MP", "P"));
    }
}
