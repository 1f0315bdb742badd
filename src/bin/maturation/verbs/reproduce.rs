//! All figures of a run on one page.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use maturation::figures::{Page, Section};
use maturation::prelude::*;

use crate::common::output::refuse;
use crate::common::staging::{self, StagingArguments};
use crate::verbs::{
    agreement, claims, decoder, distractor, dpca, epoch_growth, pca, performance_growth, period_activity, psth,
    saccade, sample_unit, tuning, unit_counts,
};

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

/// Makes sections of the page; an error says why a run cannot have them.
type Sections = fn(&Run) -> Result<Vec<Section>>;

/// A part of the page, and where else it is to be found.
struct Part {
    what: &'static str,
    /// The paper's figure or measure; nothing for what the paper does not have.
    paper: &'static str,
    /// The name of its figure in the library, and, with hyphens, of its verb.
    figure: &'static str,
    /// The name of its table in the library.
    analysis: &'static str,
    notebook: &'static str,
    sections: Sections,
}

impl Part {
    /// What it is, and where in the paper.
    fn about(&self) -> String {
        if self.paper.is_empty() { self.what.to_owned() } else { format!("{} ({})", self.what, self.paper) }
    }

    fn verb(&self) -> String {
        self.figure.replace('_', "-")
    }

    /// A section that says how to make it by oneself.
    fn signed(&self, section: Section) -> Section {
        let text = format!(
            "{} (Table: analysis::{}; picture: figures::{}; command: maturation {}; notebook: {}.)",
            section.text,
            self.analysis,
            self.figure,
            self.verb(),
            self.notebook
        );
        Section { text, ..section }
    }
}

/// The parts of the page, in this order.
const PARTS: [Part; 14] = [
    Part {
        what: "performance growth",
        paper: "Fig. S7",
        figure: "performance_growth",
        analysis: "performance_growth",
        notebook: "01-maturation",
        sections: performance_growth::section,
    },
    Part {
        what: "average activity over the trial",
        paper: "Fig. 4E–G",
        figure: "psth",
        analysis: "psth",
        notebook: "03-psth",
        sections: psth::section,
    },
    Part {
        what: "a sample unit",
        paper: "Fig. 3B",
        figure: "sample_unit",
        analysis: "SampleUnit",
        notebook: "02-sample-units",
        sections: sample_unit::section,
    },
    Part {
        what: "tuning curves",
        paper: "Fig. S3B",
        figure: "tuning",
        analysis: "tuning",
        notebook: "04-tuning",
        sections: tuning::section,
    },
    Part {
        what: "growth of delay activity",
        paper: "Fig. S2B",
        figure: "epoch_growth",
        analysis: "epoch_growth",
        notebook: "05-growth",
        sections: epoch_growth::section,
    },
    Part {
        what: "units of one stage followed through the others",
        paper: "",
        figure: "psth",
        analysis: "psth",
        notebook: "03-psth",
        sections: psth::followed,
    },
    Part {
        what: "activity in the second delay",
        paper: "analysis of variance",
        figure: "period_activity",
        analysis: "period_activity",
        notebook: "07-period-and-agreement",
        sections: period_activity::section,
    },
    Part {
        what: "agreement of preferred locations",
        paper: "direction agreement",
        figure: "agreement",
        analysis: "agreement",
        notebook: "07-period-and-agreement",
        sections: agreement::section,
    },
    Part {
        what: "cross-temporal decoder",
        paper: "Fig. S5E",
        figure: "decoder",
        analysis: "decoder",
        notebook: "09-decoder",
        sections: decoder::section,
    },
    Part {
        what: "demixed principal components",
        paper: "Fig. 5E",
        figure: "dpca",
        analysis: "dpca",
        notebook: "10-dpca-and-pca",
        sections: dpca::section,
    },
    Part {
        what: "principal components",
        paper: "",
        figure: "pca",
        analysis: "pca",
        notebook: "10-dpca-and-pca",
        sections: pca::section,
    },
    Part {
        what: "distractors",
        paper: "distractor effect",
        figure: "distractor",
        analysis: "distractor",
        notebook: "06-behaviour",
        sections: distractor::section,
    },
    Part {
        what: "where responses end",
        paper: "saccade end points",
        figure: "saccade",
        analysis: "saccade",
        notebook: "06-behaviour",
        sections: saccade::section,
    },
    Part {
        what: "how many units are selective",
        paper: "",
        figure: "unit_counts",
        analysis: "unit_counts",
        notebook: "03-psth",
        sections: unit_counts::section,
    },
];

