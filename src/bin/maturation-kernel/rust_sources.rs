//! The sources of Rust's library, from which rust-analyzer knows the types of most variables.
//!
//! They are there where somebody has added the component `rust-src`. What rustup installs by itself holds them too,
//! though not as files that a compiler reads: the documentation shows each of them as a page.

use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// The crates of Rust's library whose types variables have.
pub const CRATES: [&str; 3] = ["core", "alloc", "std"];

/// Folders of the documentation that hold sources of other crates: some fifty megabytes that no notebook needs.
const APART: [&str; 2] = ["stdarch", "portable-simd"];

/// A file beside the sources that says which compiler they belong to.
const VERSION: &str = "version.txt";

const REMEDY: &str = "Is the disk full? Set MATURATION_CACHE to a folder that can be written";

/// The sources that came with a toolchain: the folder that has the crates' folders.
pub fn of_toolchain(toolchain: &Path) -> Option<PathBuf> {
    let sources = toolchain.join("lib/rustlib/src/rust/library");
    CRATES.iter().all(|name| sources.join(name).is_dir()).then_some(sources)
}

/// Takes the sources out of a toolchain's documentation into a folder, unless they are there. False if that toolchain
/// has no documentation.
pub fn take_from_documentation(toolchain: &Path, version: &str, folder: &Path) -> Result<bool, Problem> {
    if is_of(folder, version) {
        return Ok(true);
    }
    let pages = toolchain.join("share/doc/rust/html/src");
    if !CRATES.iter().all(|name| pages.join(name).join("lib.rs.html").is_file()) {
        return Ok(false);
    }
    let fresh = folder.with_extension("new");
    let _ = std::fs::remove_dir_all(&fresh);
    for name in CRATES {
        take(&pages.join(name), &fresh.join(name).join("src"))?;
    }
    let said = fresh.join(VERSION);
    std::fs::write(&said, version).map_err(Problem::io("write", &said, REMEDY))?;
    let _ = std::fs::remove_dir_all(folder);
    std::fs::rename(&fresh, folder).map_err(Problem::io("make", folder, REMEDY))?;
    Ok(true)
}

/// Whether a folder holds the sources of the library of this compiler.
pub fn is_of(folder: &Path, version: &str) -> bool {
    std::fs::read_to_string(folder.join(VERSION)).is_ok_and(|found| found == version)
}

/// Writes the sources that pages of a folder show.
fn take(pages: &Path, sources: &Path) -> Result<(), Problem> {
    std::fs::create_dir_all(sources).map_err(Problem::io("make", sources, REMEDY))?;
    let unreadable = || Problem::io("read", pages, REMEDY);
    for entry in std::fs::read_dir(pages).map_err(unreadable())? {
        let entry = entry.map_err(unreadable())?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.is_dir() && !APART.contains(&name.as_str()) {
            take(&path, &sources.join(name))?;
        } else if let Some(name) = name.strip_suffix(".html") {
            let page = std::fs::read_to_string(&path).map_err(Problem::io("read", &path, REMEDY))?;
            let file = sources.join(name);
            std::fs::write(&file, source(&page)).map_err(Problem::io("write", &file, REMEDY))?;
        }
    }
    Ok(())
}

/// The source that a page shows.
fn source(page: &str) -> String {
    let begin = "<pre class=\"rust\"><code>";
    let shown = page.split_once(begin).and_then(|(_, rest)| rest.split_once("</code></pre>"));
    let Some((mut rest, _)) = shown else { return String::new() };
    let mut source = String::with_capacity(rest.len());
    while let Some((text, after)) = rest.split_once('<') {
        add(text, &mut source);
        let Some((tag, after)) = after.split_once('>') else { break };
        // The number of a line is a link to itself.
        let is_number = tag.starts_with("a ") && tag.contains("data-nosnippet");
        rest = if is_number { after.split_once("</a>").map_or(after, |(_, after)| after) } else { after };
    }
    add(rest, &mut source);
    source.push('\n');
    source
}

/// Adds a text of a page.
fn add(text: &str, source: &mut String) {
    const NAMED: [(&str, char); 7] =
        [("lt", '<'), ("gt", '>'), ("amp", '&'), ("quot", '"'), ("#39", '\''), ("#x27", '\''), ("#34", '"')];
    let mut pieces = text.split('&');
    source.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let named = piece.split_once(';').and_then(|(name, rest)| {
            let found = NAMED.iter().find(|(known, _)| *known == name)?;
            Some((found.1, rest))
        });
        match named {
            Some((letter, rest)) => {
                source.push(letter);
                source.push_str(rest);
            }
            None => {
                source.push('&');
                source.push_str(piece);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<main>0<pre class=\"rust\"><code><a href=#1 id=1 data-nosnippet>1</a><span class=\"kw\">use \
                        </span>core::mem;\n<a href=#2 id=2 data-nosnippet>2</a>\n<a href=#3 id=3 data-nosnippet>3</a>\
                        <span>fn </span>f(a: <a href=\"../x.html\">&amp;Vec</a>&lt;u8&gt;) { &#39;a&#39; &amp;&amp; \
                        &quot;&amp;lt;&quot; }</code></pre>9";

    #[test]
    fn a_page_shows_a_source() {
        assert_eq!(source(PAGE), "use core::mem;\n\nfn f(a: &Vec<u8>) { 'a' && \"&lt;\" }\n");
        assert_eq!(source("<p>no source</p>"), "");
    }

    #[test]
    fn sources_are_taken_from_the_documentation_once_for_each_compiler() {
        let base = tempfile::tempdir().unwrap();
        let (toolchain, folder) = (base.path().join("toolchain"), base.path().join("rust"));
        assert!(!take_from_documentation(&toolchain, "1", &folder).unwrap());
        for name in CRATES {
            let pages = toolchain.join("share/doc/rust/html/src").join(name);
            for below in ["vec", "stdarch"] {
                std::fs::create_dir_all(pages.join(below)).unwrap();
                std::fs::write(pages.join(below).join("mod.rs.html"), PAGE).unwrap();
            }
            std::fs::write(pages.join("lib.rs.html"), PAGE).unwrap();
        }
        assert!(of_toolchain(&toolchain).is_none());
        assert!(take_from_documentation(&toolchain, "1", &folder).unwrap());
        assert!(is_of(&folder, "1") && !is_of(&folder, "2"));
        assert!(std::fs::read_to_string(folder.join("alloc/src/vec/mod.rs")).unwrap().starts_with("use core::mem;"));
        assert!(folder.join("std/src/lib.rs").is_file() && !folder.join("core/src/stdarch").exists());
        std::fs::remove_dir_all(&toolchain).unwrap();
        assert!(take_from_documentation(&toolchain, "1", &folder).unwrap(), "they are there");
        assert!(!take_from_documentation(&toolchain, "2", &folder).unwrap());
    }
}
