//! The library's words in those of the command line: its remedies name options of Rust, for which the command has its
//! own.

/// What the library says, and what is said here.
const WORDS: &[(&str, &str)] = &[
    ("`Activity::read`", "`--activity`"),
    ("`BinTime::Centre`", "`--times-are centre`"),
    ("`BinTime::End`", "`--times-are end`"),
    ("`Device::Cpu`", "`--device cpu`"),
    ("`PseudoPopulation`", "`--pseudo-trials K`"),
    ("`Sweep::changed`", "`--changed`"),
    ("`RingOptions::count`", "`--locations-on-ring N`"),
    ("`RingOptions::order`", "`--locations-on-ring right,up,left,down`"),
    ("`RingOptions::unit`", "`--location-unit degrees`"),
    ("`TimeUnit::Milliseconds`", "`--time-unit ms`"),
    ("`TimeUnit::Seconds`", "`--time-unit s`"),
    ("`from_ms`", "`--from-ms`"),
    ("`smooth_ms`", "`--smooth-ms`"),
    ("`to_ms`", "`--to-ms`"),
];

/// A message of the library with the options of the command line.
pub fn on_the_command_line(message: impl std::fmt::Display) -> String {
    WORDS.iter().fold(message.to_string(), |message, (library, command)| message.replace(library, command))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;
    use crate::Arguments;

    /// The sources of the library below a folder.
    fn sources(folder: &Path) -> String {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let of = |path: std::path::PathBuf| match path.is_dir() {
            true if path.ends_with("bin") => String::new(),
            true => sources(&path),
            false => std::fs::read_to_string(path).unwrap_or_default(),
        };
        entries.map(of).collect()
    }

    #[test]
    fn the_library_says_these_words_and_the_command_has_these_options() {
        let library = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let command = Arguments::command();
        let options: Vec<String> = command
            .get_subcommands()
            .flat_map(|verb| verb.get_arguments().filter_map(|option| option.get_long().map(str::to_owned)))
            .collect();
        for (said, here) in WORDS {
            assert!(library.contains(said), "the library no longer says {said}");
            let option = here.trim_matches('`').trim_start_matches("--").split(' ').next().unwrap();
            assert!(options.iter().any(|known| known == option), "there is no option {here}");
        }
    }

    #[test]
    fn remedies_name_the_options_of_the_command() {
        let message = on_the_command_line("trial 3 ends at 80 ms: choose a window within it, `from_ms` to `to_ms`");
        assert_eq!(message, "trial 3 ends at 80 ms: choose a window within it, `--from-ms` to `--to-ms`");
        assert_eq!(on_the_command_line("compute on the CPU (`Device::Cpu`)"), "compute on the CPU (`--device cpu`)");
    }
}