/// Writes `index.html` with every figure of the run into the folder that is asked for.
pub fn run(arguments: Arguments) -> Result<()> {
    let (path, out) = (arguments.run.as_path(), arguments.out.as_path());
    let begin = Instant::now();
    let run = arguments.staging.open(path)?;
    let hyperparameters = run.hyperparameters();
    let rules = hyperparameters.rule_trains.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(", ");
    let trained = run.evaluations().entries.last().map_or(0, |entry| entry.trials_trained);
    let checkpoints = run.checkpoints()?.len();
    let mut page = Page {
        title: "How the units of a recurrent network mature".to_owned(),
        about: format!(
            "Run {}: {} units trained on {rules} over {trained} trials, seed {}; {checkpoints} checkpoints of {} \
             evaluations are at hand{}.",
            path.display(),
            hyperparameters.n_rnn,
            hyperparameters.seed,
            run.evaluations().entries.len(),
            staging::about(&run)
        ),
        ..Page::default()
    };

    let steps = PARTS.len() + 1;
    let tell = |step: usize, what: &str| eprintln!("[{}/{steps}] {what} …", step + 1);
    for (step, part) in PARTS.into_iter().enumerate() {
        tell(step, &part.about());
        match (part.sections)(&run) {
            Ok(made) => page.sections.extend(made.into_iter().map(|section| part.signed(section))),
            Err(error) => page.left_out.push((part.what.to_owned(), reason(error)?)),
        }
    }
    tell(PARTS.len(), "the paper's claims");
    match claims::section(&run, &page.sections) {
        Ok(made) => page.tables.push(made),
        Err(error) => page.left_out.push(("the paper's claims".to_owned(), reason(error)?)),
    }
    for (what, why) in &page.left_out {
        eprintln!("left out: {what}: {why}");
    }

    page.facts.push(("maturation".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    for (name, version) in [
        ("compiler", env!("MATURATION_RUSTC")),
        ("polars", env!("MATURATION_POLARS")),
        ("plotly", env!("MATURATION_PLOTLY")),
        ("dfdx", env!("MATURATION_DFDX")),
    ] {
        page.facts.push((name.to_owned(), if version.is_empty() { "not known" } else { version }.to_owned()));
    }
    for (key, value) in hyperparameters.to_json()? {
        page.facts.push((key, value.to_string().replace('"', "")));
    }
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

/// Why a section is not on the page. What would spoil the other sections too ends the page.
fn reason(error: Error) -> Result<String> {
    if error.is_interrupted() || error.is_io() || error.is_unusable_file() {
        return Err(error);
    }
    Ok(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::verbs::names;

    const BEGIN: &str = "<!-- figures of the paper -->\n";
    const END: &str = "<!-- end of the figures -->\n";

    /// A line for each part, its notebook in `notebooks`; with links to the documentation or without.
    fn table(notebooks: Option<&str>, links: bool) -> String {
        let name = |path: String| if links { format!("[`{path}`](crate::{path}())") } else { format!("`{path}`") };
        let mut lines = vec![
            "| paper | | table | picture | verb | notebook |".to_owned(),
            "| --- | --- | --- | --- | --- | --- |".to_owned(),
        ];
        for part in PARTS {
            let paper = if part.paper.is_empty() { "–" } else { part.paper };
            let analysis = format!("analysis::{}", part.analysis);
            let is_type = part.analysis.starts_with(char::is_uppercase);
            let analysis = if links && is_type { format!("[`{analysis}`]") } else { name(analysis) };
            let notebook = match notebooks {
                Some(folder) => format!("[{}]({folder}{0}.ipynb)", part.notebook),
                None => part.notebook.to_owned(),
            };
            let (figure, verb) = (name(format!("figures::{}", part.figure)), part.verb());
            lines.push(format!("| {paper} | {} | {analysis} | {figure} | `{verb}` | {notebook} |", part.what));
        }
        lines.join("\n") + "\n"
    }

    /// `MATURATION_DRAW=1` writes them anew.
    #[test]
    fn the_tables_of_figures_are_those_of_the_page() {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
        let in_source: String = table(None, true).lines().map(|line| format!("//! {line}\n")).collect();
        for (page, expected) in [
            ("README.md", table(Some("notebooks/"), false)),
            ("notebooks/README.md", table(Some(""), false)),
            ("src/lib.rs", in_source),
        ] {
            let text = std::fs::read_to_string(checkout.join(page)).unwrap();
            let (begin, end) = if page.ends_with(".rs") {
                (format!("//! {BEGIN}//!\n"), format!("//!\n//! {END}"))
            } else {
                (BEGIN.to_owned() + "\n", "\n".to_owned() + END)
            };
            let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{page} has no place for the table"));
            let (found, after) = rest.split_once(&end).unwrap();
            if std::env::var_os("MATURATION_DRAW").is_some() {
                std::fs::write(checkout.join(page), format!("{before}{begin}{expected}{end}{after}")).unwrap();
            } else {
                assert_eq!(found, expected, "{page}: MATURATION_DRAW=1 writes it anew");
            }
        }
    }

    #[test]
    fn what_the_table_names_is_there() {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in PARTS {
            assert!(names().contains(&part.verb()), "{}", part.figure);
            assert!(checkout.join(format!("src/figures/{}.rs", part.figure)).exists(), "{}", part.figure);
            let notebook =
                std::fs::read_to_string(checkout.join(format!("notebooks/{}.ipynb", part.notebook))).unwrap();
            assert!(notebook.contains(part.figure) || notebook.contains(part.analysis), "{}", part.notebook);
        }
    }
}
