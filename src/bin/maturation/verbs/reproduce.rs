//! All figures of a run on one page.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use maturation::prelude::*;
use maturation::report::reproduce_and_tell;

use crate::common::output::refuse;
use crate::common::staging::StagingArguments;

/// Make all figures and tables of a run: one self-contained page that needs no network.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation reproduce runs/paper --out figures")]
pub struct Arguments {
    /// The run directory.
    #[arg(value_name = "RUN", default_value = "data/6tasks")]
    pub run: PathBuf,
    /// The folder that index.html is written to.
    #[arg(long, value_name = "DIR", default_value = "figures")]
    pub out: PathBuf,
    #[command(flatten)]
    pub staging: StagingArguments,
}

impl Arguments {
    /// The shipped run, into `figures`.
    pub fn shipped() -> Self {
        Arguments {
            run: PathBuf::from("data/6tasks"),
            out: PathBuf::from("figures"),
            staging: StagingArguments { stage_window: 1 },
        }
    }
}

/// Writes `index.html` with every figure of the run into the folder that is asked for.
pub fn run(arguments: Arguments) -> Result<()> {
    let out = arguments.out.as_path();
    let begin = Instant::now();
    let page = reproduce_and_tell(&arguments.staging.open(&arguments.run)?, &mut |line| eprintln!("{line}"))?;
    std::fs::create_dir_all(out).map_err(|problem| {
        refuse(format!("cannot create `{}`: {problem}", out.display()), "choose another folder with --out")
    })?;
    let index = out.join("index.html");
    page.write(&index)?;
    let left_out = match page.left_out.len() {
        0 => String::new(),
        count => format!(", {count} sections left out"),
    };
    println!(
        "{} figures in {}{left_out} ({:.1} s)",
        page.sections.len(),
        index.display(),
        begin.elapsed().as_secs_f64()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use maturation::report::PARTS;

    use crate::verbs::names;

    #[test]
    fn every_part_of_the_page_is_a_verb() {
        for part in &PARTS {
            assert!(names().contains(&part.verb()), "{}", part.name);
        }
    }
}
