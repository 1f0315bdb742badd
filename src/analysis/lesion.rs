//! What a network can still do without some of its units.

use polars::prelude::*;
use rand::RngExt;

use crate::analysis::{Kind, Population, RuleEpoch, Selectivity};
use crate::error::{Error, Result};
use crate::network::{Device, Network};
use crate::numerics::random::RandomStream;
use crate::readout::{Readout, ReadoutOptions};
use crate::seed::Purpose;
use crate::tasks::Rule;
use crate::training::performance;

/// The units that a lesion may silence.
#[derive(Clone, Debug, PartialEq)]
pub enum LesionTarget {
    /// All units of the network.
    All,
    /// These units, counted from 0.
    Listed(Vec<usize>),
    /// The units that are selective in an epoch of a rule.
    Selective {
        /// The rule and the epoch.
        at: RuleEpoch,
        /// Which of them, by which test.
        population: Population,
        /// The preferred locations, counted from 0; empty: all.
        locations: Vec<usize>,
    },
}

impl LesionTarget {
    /// What the table and the figure call the target.
    pub fn name(&self) -> String {
        let list = |names: Vec<String>| names.join(", ");
        match self {
            LesionTarget::All => "all units".to_owned(),
            LesionTarget::Listed(units) => match units.as_slice() {
                [unit] => format!("unit {unit}"),
                few if (2..=6).contains(&few.len()) => {
                    format!("units {}", list(few.iter().map(usize::to_string).collect()))
                }
                many => format!("{} listed units", many.len()),
            },
            LesionTarget::Selective { at, population, locations } => {
                let kinds = list(population.kinds.iter().map(Kind::to_string).collect());
                let locations = match locations.as_slice() {
                    [] => String::new(),
                    some => format!(", preferring {}", list(some.iter().map(usize::to_string).collect())),
                };
                format!("selective in {} of {} ({kinds}){locations}", at.epoch, at.rule)
            }
        }
    }

    /// The units, ascending.
    fn units(&self, network: &Network, readout: &mut Readout) -> Result<Vec<usize>> {
        let count = network.hyperparameters().n_rnn;
        let mut units = match self {
            LesionTarget::All => (0..count).collect(),
            LesionTarget::Listed(units) => units.clone(),
            LesionTarget::Selective { at, population, locations } => {
                let activity = readout.activity_of(network, at.rule)?;
                if let Some(location) = locations.iter().find(|location| **location >= activity.location_count) {
                    return Err(Error::argument(
                        format!("no unit can prefer location {location}"),
                        format!("locations run from 0 to {}", activity.location_count - 1),
                    ));
                }
                let selectivity = Selectivity::of(&activity, at.epoch, &population.selectivity)?;
                let fits = |preferred: usize| locations.is_empty() || locations.contains(&preferred);
                let chosen = selectivity
                    .units
                    .iter()
                    .filter(|unit| population.takes(unit) && fits(unit.preferred(population.test)));
                chosen.map(|unit| unit.unit).collect()
            }
        };
        units.sort_unstable();
        units.dedup();
        if units.is_empty() {
            return Err(Error::argument(
                format!("there is nothing to silence: no unit is {}", self.name()),
                "choose another target, epoch, kind or checkpoint",
            ));
        }
        Ok(units)
    }
}

/// How many units are silenced, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct LesionOptions {
    /// The shares of each target to silence, 0 to 1.
    pub shares: Vec<f64>,
    /// Random draws of each share; a share that leaves no choice (none or all of the target) is measured once.
    pub repeats: usize,
    /// Whether each lesion is set against some of as many units drawn from all.
    pub matched: bool,
    /// Random trials of each rule on which performance is measured.
    pub trials: usize,
    /// Decides the draws.
    pub seed: u64,
    /// What networks are computed on.
    pub device: Device,
}

impl Default for LesionOptions {
    fn default() -> Self {
        LesionOptions {
            shares: vec![0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0],
            repeats: 20,
            matched: true,
            trials: 128,
            seed: 0,
            device: Device::Cpu,
        }
    }
}

