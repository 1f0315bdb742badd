//! Names that verbs and options had in the version before: they are accepted once more, with a word.

use clap::Command;

/// Says on the screen which of these words of a command line have new names.
pub fn say(command: &Command, words: impl Iterator<Item = String>) {
    for (old, new) in found(command, words) {
        eprintln!("`{old}` is called `{new}` now; the next version does not know the old name");
    }
}

/// Old and new names, of the verb, which comes first, and of its options. What is hidden from the help is an old name.
fn found(command: &Command, mut words: impl Iterator<Item = String>) -> Vec<(String, String)> {
    let Some((word, verb)) = words.next().and_then(|word| Some((word.clone(), command.find_subcommand(&word)?))) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if verb.get_name() != word {
        found.push((word, verb.get_name().to_owned()));
    }
    for word in words.take_while(|word| word != "--") {
        let Some(option) = word.strip_prefix("--").and_then(|rest| rest.split('=').next()) else { continue };
        let is_old = |argument: &&clap::Arg| {
            let visible = argument.get_visible_aliases().unwrap_or_default();
            argument.get_all_aliases().unwrap_or_default().contains(&option) && !visible.contains(&option)
        };
        if let Some(new) = verb.get_arguments().find(is_old).and_then(clap::Arg::get_long) {
            found.push((format!("--{option}"), format!("--{new}")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn told(line: &str) -> Vec<(String, String)> {
        found(&crate::Arguments::command(), line.split(' ').map(str::to_owned))
    }

    #[test]
    fn old_names_are_told_and_others_are_not() {
        let pair = |old: &str, new: &str| (old.to_owned(), new.to_owned());
        assert_eq!(told("growth runs/one"), [pair("growth", "performance-growth")]);
        let both = [pair("units", "unit-counts"), pair("--trials", "--checkpoints")];
        assert_eq!(told("units runs/one --rule odr --trials=last --epoch stim1"), both);
        for line in ["unit-counts runs/one --checkpoints last", "import w.npz run --trials 3", "", "nothing --trials"] {
            assert_eq!(told(line), [], "{line}");
        }
    }
}
