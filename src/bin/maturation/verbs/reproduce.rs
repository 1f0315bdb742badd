//! All figures of a run on one page.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use maturation::analysis::{self, GrowthOptions, PsthOptions};
use maturation::figures::{Page, PsthAbout, Section};
use maturation::prelude::*;
use maturation::training::Selection;

use crate::common::page_rules::{of_rates, of_the_paper, relative, rule_epochs};
use crate::verbs::{
    agreement, claims, decoder, distractor, dpca, epoch_growth, pca, period_activity, psth, saccade, sample_unit,
    tuning, unit_counts,
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
}

impl Arguments {
    /// The shipped run, into `figures`.
    pub fn shipped() -> Self {
        Arguments { run: PathBuf::from("data/6tasks"), out: PathBuf::from("figures") }
    }
}

/// The epochs whose selective units the page shows over the trial.
const PSTHS: [(Rule, Epoch); 4] =
    [(Rule::ODRD, Epoch::Stim1), (Rule::ODR, Epoch::Stim1), (Rule::ODR, Epoch::Delay1), (Rule::GAP, Epoch::Stim1)];

/// The same for a variant of the paper's model: what the published scripts draw of their variants.
const PSTHS_OF_A_VARIANT: [(Rule, Epoch); 8] = [
    (Rule::ODR, Epoch::Stim1),
    (Rule::ODR, Epoch::Delay1),
    (Rule::ODRD, Epoch::Stim1),
    (Rule::ODRD, Epoch::Delay1),
    (Rule::ODRD, Epoch::Delay2),
    (Rule::OVERLAP, Epoch::Stim1),
    (Rule::ZERO_GAP, Epoch::Stim1),
    (Rule::GAP, Epoch::Stim1),
];

/// Makes sections of the page; an error says why a run cannot have them.
type Sections = fn(&Run) -> Result<Vec<Section>>;

/// The figures of the page, in this order.
const SECTIONS: [(&str, Sections); 14] = [
    ("performance growth", performance),
    ("average activity over the trial", average_activity),
    ("a sample unit", sample_unit::section),
    ("tuning curves", tuning::section),
    ("growth of delay activity", epoch_growth::section),
    ("units of one stage followed through the others", psth::section),
    ("activity in the second delay", period_activity::section),
    ("agreement of preferred locations", agreement::section),
    ("cross-temporal decoder", decoder::section),
    ("demixed principal components", dpca::section),
    ("principal components", pca::section),
    ("distractors", distractor::section),
    ("where responses end", saccade::section),
    ("how many units are selective", unit_counts::section),
];

fn performance(run: &Run) -> Result<Vec<Section>> {
    let options = GrowthOptions { automatic: Some(AutomaticChoice::default()), ..GrowthOptions::default() };
    Ok(vec![Section {
        id: "performance-growth".to_owned(),
        title: "Performance grows with training (paper, Fig. S7)".to_owned(),
        text:
            "How well each rule is done at the evaluations of the run, averaged over five of them. The bands are the \
               stages: early up to 0.35, mid up to 0.65, mature above. Guessing earns 0.20, since a response within 36 \
               degrees of the target counts as right. Below, the evaluations that the automatic choice of checkpoints \
               takes for each stage of a rule; the other figures take all checkpoints that are at hand."
                .to_owned(),
        figure: figures::performance_growth_with(run, &options)?,
        table: analysis::performance_growth_with(run, &options)?,
    }])
}

fn average_activity(run: &Run) -> Result<Vec<Section>> {
    let hyperparameters = run.hyperparameters();
    let wanted: &[_] = if of_the_paper(run) { &PSTHS } else { &PSTHS_OF_A_VARIANT };
    let baseline = match relative(run) {
        true => " The baseline includes the start-up transient of the first 100 ms, as published.",
        false => "",
    };
    let section = |(rule, epoch): (Rule, Epoch)| {
        let options = PsthOptions { opposite: true, normalised: relative(run), ..PsthOptions::default() };
        let table = analysis::psth(run, &Selection::All, rule, epoch, &options)?;
        Ok(Section {
            id: format!("psth-{rule}-{epoch}").replace('_', "-"),
            title: format!("Activity of {epoch}-selective units, rule {rule} (paper, Fig. 4E–G)"),
            text: format!(
                "The average activity of the excited and mixed units that are selective in {epoch}, each at its \
                 preferred location (solid) and at the opposite one (dashed), {}; averaged over the checkpoints of each \
                 stage that are at hand.{baseline}",
                of_rates(run)
            ),
            figure: figures::psth(
                &table,
                &PsthAbout { normalised: relative(run), ..PsthAbout::of(rule, epoch, hyperparameters.dt) },
            )?,
            table,
        })
    };
    rule_epochs(run, wanted).into_iter().map(section).collect()
}

/// Writes `index.html` with every figure of the run into the folder that is asked for.
pub fn run(arguments: Arguments) -> Result<()> {
    let (path, out) = (arguments.run.as_path(), arguments.out.as_path());
    let begin = Instant::now();
    let run = Run::open(path)?;
    let hyperparameters = run.hyperparameters();
    let rules = hyperparameters.rule_trains.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(", ");
    let trained = run.evaluations().entries.last().map_or(0, |entry| entry.trials_trained);
    let checkpoints = run.checkpoints()?.len();
    let mut page = Page {
        title: "How the units of a recurrent network mature".to_owned(),
        about: format!(
            "Run {}: {} units trained on {rules} over {trained} trials, seed {}; {checkpoints} checkpoints of {} \
             evaluations are at hand.",
            path.display(),
            hyperparameters.n_rnn,
            hyperparameters.seed,
            run.evaluations().entries.len()
        ),
        ..Page::default()
    };

    let steps = SECTIONS.len() + 1;
    let tell = |step: usize, what: &str| eprintln!("[{}/{steps}] {what} …", step + 1);
    for (step, (what, sections)) in SECTIONS.into_iter().enumerate() {
        tell(step, what);
        match sections(&run) {
            Ok(made) => page.sections.extend(made),
            Err(error) => page.left_out.push((what.to_owned(), reason(error)?)),
        }
    }
    tell(SECTIONS.len(), "the paper's claims");
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
    std::fs::create_dir_all(out).map_err(|source| Error::Io {
        action: "create",
        path: out.to_owned(),
        source,
        remedy: "Choose another folder with --out",
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
    match error {
        Error::Interrupted | Error::Io { .. } | Error::File { .. } => Err(error),
        error => Ok(error.to_string()),
    }
}