impl LesionOptions {
    fn check(&self) -> Result<()> {
        if let Some(share) = self.shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
            return Err(Error::argument(format!("{share} is no share of the units"), "give shares from 0 to 1"));
        }
        if self.shares.is_empty() || self.repeats == 0 || self.trials == 0 {
            return Err(Error::argument(
                format!("{} shares, {} repeats, {} trials", self.shares.len(), self.repeats, self.trials),
                "give at least one of each",
            ));
        }
        Ok(())
    }
}

/// What is silenced: a share of a target, drawn some times.
struct Plan {
    target: String,
    share_of_target: f64,
    /// The units of each draw, ascending.
    draws: Vec<Vec<usize>>,
}

/// What a network does on one rule after one lesion.
struct Row {
    rule: Rule,
    target: String,
    share_of_target: f64,
    silenced: usize,
    repeat: usize,
    performance: f64,
    mean_distance: Option<f64>,
    fixating: f64,
    mean_rate: Option<f64>,
}

/// What the matched lesions are called.
const MATCHED: &str = "as many of all units";

/// How well a network does each rule after units were silenced: their outgoing recurrent and output weights are 0.
///
/// Each share of each target is drawn [`LesionOptions::repeats`] times at random; a larger share of one draw holds the
/// smaller ones. All lesions meet the same trials and the same noise, so that only the lesion differs between them.
///
/// Columns: rule; target, what could be silenced; share_of_target and silenced, how much and how many of it were;
/// share, of all units; repeat; performance; mean_distance, of the responses from their targets in degrees (null if no
/// trial responds); fixating, the share of trials that still fixate at the end; mean_rate, of the units that were not
/// silenced, over all trials and time steps (null if none is left). Rows of the target 'as many of all units' are the
/// matched draws.
///
/// ```
/// use maturation::analysis::{LesionOptions, LesionTarget, lesion};
/// use maturation::prelude::*;
///
/// let network = Run::open("data/6tasks")?.last()?.network()?;
/// let options = LesionOptions { shares: vec![0.0, 0.5], repeats: 3, trials: 32, ..LesionOptions::default() };
/// let table = lesion(&network, &[LesionTarget::All], &[Rule::GAP], &options)?;
/// assert_eq!(table.height(), 1 + 3); // nothing silenced, then three draws of half of the units
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a rule is not in the network's ruleset, a unit or location does not exist, a target has no unit, an option is
/// impossible, or rates or outputs are not finite; [interrupted](Error::is_interrupted) if it was asked to stop.
pub fn lesion(
    network: &Network,
    targets: &[LesionTarget],
    rules: &[Rule],
    options: &LesionOptions,
) -> Result<DataFrame> {
    options.check()?;
    if targets.is_empty() || rules.is_empty() {
        return Err(Error::argument(
            format!("{} targets and {} rules", targets.len(), rules.len()),
            "name at least one of each",
        ));
    }
    let mut readout = Readout::new(ReadoutOptions { device: options.device, ..ReadoutOptions::default() })?;
    let mut rows = Vec::new();
    for plan in plans(network, targets, &mut readout, options)? {
        for (repeat, silenced) in plan.draws.iter().enumerate() {
            let mut lesioned = network.clone();
            lesioned.lesion(silenced)?;
            for rule in rules {
                rows.push(measure(&lesioned, *rule, &plan, repeat, &mut readout, options.trials)?);
            }
        }
    }
    table(&rows, network.hyperparameters().n_rnn)
}

