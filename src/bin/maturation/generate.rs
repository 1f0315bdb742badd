//! What a package installs beside the program: its manual page, and what shells complete. Both are made from the
//! definitions of the arguments.

use clap::{Command, ValueEnum};
use clap_complete::aot::{Shell, generate};
use clap_mangen::Man;

/// A file to generate.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Generated {
    /// The manual page, in roff: a page for the program and one for each verb.
    Man,
    /// For bash.
    CompleteBash,
    /// For elvish.
    CompleteElvish,
    /// For fish.
    CompleteFish,
    /// For PowerShell.
    CompletePowershell,
    /// For zsh.
    CompleteZsh,
}

impl Generated {
    /// The file's content.
    pub fn content(self, command: Command) -> std::io::Result<Vec<u8>> {
        let shell = match self {
            Generated::Man => return manual(command),
            Generated::CompleteBash => Shell::Bash,
            Generated::CompleteElvish => Shell::Elvish,
            Generated::CompleteFish => Shell::Fish,
            Generated::CompletePowershell => Shell::PowerShell,
            Generated::CompleteZsh => Shell::Zsh,
        };
        let (mut command, mut content) = (command, Vec::new());
        let name = command.get_name().to_owned();
        generate(shell, &mut command, name, &mut content);
        Ok(content)
    }
}

fn manual(mut command: Command) -> std::io::Result<Vec<u8>> {
    command.build();
    let mut content = Vec::new();
    Man::new(command.clone()).render(&mut content)?;
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        // Its display name has the program's before it.
        let name = verb.get_display_name().unwrap_or(verb.get_name()).to_owned();
        Man::new(verb.clone()).title(name).render(&mut content)?;
    }
    Ok(content)
}
