//! `maturation presets`: the paper's model and its published variants.

use clap::Args;
use maturation::prelude::*;
use maturation::tables::write_table;
use polars::df;

use crate::common::output::{TableOut, refuse, say};

/// The published networks by name: what each changes in the paper's model, and what it was trained for.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation presets --out presets.csv")]
pub struct Arguments {
    #[command(flatten)]
    pub table: TableOut,
}

/// What a preset changes, as options of `--set`; nothing for the paper's model.
fn changes(preset: &Preset) -> Result<String> {
    let changes = preset.changes()?;
    Ok(changes.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" "))
}

/// One row a preset: preset, published_name, changes, question, outcome.
fn table() -> Result<DataFrame> {
    let texts = |text: fn(&Preset) -> &str| Preset::ALL.iter().map(text).collect::<Vec<_>>();
    df![
        "preset" => texts(|preset| preset.name),
        "published_name" => texts(|preset| preset.published),
        "changes" => Preset::ALL.iter().map(changes).collect::<Result<Vec<_>>>()?,
        "question" => texts(|preset| preset.question),
        "outcome" => texts(|preset| preset.outcome),
    ]
    .map_err(|problem| refuse(format!("the table of presets cannot be made ({problem})"), "list them without --out"))
}

/// Writes the table, or prints each preset with what it changes and what it was for.
pub fn run(arguments: Arguments) -> Result<()> {
    if let Some(path) = &arguments.table.out {
        return write_table(path, &mut table()?);
    }
    let width = Preset::ALL.iter().map(|preset| preset.name.len()).max().unwrap_or_default();
    for preset in Preset::ALL {
        let changes = changes(preset)?;
        let changes = if changes.is_empty() { "the paper's model".to_owned() } else { changes };
        say(format!("{:width$}  {changes}", preset.name));
        let outcome = if preset.outcome.is_empty() { String::new() } else { format!(" ({})", preset.outcome) };
        say(format!("{:width$}  {}: {}{outcome}", "", preset.published, preset.question));
    }
    say("\nTrain one with `maturation train RUN --preset NAME`; everything else is as in the paper's model.");
    Ok(())
}
