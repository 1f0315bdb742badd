//! What the page of figures asks of a run: the rules that it can be shown for, and the rates that suit its units.

use crate::analysis::{AverageOptions, Bootstrap, Normalisation, Population, SelectivityOptions};
use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::tasks::{Epoch, Rule};
use crate::training::Run;

/// The rule that the run shows where the paper shows `wanted`: that rule, or, for odr, the first other delay that the
/// run was trained on.
pub(super) fn counterpart(run: &Run, wanted: Rule) -> Option<Rule> {
    let trains = |rule: &Rule| run.hyperparameters().rule_trains.contains(rule);
    // The delayed responses differ in their delay alone, and have the same epochs.
    let others = Rule::all().into_iter().filter(|rule| wanted == Rule::ODR && rule.epochs() == wanted.epochs());
    std::iter::once(wanted).chain(others).find(trains)
}

/// The counterparts of the rules that the paper shows, as far as the run was trained on them.
///
/// # Errors
/// If it was trained on none, so that the page can say why a section is not there.
pub(super) fn counterparts(run: &Run, wanted: &[Rule]) -> Result<Vec<Rule>> {
    let found: Vec<Rule> = wanted.iter().filter_map(|rule| counterpart(run, *rule)).collect();
    if found.is_empty() {
        let names =
            |rules: &[Rule], between: &str| rules.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(between);
        return Err(Error::argument(
            format!("this run was trained on {}", names(&run.hyperparameters().rule_trains, ", ")),
            format!("it takes rule {}", names(wanted, " or ")),
        ));
    }
    Ok(found)
}

/// As [`counterparts`], for what can be shown of any rule: the first that the run was trained on if it was trained on
/// none of the paper's.
pub(super) fn counterparts_or_any(run: &Run, wanted: &[Rule]) -> Vec<Rule> {
    counterparts(run, wanted).unwrap_or_else(|_| run.hyperparameters().rule_trains[..1].to_vec())
}

/// As [`counterparts`], for the selective units of an epoch.
pub(super) fn rule_epochs(run: &Run, wanted: &[(Rule, Epoch)]) -> Vec<(Rule, Epoch)> {
    let found: Vec<_> = wanted.iter().filter_map(|(rule, epoch)| Some((counterpart(run, *rule)?, *epoch))).collect();
    match found.is_empty() {
        true => vec![(run.hyperparameters().rule_trains[0], Epoch::Stim1)],
        false => found,
    }
}

/// Whether the run is of the paper's model, whatever its seed.
pub(super) fn of_the_paper(run: &Run) -> bool {
    let found = run.hyperparameters();
    let paper = Hyperparameters::paper();
    let paper = Hyperparameters { seed: found.seed, rule_probs: found.rule_probs.clone(), ..paper };
    *found == paper
}

/// What the page's rates are: ratios to fixation of softplus units, absolute rates of all others, as in the published
/// figures of relu and elu networks. (Those of the tanh network have ratios of either sign.)
pub(super) fn normalisation(run: &Run) -> Normalisation {
    Normalisation::Automatic.of_run(run)
}

/// Whether the page shows rates relative to fixation.
pub(super) fn relative(run: &Run) -> bool {
    normalisation(run).is_relative()
}

/// What a section says of its rates.
pub(super) fn of_rates(run: &Run) -> &'static str {
    if relative(run) {
        "relative to its mean rate in fixation"
    } else {
        "as an absolute rate, since fixation rates of such units can be zero or negative"
    }
}

/// Which units the page takes: as published, with rates that suit the run's units.
pub(super) fn population(run: &Run) -> Population {
    Population { selectivity: selectivity(run), ..Population::default() }
}

/// How the page averages these units.
pub(super) fn average(run: &Run) -> AverageOptions {
    AverageOptions { population: population(run), bootstrap: bootstrap(run), ..AverageOptions::default() }
}

/// The page's intervals.
pub(super) fn bootstrap(run: &Run) -> Bootstrap {
    Bootstrap { resamples: 1000, seed: run.hyperparameters().seed }
}

/// What a title says of the run's stages, if these are not told by single evaluations.
pub(super) fn of_stages(run: &Run) -> String {
    match run.staging().window {
        1 => String::new(),
        window => format!(" (stages by averages over {window} evaluations)"),
    }
}

/// How the page tests units.
pub(super) fn selectivity(run: &Run) -> SelectivityOptions {
    SelectivityOptions { normalisation: normalisation(run), ..SelectivityOptions::default() }
}