/// What is left of a rule after the lesion of a plan's draw.
fn measure(
    lesioned: &Network,
    rule: Rule,
    plan: &Plan,
    repeat: usize,
    readout: &mut Readout,
    trials: usize,
) -> Result<Row> {
    let silenced = &plan.draws[repeat];
    let found = readout.responses_of(lesioned, rule, trials)?;
    let responses = || found.answers.iter().filter(|answer| !answer.fixating());
    let distances: Vec<f64> = responses().filter_map(|answer| answer.distance).map(f64::to_degrees).collect();
    let left = found.rates.iter().enumerate().filter(|(unit, _)| silenced.binary_search(unit).is_err());
    let left: Vec<f64> = left.map(|(_, rate)| *rate).collect();
    Ok(Row {
        rule,
        target: plan.target.clone(),
        share_of_target: plan.share_of_target,
        silenced: silenced.len(),
        repeat,
        performance: performance(&found.answers),
        mean_distance: mean(&distances),
        fixating: 1.0 - responses().count() as f64 / found.answers.len() as f64,
        mean_rate: mean(&left),
    })
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// What is silenced, target by target and share by share, then the matched draws.
fn plans(
    network: &Network,
    targets: &[LesionTarget],
    readout: &mut Readout,
    options: &LesionOptions,
) -> Result<Vec<Plan>> {
    let all: Vec<usize> = (0..network.hyperparameters().n_rnn).collect();
    let (mut plans, mut counts) = (Vec::new(), Vec::new());
    for (place, target) in targets.iter().enumerate() {
        let units = target.units(network, readout)?;
        for share in &options.shares {
            let count = (share * units.len() as f64).round() as usize;
            let draws = draws(&units, count, place as u64, options);
            plans.push(Plan { target: target.name(), share_of_target: *share, draws });
            if options.matched && *target != LesionTarget::All && !counts.contains(&count) {
                counts.push(count);
            }
        }
    }
    counts.sort_unstable();
    plans.extend(counts.into_iter().map(|count| Plan {
        target: MATCHED.to_owned(),
        share_of_target: count as f64 / all.len() as f64,
        draws: draws(&all, count, u64::MAX, options),
    }));
    Ok(plans)
}

/// `count` of `units`, ascending, for each repeat; once where there is no choice.
fn draws(units: &[usize], count: usize, target: u64, options: &LesionOptions) -> Vec<Vec<usize>> {
    let repeats = if count == 0 || count == units.len() { 1 } else { options.repeats };
    let draw = |repeat: usize| {
        let mut stream = RandomStream::new(options.seed, Purpose::Lesion.stream([target, repeat as u64]));
        let mut order = units.to_vec();
        for last in (1..order.len()).rev() {
            order.swap(last, stream.random_range(0..=last));
        }
        order.truncate(count);
        order.sort_unstable();
        order
    };
    (0..repeats).map(draw).collect()
}

fn table(rows: &[Row], units: usize) -> Result<DataFrame> {
    let column = |number: fn(&Row) -> f64| rows.iter().map(number).collect::<Vec<_>>();
    let optional = |number: fn(&Row) -> Option<f64>| rows.iter().map(number).collect::<Vec<_>>();
    df![
        "rule" => rows.iter().map(|row| row.rule.name()).collect::<Vec<_>>(),
        "target" => rows.iter().map(|row| row.target.as_str()).collect::<Vec<_>>(),
        "share_of_target" => column(|row| row.share_of_target),
        "silenced" => rows.iter().map(|row| row.silenced as u32).collect::<Vec<_>>(),
        "share" => rows.iter().map(|row| row.silenced as f64 / units as f64).collect::<Vec<_>>(),
        "repeat" => rows.iter().map(|row| row.repeat as u32).collect::<Vec<_>>(),
        "performance" => column(|row| row.performance),
        "mean_distance" => optional(|row| row.mean_distance),
        "fixating" => column(|row| row.fixating),
        "mean_rate" => optional(|row| row.mean_rate),
    ]
    .map_err(Error::table("making the table of lesions"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::Run;

    fn network() -> Network {
        Run::open(concat!(env!("CARGO_MANIFEST_DIR"), "/data/6tasks")).unwrap().last().unwrap().network().unwrap()
    }

    fn options() -> LesionOptions {
        LesionOptions { shares: vec![0.0, 0.3, 1.0], repeats: 2, trials: 48, ..LesionOptions::default() }
    }

    fn values(table: &DataFrame, column: &str) -> Vec<Option<f64>> {
        table.column(column).unwrap().cast(&DataType::Float64).unwrap().f64().unwrap().to_vec()
    }

    fn selective(at: &str, kind: Kind, locations: Vec<usize>) -> LesionTarget {
        let population = Population { kinds: vec![kind], ..Population::default() };
        LesionTarget::Selective { at: at.parse().unwrap(), population, locations }
    }

    fn delay_units() -> LesionTarget {
        selective("odr:delay1", Kind::Excited, vec![])
    }

    #[test]
    fn performance_is_that_of_the_whole_network_without_a_lesion_and_chance_without_units() {
        let network = network();
        let table = lesion(&network, &[LesionTarget::All], &[Rule::GAP, Rule::ODR], &options()).unwrap();
        assert_eq!(table.height(), 2 * (1 + 2 + 1));
        assert_eq!(values(&table, "silenced")[..2], [Some(0.0); 2]);
        let performance = values(&table, "performance");
        assert!(performance[0] > Some(0.9) && performance[1] > Some(0.9), "{performance:?}");
        // Outputs without any unit are their biases: the same for every trial, right for one location or for none.
        assert!(performance[6..].iter().all(|share| *share < Some(0.4)), "{performance:?}");
        assert_eq!(values(&table, "mean_rate")[6], None);
        assert!(values(&table, "mean_rate")[0] > Some(0.0));
        // Not the same draws twice.
        assert_ne!(performance[2..4], performance[4..6]);
        assert!(
            table.equals_missing(&lesion(&network, &[LesionTarget::All], &[Rule::GAP, Rule::ODR], &options()).unwrap())
        );
    }

    #[test]
    fn a_target_is_set_against_as_many_units_of_all() {
        let table = lesion(&network(), &[delay_units()], &[Rule::ODR], &options()).unwrap();
        let names = table.column("target").unwrap().str().unwrap().clone();
        let names: Vec<&str> = names.iter().flatten().collect();
        assert_eq!(names[0], "selective in delay1 of odr (excited)");
        let silenced = values(&table, "silenced");
        let of = |name: &str| -> Vec<Option<f64>> {
            (0..names.len()).filter(|row| names[*row] == name).map(|row| silenced[row]).collect()
        };
        let target = of(names[0]);
        assert!(target[3] > Some(10.0), "{target:?}");
        // All of the target can be silenced in one way, as many of all units in many.
        assert_eq!([of(MATCHED), vec![]].concat(), [target, vec![of(MATCHED)[4]]].concat());
        let alone = LesionOptions { matched: false, ..options() };
        assert_eq!(lesion(&network(), &[delay_units()], &[Rule::ODR], &alone).unwrap().height(), 4);
    }

    #[test]
    fn draws_are_nested_and_of_the_target() {
        let options = LesionOptions { repeats: 5, ..LesionOptions::default() };
        let units: Vec<usize> = (10..30).collect();
        let (few, many) = (draws(&units, 4, 0, &options), draws(&units, 12, 0, &options));
        for (few, many) in few.iter().zip(&many) {
            assert!(few.iter().all(|unit| many.contains(unit)) && many.iter().all(|unit| units.contains(unit)));
        }
        assert_ne!(few[0], few[1]);
        assert_ne!(few, draws(&units, 4, 1, &options));
        assert_eq!(draws(&units, 20, 0, &options), std::slice::from_ref(&units));
    }

    #[test]
    fn what_cannot_be_silenced_is_refused() {
        let network = network();
        let refused = |targets: &[LesionTarget], rules: &[Rule], options: &LesionOptions, words: &[&str]| {
            let message = lesion(&network, targets, rules, options).unwrap_err().to_string();
            words.iter().for_each(|word| assert!(message.contains(word), "'{word}' is not in: {message}"));
        };
        let (all, gap) = ([LesionTarget::All], [Rule::GAP]);
        refused(&[LesionTarget::Listed(vec![3, 256])], &gap, &options(), &["unit 256", "0 to 255"]);
        refused(&[LesionTarget::Listed(vec![])], &gap, &options(), &["nothing to silence", "0 listed units"]);
        refused(&[selective("odr:stim1", Kind::Mixed, vec![8])], &gap, &options(), &["location 8", "0 to 7"]);
        refused(&all, &[Rule::MATCH_OR_NON], &options(), &["match_or_non"]);
        refused(&all, &[], &options(), &["0 rules"]);
        refused(&[], &gap, &options(), &["0 targets"]);
        for shares in [vec![1.5], vec![-0.1], vec![f64::NAN]] {
            refused(&all, &gap, &LesionOptions { shares, ..options() }, &["no share"]);
        }
        refused(&all, &gap, &LesionOptions { repeats: 0, ..options() }, &["0 repeats"]);
    }
}
