//! Each claim of the paper held against a run's tables.

use std::ops::Range;

use polars::frame::DataFrame;

use super::evidence::{DelayedUnits, DistractedUnits};
use super::{ByStage, Claim, Evidence, Verdict};
use crate::analysis::DecoderOptions;
use crate::error::Result;
use crate::tables::{Columns, thousands};
use crate::tasks::{Epoch, Rule, Timeline};
use crate::training::Stage;

/// A rule is learned once its performance, averaged over a few evaluations, is above this.
const LEARNED: f64 = 0.9;
/// A width stays if it changes by less than this share between stages.
const SAME_WIDTH: f64 = 0.15;
/// A response this far from the target is wild, degrees; the published mature networks have none.
const WILD: f64 = 75.0;
/// Windows of the trial that are this far apart, ms, have none of their rates in common and little of their noise.
const APART: f64 = 500.0;
/// An average over fewer checkpoints is said to stand on few.
const FEW: u64 = 3;
/// Trials right by guessing, of eight locations.
const CHANCE_OF_LOCATION: f64 = 0.125;
/// The share of significant results that chance gives.
const SIGNIFICANT: f64 = 0.05;

impl ByStage {
    /// From rows of (stage, value, checkpoints).
    fn of(rows: impl IntoIterator<Item = (Stage, f64, u64)>) -> ByStage {
        let mut found = ByStage::default();
        for (stage, value, checkpoints) in rows.into_iter().filter(|(_, value, _)| value.is_finite()) {
            found.values[stage as usize] = Some(value);
            found.checkpoints[stage as usize] = checkpoints;
        }
        found
    }

    /// The means of values by stage, each of one checkpoint.
    fn means(rows: impl IntoIterator<Item = (Stage, f64)>) -> ByStage {
        let (mut sums, mut counts) = ([0.0; 3], [0_u64; 3]);
        for (stage, value) in rows.into_iter().filter(|(_, value)| value.is_finite()) {
            sums[stage as usize] += value;
            counts[stage as usize] += 1;
        }
        let mean = |stage: Stage| (stage, sums[stage as usize] / counts[stage as usize] as f64, counts[stage as usize]);
        ByStage::of(Stage::ALL.map(mean))
    }

    fn known(&self) -> Vec<(Stage, f64)> {
        Stage::ALL.into_iter().filter_map(|stage| Some((stage, self.values[stage as usize]?))).collect()
    }

    /// Stages that have no value.
    fn missing(&self) -> Option<String> {
        let missing: Vec<&str> =
            Stage::ALL.into_iter().filter(|stage| self.values[*stage as usize].is_none()).map(Stage::name).collect();
        (!missing.is_empty()).then(|| format!("no checkpoint with such units at stage {}", missing.join(" and ")))
    }

    fn text(&self, digits: usize) -> String {
        let each: Vec<String> =
            self.known().into_iter().map(|(stage, value)| format!("{stage} {}", number(value, digits))).collect();
        if each.is_empty() { "nothing".to_owned() } else { each.join(", ") }
    }

    /// Stages that stand on few checkpoints.
    fn few(&self) -> Option<String> {
        let few: Vec<String> = Stage::ALL
            .into_iter()
            .map(|stage| (stage, self.checkpoints[stage as usize]))
            .filter(|(_, count)| (1..FEW).contains(count))
            .map(|(stage, count)| format!("{stage} {count}"))
            .collect();
        (!few.is_empty()).then(|| format!("few checkpoints: {}", few.join(", ")))
    }

    /// Whether each stage is above the one before.
    fn rises(&self) -> (Verdict, String) {
        self.ordered(|before, after| after > before, ["below", "above"])
    }

    /// Whether each stage is below the one before.
    fn falls(&self) -> (Verdict, String) {
        self.ordered(|before, after| after < before, ["above", "below"])
    }

    fn ordered(&self, right: impl Fn(f64, f64) -> bool, [wrong, all]: [&str; 2]) -> (Verdict, String) {
        let known = self.known();
        if self.values[0].is_none() || self.values[2].is_none() {
            return (Verdict::CannotBeShown, self.missing().unwrap_or_default());
        }
        let against: Vec<String> = known
            .windows(2)
            .filter(|pair| !right(pair[0].1, pair[1].1))
            .map(|pair| format!("{} is not {all} {}, but {wrong} or the same", pair[1].0, pair[0].0))
            .collect();
        match against.is_empty() {
            true => (Verdict::Agrees, self.missing().unwrap_or_else(|| format!("each stage is {all} the one before"))),
            false => (Verdict::Differs, against.join("; ")),
        }
    }

    /// Whether all stages are about the same.
    fn stays(&self) -> (Verdict, String) {
        let values: Vec<f64> = self.known().into_iter().map(|(_, value)| value).collect();
        if values.len() < 2 {
            return (Verdict::CannotBeShown, self.missing().unwrap_or_default());
        }
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let change = high / low - 1.0;
        let verdict = if change < SAME_WIDTH { Verdict::Agrees } else { Verdict::Differs };
        let limit = 100.0 * SAME_WIDTH;
        (verdict, format!("the largest is {:.0} % above the smallest (same: below {limit:.0} %)", 100.0 * change))
    }
}

impl Claim {
    /// A claim about a number at each stage.
    fn by_stage(
        (claim, source, measure): (&'static str, &'static str, &str),
        published: &str,
        (by_stage, digits): (ByStage, usize),
        (verdict, reason): (Verdict, String),
    ) -> Claim {
        let counts: Vec<String> =
            by_stage.known().into_iter().map(|(stage, _)| by_stage.checkpoints[stage as usize].to_string()).collect();
        let found = match counts.is_empty() {
            true => by_stage.text(digits),
            false if counts == ["1"] => format!("{} (1 checkpoint)", by_stage.text(digits)),
            false => format!("{} ({} checkpoints)", by_stage.text(digits), counts.join(", ")),
        };
        let reason = [Some(reason), by_stage.few()].into_iter().flatten().filter(|text| !text.is_empty());
        Claim {
            claim,
            source,
            measure: measure.to_owned(),
            published: published.to_owned(),
            found,
            by_stage,
            verdict,
            reason: reason.collect::<Vec<_>>().join("; "),
        }
    }

    /// A claim about something else.
    fn other(
        (claim, source, measure): (&'static str, &'static str, &str),
        published: &str,
        found: String,
        (verdict, reason): (Verdict, String),
    ) -> Claim {
        let (measure, published) = (measure.to_owned(), published.to_owned());
        Claim { claim, source, measure, published, found, by_stage: ByStage::default(), verdict, reason }
    }
}

/// Holds each claim against the evidence that there is.
pub(super) fn judge(evidence: &Evidence, dt: f64) -> Result<Vec<Claim>> {
    let mut claims = Vec::new();
    if let Some(table) = &evidence.performance {
        claims.extend(learning(table)?);
    }
    if let Some([published, _]) = &evidence.delayed {
        claims.extend(delayed(published)?);
    }
    if let Some([published, _]) = &evidence.distracted {
        claims.extend(distracted(published, dt)?);
    }
    if let Some(table) = &evidence.agreement {
        claims.push(agreement(table)?);
    }
    if let Some(table) = &evidence.distractor {
        claims.extend(distractor(table)?);
    }
    if let Some(table) = &evidence.saccade {
        claims.extend(saccade(table)?);
    }
    if let Some(table) = &evidence.decoder {
        claims.push(decoder(table, dt)?);
    }
    if let Some(of_tests) = &evidence.delayed {
        claims.push(delayed_by_unbiased_test(of_tests)?);
    }
    if let Some(of_tests) = &evidence.distracted {
        claims.extend(distracted_by_unbiased_test(of_tests, dt)?);
    }
    Ok(claims)
}

/// When each rule is learned.
fn learning(table: &DataFrame) -> Result<Option<Claim>> {
    let columns = Columns::of(table, "the table of performance growth");
    let (trials, rules) = (columns.counts("trials_trained")?, columns.names("rule")?);
    let smoothed = columns.numbers("smoothed")?;
    let learned = |rule: Rule| {
        let row = (0..rules.len()).find(|row| rules[*row] == rule.name() && smoothed[*row] > LEARNED);
        row.map(|row| trials[row])
    };
    let trained = |rule: &Rule| rules.iter().any(|name| name == rule.name());
    let anti: Vec<Rule> =
        [Rule::OVERLAP, Rule::ZERO_GAP, Rule::GAP, Rule::GAP500].into_iter().filter(trained).collect();
    let memory: Vec<Rule> = [Rule::ODR, Rule::ODRD].into_iter().filter(trained).collect();
    if anti.is_empty() || memory.is_empty() {
        return Ok(None);
    }
    let text = |rule: &Rule| match learned(*rule) {
        Some(trials) => format!("{rule} after {}", thousands(trials)),
        None => format!("{rule} never"),
    };
    let found: Vec<String> = anti.iter().chain(&memory).map(text).collect();
    let last_anti = anti.iter().map(|rule| learned(*rule)).collect::<Option<Vec<_>>>();
    let last_anti = last_anti.and_then(|trials| trials.into_iter().max());
    let first_memory = memory.iter().filter_map(|rule| learned(*rule)).min();
    let verdict = match (last_anti, first_memory) {
        (Some(anti), Some(memory)) if anti < memory => {
            (Verdict::Agrees, "every anti-saccade rule comes before both".to_owned())
        }
        (_, Some(_)) => (Verdict::Differs, "an anti-saccade rule comes later".to_owned()),
        (_, None) => (Verdict::CannotBeShown, "the memory rules were not learned".to_owned()),
    };
    Ok(Some(Claim::other(
        ("Anti-saccades are learned long before memory", "Fig. S7", "trials until performance is above 0.9"),
        "anti-saccade rules about 65,000–78,000, odr about 603,000, of 628,480",
        found.join(", "),
        verdict,
    )))
}

/// The claim that three tables bear on.
const DELAY: &str = "Delay activity grows with maturation";
/// What is asked of the units of the unbiased test, which the paper does not have.
const UNBIASED: (&str, &str) = ("The same of units kept by the unbiased test", "not in the paper");

/// What the units of the published test do in rule odr.
fn delayed(units: &DelayedUnits) -> Result<Vec<Claim>> {
    let of_stim1 = growth(&units.growth_of_stim1_units)?;
    let of_delay1 = growth(&units.growth_of_delay1_units)?;
    Ok(vec![
        Claim::by_stage(
            (DELAY, "Fig. S2B", "delay1 of odr, units selective in stim1, as the published figure has them"),
            "early 0.25–0.5, mid 0.5–1.3, mature 0.65–1.8",
            (of_stim1, 2),
            of_stim1.rises(),
        ),
        Claim::by_stage(
            (DELAY, "Fig. S2B, its title", "delay1 of odr, units selective in delay1"),
            "none of these units",
            (of_delay1, 2),
            of_delay1.rises(),
        ),
    ])
}

/// A verdict that also needs a significant test.
fn tested((verdict, reason): (Verdict, String), p_value: Option<f64>) -> (Verdict, String) {
    match (verdict, p_value) {
        (Verdict::Agrees, Some(p_value)) if p_value <= SIGNIFICANT => (verdict, format!("{reason}; p = {p_value:.1e}")),
        (Verdict::Agrees, Some(p_value)) => (Verdict::Differs, format!("{reason}, but p = {p_value:.2}")),
        (verdict, _) => (verdict, reason),
    }
}

/// What the units of the published test do in rule odrd.
fn distracted(units: &DistractedUnits, dt: f64) -> Result<Vec<Claim>> {
    let psth = Curves::of(&units.psth, dt)?;
    let [cue, rebound] = [Epoch::Stim1, Epoch::Delay2].map(|epoch| psth.peak("preferred", epoch));
    let distracted = psth.peak("opposite", Epoch::Distract1);
    let (heights, widths) = (heights(units)?, widths(units)?);
    let (delay2, p_value) = delay2(&units.delay2)?;
    let (verdict, reason) = cue.rises();
    let counted = format!("{reason}; units {}, where the paper has 215, 192, 199", psth.counts.text(0));
    Ok(vec![
        Claim::by_stage(
            (DELAY, "analysis of variance", "delay2 of odrd, last checkpoint of each stage"),
            "early 1.77, mid 1.99, mature 3.38, p = 4.5e-3",
            (delay2, 2),
            tested(delay2.rises(), p_value),
        ),
        Claim::by_stage(
            ("Responses to the cue grow", "Fig. 4E–G", "highest activity in stim1 of odrd"),
            "early 2.8, mid 5.1, mature 6.2",
            (cue, 2),
            (verdict, counted),
        ),
        Claim::by_stage(
            ("The cue's activity comes back after the distractor", "Fig. 4E–G", "highest activity in delay2 of odrd"),
            "early −0.1, mid 1.15, mature 2.1",
            (rebound, 2),
            rebound.rises(),
        ),
        Claim::by_stage(
            (
                "The distractor's own response hardly grows from mid on",
                "Fig. 4E–G",
                "highest activity in distract1, distractor at the preferred location",
            ),
            "early 2.75, mid 3.5, mature 3.3",
            (distracted, 2),
            hardly_grows(&distracted),
        ),
        Claim::by_stage(
            ("Tuning gets higher", "Fig. S3B", "largest − smallest rate of a unit, stim1 of odrd"),
            "early 2.0, mid 2.95, mature 3.6; p from 9.8e-10 to 2.7e-108",
            (heights, 2),
            tested(heights.rises(), largest_p_value(&units.height_tests)?),
        ),
        Claim::by_stage(
            ("… but not wider", "Fig. S3B", "2 σ of the fitted Gaussian, in locations"),
            "early 1.28, mid 1.33, mature 1.34",
            (widths, 2),
            widths.stays(),
        ),
    ])
}

/// What the published test gives, to stand beside the unbiased one.
fn beside(of_published: &ByStage) -> String {
    format!("by the published test: {}", of_published.text(2))
}

/// Whether delay activity grows for the units that the unbiased test keeps.
fn delayed_by_unbiased_test([published, unbiased]: &[DelayedUnits; 2]) -> Result<Claim> {
    let [published, found] = [growth(&published.growth_of_delay1_units)?, growth(&unbiased.growth_of_delay1_units)?];
    let about = (UNBIASED.0, UNBIASED.1, "delay1 of odr, units selective in delay1");
    Ok(Claim::by_stage(about, &beside(&published), (found, 2), found.rises()))
}

/// Whether the same holds in rule odrd of the units that the unbiased test keeps.
fn distracted_by_unbiased_test([published, unbiased]: &[DistractedUnits; 2], dt: f64) -> Result<Vec<Claim>> {
    let (psth, other) = (Curves::of(&unbiased.psth, dt)?, Curves::of(&published.psth, dt)?);
    let [cue, other_cue] = [&psth, &other].map(|curves| curves.peak("preferred", Epoch::Stim1));
    let (height, width) = (heights(unbiased)?, widths(unbiased)?);
    let (verdict, reason) = cue.rises();
    let counted = format!("{reason}; units {}, by the published test {}", psth.counts.text(0), other.counts.text(0));
    let claim = |measure, of_published: &ByStage, found: ByStage, verdict| {
        Claim::by_stage((UNBIASED.0, UNBIASED.1, measure), &beside(of_published), (found, 2), verdict)
    };
    Ok(vec![
        claim("highest activity in stim1 of odrd", &other_cue, cue, (verdict, counted)),
        claim("height of tuning", &heights(published)?, height, height.rises()),
        claim("width of tuning", &widths(published)?, width, width.stays()),
    ])
}

/// The activity of selected units over the trial.
struct Curves {
    rows: Vec<(Stage, String, f64, f64)>,
    /// Numbers of units.
    counts: ByStage,
    epochs: Vec<(Epoch, Range<f64>)>,
}

impl Curves {
    fn of(table: &DataFrame, dt: f64) -> Result<Curves> {
        let columns = Columns::of(table, "the table of the PSTH");
        let (stages, directions) = (stages(&columns, "stage")?, columns.names("direction")?);
        let (times, activity) = (columns.numbers("time_ms")?, columns.numbers("activity")?);
        let (units, checkpoints) = (columns.numbers("units")?, columns.counts("checkpoints")?);
        let counts = ByStage::of((0..stages.len()).map(|row| (stages[row], units[row], checkpoints[row])));
        let rows = (0..stages.len()).map(|row| (stages[row], directions[row].clone(), times[row], activity[row]));
        let in_ms = |range: Range<usize>| range.start as f64 * dt..range.end as f64 * dt;
        let epochs = Timeline::of(Rule::ODRD, dt).epochs.into_iter().map(|(epoch, range)| (epoch, in_ms(range)));
        Ok(Curves { rows: rows.collect(), counts, epochs: epochs.collect() })
    }

    /// The highest activity of each stage in an epoch.
    fn peak(&self, direction: &str, epoch: Epoch) -> ByStage {
        let Some((_, range)) = self.epochs.iter().find(|(found, _)| *found == epoch) else {
            return ByStage::default();
        };
        let of = |stage: Stage| {
            let here =
                |row: &&(Stage, String, f64, f64)| row.0 == stage && row.1 == direction && range.contains(&row.2);
            self.rows.iter().filter(here).map(|row| row.3).fold(f64::NEG_INFINITY, f64::max)
        };
        ByStage::of(Stage::ALL.map(|stage| (stage, of(stage), self.counts.checkpoints[stage as usize])))
    }
}

/// Whether the response to the distractor changes less from mid to mature than from early to mid.
fn hardly_grows(found: &ByStage) -> (Verdict, String) {
    let [Some(early), Some(mid), Some(mature)] = found.values else {
        return (Verdict::CannotBeShown, found.missing().unwrap_or_default());
    };
    let (first, second) = (mid - early, mature - mid);
    let verdict = if second.abs() < first.abs() { Verdict::Agrees } else { Verdict::Differs };
    (verdict, format!("{first:+.2} from early to mid, {second:+.2} from mid to mature"))
}

fn growth(table: &DataFrame) -> Result<ByStage> {
    let columns = Columns::of(table, "the table of epoch growth");
    let activity = columns.numbers("activity")?;
    Ok(ByStage::means(stages(&columns, "stage")?.into_iter().zip(activity)))
}

fn heights(units: &DistractedUnits) -> Result<ByStage> {
    let columns = Columns::of(&units.heights, "the table of tuning heights");
    let heights = columns.numbers("height")?;
    let (stages, trials) = (stages(&columns, "stage")?, columns.counts("trials_trained")?);
    let mut found = ByStage::means(stages.iter().copied().zip(heights));
    for stage in Stage::ALL {
        let of_stage = (0..stages.len()).filter(|row| stages[*row] == stage).map(|row| trials[row]);
        found.checkpoints[stage as usize] = of_stage.collect::<std::collections::BTreeSet<_>>().len() as u64;
    }
    Ok(found)
}

fn widths(units: &DistractedUnits) -> Result<ByStage> {
    let columns = Columns::of(&units.fits, "the table of tuning fits");
    let (stages, fits) = (stages(&columns, "stage")?, columns.names("fit")?);
    let widths = columns.numbers("width")?;
    let checkpoints = heights(units)?.checkpoints;
    let rows = (0..stages.len()).filter(|row| fits[*row] == "gaussian");
    Ok(ByStage::of(rows.map(|row| (stages[row], widths[row], checkpoints[stages[row] as usize]))))
}

/// The largest p-value of the tests that count each unit at each checkpoint, as published.
fn largest_p_value(table: &DataFrame) -> Result<Option<f64>> {
    let columns = Columns::of(table, "the table of height tests");
    let (samples, p_values) = (columns.names("samples")?, columns.numbers("p_value")?);
    let counted = samples.iter().zip(p_values).filter(|(samples, _)| *samples == "unit_checkpoints");
    Ok(counted.map(|(_, p_value)| p_value).filter(|p_value| p_value.is_finite()).reduce(f64::max))
}

/// The means of the analysis of variance, and its p-value.
fn delay2(table: &DataFrame) -> Result<(ByStage, Option<f64>)> {
    let columns = Columns::of(table, "the table of the analysis of variance");
    let (stages, means, p_values) = (stages(&columns, "stage")?, columns.numbers("mean")?, columns.numbers("p_value")?);
    let means = ByStage::of(stages.iter().zip(means).map(|(stage, mean)| (*stage, mean, 1)));
    Ok((means, p_values.first().copied().filter(|p_value| p_value.is_finite())))
}

/// Whether units keep their preferred location from one task to the other.
fn agreement(table: &DataFrame) -> Result<Claim> {
    let columns = Columns::of(table, "the table of preferred locations");
    let (stages, same) = (stages(&columns, "second_stage")?, columns.numbers("same")?);
    let both = columns.numbers("both")?;
    let share = |row: usize| if both[row] > 0.0 { same[row] / both[row] } else { f64::NAN };
    let shares = ByStage::means((0..stages.len()).map(|row| (stages[row], share(row))));
    let counts = ByStage::means(stages.iter().copied().zip(both));
    let lowest = shares.known().into_iter().map(|(_, share)| share).reduce(f64::min);
    let verdict = match lowest {
        Some(lowest) if lowest > 0.5 => Verdict::Agrees,
        Some(_) => Verdict::Differs,
        None => Verdict::CannotBeShown,
    };
    let reason = format!("selective in both: {}; by chance one in eight would be the same", counts.text(0));
    Ok(Claim::by_stage(
        (
            "Units prefer the same location in both memory tasks",
            "direction agreement",
            "share of the units selective in stim1 of odr and odrd that prefer one location",
        ),
        "254 units falling to about 200; 176–250 of them the same, 0–23 different",
        (shares, 3),
        (verdict, reason),
    ))
}

/// What a distractor does, by its distance.
fn distractor(table: &DataFrame) -> Result<Vec<Claim>> {
    let columns = Columns::of(table, "the table of performance with a distractor");
    let (stages, distances) = (stages(&columns, "stage")?, columns.numbers("distance_degrees")?);
    let (performance, checkpoints) = (columns.numbers("performance")?, columns.counts("checkpoints")?);
    let near = distances.iter().copied().fold(f64::INFINITY, f64::min);
    let far = distances.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let at = |distance: f64| {
        let rows = (0..stages.len()).filter(|row| distances[*row] == distance);
        ByStage::of(rows.map(|row| (stages[row], performance[row], checkpoints[row])))
    };
    let claim = |distance: f64, measure: &str, published: &str| {
        let found = at(distance);
        let about = ("Distractors hurt less", "distractor effect", measure);
        Claim::by_stage(about, published, (found, 2), found.rises())
    };
    Ok(vec![
        claim(
            near,
            "performance on odrd, distractor where the stimulus was",
            "early 0.17, mid 0.27, mature 0.59 (39, 35, 11 checkpoints)",
        ),
        claim(
            far,
            "performance on odrd, distractor opposite",
            "early 0.31, mid 0.56, mature 0.85 (39, 35, 11 checkpoints)",
        ),
    ])
}

/// Where responses end.
fn saccade(table: &DataFrame) -> Result<Vec<Claim>> {
    let columns = Columns::of(table, "the table of response distances");
    let (stages, checkpoints) = (stages(&columns, "stage")?, columns.counts("checkpoints")?);
    let (from, to) = (columns.numbers("from_degrees")?, columns.numbers("to_degrees")?);
    let trials = columns.numbers("trials")?;
    let of = |value: &dyn Fn(&[usize], f64) -> f64| {
        ByStage::of(Stage::ALL.map(|stage| {
            let rows: Vec<usize> = (0..stages.len()).filter(|row| stages[*row] == stage).collect();
            let all: f64 = rows.iter().map(|row| trials[*row]).sum();
            (stage, value(&rows, all), rows.first().map_or(0, |row| checkpoints[*row]))
        }))
    };
    let mean = of(&|rows, all| rows.iter().map(|row| trials[*row] * 0.5 * (from[*row] + to[*row])).sum::<f64>() / all);
    let wild =
        of(&|rows, all| 100.0 * rows.iter().filter(|row| to[**row] > WILD).map(|row| trials[*row]).sum::<f64>() / all);
    let mode = of(&|rows, _| {
        let most = rows.iter().copied().max_by(|one, other| trials[*one].total_cmp(&trials[*other]));
        most.map_or(f64::NAN, |row| from[row])
    });
    let claim = "Responses sharpen";
    let most_often = format!("most often from {} degrees on; the mean from bins", mode.text(0));
    let (verdict, reason) = mean.falls();
    let (_, wild_reason) = wild.falls();
    let tail = match wild.values {
        [Some(_), _, Some(mature)] if mature < 1.0 => (Verdict::Agrees, wild_reason),
        [Some(_), _, Some(mature)] => (Verdict::Differs, format!("{mature:.1} % of mature responses")),
        _ => (Verdict::CannotBeShown, wild.missing().unwrap_or_default()),
    };
    Ok(vec![
        Claim::by_stage(
            (claim, "saccade ends, gap", "mean distance from the target, degrees"),
            "early flat (90), mid most often 18–30, mature falling from 0 on",
            (mean, 1),
            (verdict, format!("{reason}; {most_often}")),
        ),
        Claim::by_stage(
            (claim, "saccade ends, gap", "% of responses in bins that reach beyond 75 degrees"),
            "mature none",
            (wild, 2),
            tail,
        ),
    ])
}

/// Whether the code for the location stays over the delay.
fn decoder(table: &DataFrame, dt: f64) -> Result<Claim> {
    let columns = Columns::of(table, "the table of the decoder");
    let (train, test) = (columns.numbers("train_ms")?, columns.numbers("test_ms")?);
    let accuracy = columns.numbers("accuracy")?;
    let window = DecoderOptions::default().window_ms;
    let delay = Timeline::of(Rule::ODR, dt).epochs.into_iter().find(|(epoch, _)| *epoch == Epoch::Delay1);
    let delay = delay.map_or(0.0..0.0, |(_, steps)| steps.start as f64 * dt..steps.end as f64 * dt);
    let within = |start: f64| start >= delay.start && start + window <= delay.end;
    let mean = |chosen: &dyn Fn(f64, f64) -> bool| {
        let cells = (0..accuracy.len()).filter(|cell| within(train[*cell]) && within(test[*cell]));
        let found: Vec<f64> =
            cells.filter(|cell| chosen(train[*cell], test[*cell])).map(|cell| accuracy[cell]).collect();
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    };
    let about = (
        "The code for the location moves on over the delay (dynamic)",
        "Fig. S5E",
        "accuracy in the delay of odr at the last checkpoint, tested in the window trained in and 500 ms or more apart",
    );
    let published = "1.0 in the window trained in; near chance (0.125) elsewhere";
    let (own, apart) = (mean(&|train, test| train == test), mean(&|train, test| (train - test).abs() >= APART));
    let (Some(own), Some(apart)) = (own, apart) else {
        let verdict = (Verdict::CannotBeShown, "the delay has too few windows".to_owned());
        return Ok(Claim::other(about, published, "nothing".to_owned(), verdict));
    };
    let found = format!("{own:.3} in the window trained in, {apart:.3} apart");
    let middle = 0.5 * (own + CHANCE_OF_LOCATION);
    let verdict = match () {
        () if own < 2.0 * CHANCE_OF_LOCATION => {
            (Verdict::CannotBeShown, "the location cannot be decoded in the delay at all".to_owned())
        }
        () if apart < middle => (Verdict::Agrees, format!("dynamic: below {middle:.2}, half way to chance")),
        () => (Verdict::Differs, format!("stable: above {middle:.2}, half way to chance")),
    };
    Ok(Claim::other(about, published, found, verdict))
}

/// A number with a proper minus.
fn number(value: f64, digits: usize) -> String {
    format!("{value:.digits$}").replace('-', "−")
}

/// A column of stages.
fn stages(columns: &Columns, name: &str) -> Result<Vec<Stage>> {
    columns.names(name)?.iter().map(|name| name.parse()).collect()
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;
    use crate::analysis::Test;

    fn by_stage(values: [Option<f64>; 3]) -> ByStage {
        ByStage { values, checkpoints: [4; 3] }
    }

    fn verdict(claims: &[Claim], measure: &str) -> Verdict {
        claims.iter().find(|claim| claim.measure.contains(measure)).unwrap().verdict
    }

    #[test]
    fn stages_rise_fall_or_stay() {
        let (verdict, reason) = by_stage([Some(1.0), Some(2.0), Some(3.0)]).rises();
        assert_eq!((verdict, reason.as_str()), (Verdict::Agrees, "each stage is above the one before"));
        let (verdict, reason) = by_stage([Some(1.0), Some(3.0), Some(2.0)]).rises();
        assert_eq!((verdict, reason.as_str()), (Verdict::Differs, "mature is not above mid, but below or the same"));
        let (verdict, reason) = by_stage([Some(1.0), None, Some(2.0)]).rises();
        assert_eq!(verdict, Verdict::Agrees);
        assert!(reason.contains("stage mid"), "{reason}");
        let (verdict, reason) = by_stage([Some(1.0), None, None]).rises();
        assert_eq!(verdict, Verdict::CannotBeShown);
        assert!(reason.contains("stage mid and mature"), "{reason}");
        assert_eq!(by_stage([Some(3.0), Some(2.0), Some(1.0)]).falls().0, Verdict::Agrees);
        assert_eq!(by_stage([Some(3.0), Some(3.0), Some(1.0)]).falls().0, Verdict::Differs);
        assert_eq!(by_stage([Some(1.3), Some(1.4), Some(1.35)]).stays().0, Verdict::Agrees);
        let (verdict, reason) = by_stage([Some(1.0), Some(1.2), Some(1.5)]).stays();
        assert_eq!(verdict, Verdict::Differs);
        assert!(reason.contains("50 %"), "{reason}");
        assert_eq!(by_stage([None, Some(1.2), None]).stays().0, Verdict::CannotBeShown);
    }

    #[test]
    fn few_checkpoints_are_told() {
        let found = ByStage { values: [Some(-0.5), Some(1.0), Some(2.0)], checkpoints: [1, 30, 2] };
        assert_eq!(found.few().unwrap(), "few checkpoints: early 1, mature 2");
        let claim = Claim::by_stage(("claim", "figure", "measure"), "published", (found, 1), found.rises());
        assert_eq!(claim.found, "early −0.5, mid 1.0, mature 2.0 (1, 30, 2 checkpoints)");
        assert!(claim.reason.ends_with("few checkpoints: early 1, mature 2"));
        assert_eq!(ByStage { checkpoints: [3, 3, 3], ..found }.few(), None);
    }

    #[test]
    fn the_order_of_learning_is_that_of_the_first_time_above_the_limit() {
        let learned = |gap: [f64; 3], odr: [f64; 3]| {
            let table = df![
                "trials_trained" => [0_u64, 64000, 1280000, 0, 64000, 1280000],
                "rule" => ["gap", "gap", "gap", "odr", "odr", "odr"],
                "smoothed" => [gap, odr].concat(),
            ];
            learning(&table.unwrap()).unwrap().unwrap()
        };
        let found = learned([0.2, 0.95, 0.8], [0.2, 0.2, 0.95]);
        assert_eq!((found.verdict, found.found.as_str()), (Verdict::Agrees, "gap after 64,000, odr after 1,280,000"));
        assert_eq!(learned([0.2, 0.2, 0.95], [0.2, 0.95, 0.95]).verdict, Verdict::Differs);
        assert_eq!(learned([0.2, 0.2, 0.5], [0.2, 0.95, 0.95]).verdict, Verdict::Differs);
        let found = learned([0.2, 0.95, 0.95], [0.2; 3]);
        assert_eq!((found.verdict, found.found.contains("odr never")), (Verdict::CannotBeShown, true));
        let one = df!["trials_trained" => [0_u64], "rule" => ["gap"], "smoothed" => [0.2]].unwrap();
        assert!(learning(&one).unwrap().is_none());
    }

    #[test]
    fn distractors_are_judged_near_and_far() {
        let table = |mature_near: f64| {
            df![
                "stage" => ["early", "early", "mid", "mid", "mature", "mature"],
                "checkpoints" => [2_u32, 2, 5, 5, 9, 9],
                "distance_degrees" => [0.0, 180.0, 0.0, 180.0, 0.0, 180.0],
                "performance" => [0.1, 0.3, 0.3, 0.5, mature_near, 0.9],
            ]
            .unwrap()
        };
        let claims = distractor(&table(0.6)).unwrap();
        assert_eq!(claims[0].by_stage.values, [Some(0.1), Some(0.3), Some(0.6)]);
        assert_eq!(claims[1].by_stage.values, [Some(0.3), Some(0.5), Some(0.9)]);
        assert_eq!(claims[1].by_stage.checkpoints, [2, 5, 9]);
        assert!(claims.iter().all(|claim| claim.verdict == Verdict::Agrees));
        assert_eq!(verdict(&distractor(&table(0.2)).unwrap(), "where the stimulus was"), Verdict::Differs);
    }

    #[test]
    fn responses_sharpen_if_their_mean_falls_and_none_is_wild_in_the_end() {
        let table = |mature: [u64; 3]| {
            df![
                "stage" => ["early", "early", "early", "mature", "mature", "mature"],
                "checkpoints" => [4_u32, 4, 4, 6, 6, 6],
                "from_degrees" => [0.0, 60.0, 120.0, 0.0, 60.0, 120.0],
                "to_degrees" => [60.0, 120.0, 180.0, 60.0, 120.0, 180.0],
                "trials" => [vec![10_u64, 10, 10], mature.to_vec()].concat(),
            ]
            .unwrap()
        };
        let claims = saccade(&table([30, 0, 0])).unwrap();
        assert_eq!(claims[0].by_stage.values, [Some(90.0), None, Some(30.0)]);
        assert_eq!(claims[1].by_stage.values[2], Some(0.0));
        assert!(claims.iter().all(|claim| claim.verdict == Verdict::Agrees));
        let claims = saccade(&table([29, 0, 1])).unwrap();
        assert_eq!((claims[0].verdict, claims[1].verdict), (Verdict::Agrees, Verdict::Differs));
        assert!(saccade(&table([0; 3])).unwrap().iter().all(|claim| claim.verdict == Verdict::CannotBeShown));
    }

    #[test]
    fn a_code_is_dynamic_if_it_is_lost_elsewhere_in_the_delay() {
        let starts = [1000.0, 1500.0, 2000.0, 2800.0, 2900.0];
        let table = |own: f64, apart: f64| {
            let cells = || starts.iter().flat_map(|train| starts.iter().map(move |test| (*train, *test)));
            // The delay holds the windows from 1500 to 2800 ms; the others must not count.
            let accuracy = |(train, test): (f64, f64)| match (1500.0..=2800.0).contains(&train.min(test)) {
                true if train.max(test) > 2800.0 => 7.0,
                true if train == test => own,
                true => apart,
                false => 7.0,
            };
            df![
                "train_ms" => cells().map(|cell| cell.0).collect::<Vec<_>>(),
                "test_ms" => cells().map(|cell| cell.1).collect::<Vec<_>>(),
                "accuracy" => cells().map(accuracy).collect::<Vec<_>>(),
            ]
            .unwrap()
        };
        let claim = decoder(&table(1.0, 0.2), 20.0).unwrap();
        assert_eq!(
            (claim.verdict, claim.found.as_str()),
            (Verdict::Agrees, "1.000 in the window trained in, 0.200 apart")
        );
        assert_eq!(decoder(&table(1.0, 0.9), 20.0).unwrap().verdict, Verdict::Differs);
        assert_eq!(decoder(&table(0.13, 0.12), 20.0).unwrap().verdict, Verdict::CannotBeShown);
        assert_eq!(decoder(&table(1.0, 0.2).clear(), 20.0).unwrap().verdict, Verdict::CannotBeShown);
    }

    /// Units whose delay activity is this at each stage.
    fn delayed_units(test: Test, values: [f64; 3]) -> DelayedUnits {
        let growth = df!["stage" => Stage::ALL.map(Stage::name), "activity" => values].unwrap();
        DelayedUnits { test, growth_of_stim1_units: growth.clone(), growth_of_delay1_units: growth }
    }

    /// Units whose cue response, tuning and second delay are these at each stage.
    fn distracted_units(test: Test, values: [f64; 3], p_value: f64) -> DistractedUnits {
        let stages = || Stage::ALL.map(Stage::name);
        let thrice = |name: &'static str| [name; 3];
        let psth = df![
            "stage" => [stages(), stages(), stages()].concat(),
            "direction" => [thrice("preferred"), thrice("preferred"), thrice("opposite")].concat(),
            "time_ms" => [[1200.0; 3], [2700.0; 3], [2200.0; 3]].concat(),
            "activity" => [values, values, [2.0, 3.0, 3.2]].concat(),
            "units" => [200.0; 9],
            "checkpoints" => [3_u32; 9],
        ];
        DistractedUnits {
            test,
            psth: psth.unwrap(),
            fits: df!["stage" => stages(), "fit" => thrice("gaussian"), "width" => [1.3; 3]].unwrap(),
            heights: df!["stage" => stages(), "trials_trained" => [1_u64, 2, 3], "height" => values].unwrap(),
            height_tests: df!["samples" => ["unit_checkpoints", "units"], "p_value" => [p_value, 0.9]].unwrap(),
            delay2: df!["stage" => stages(), "mean" => values, "p_value" => [p_value; 3]].unwrap(),
        }
    }

    #[test]
    fn units_are_judged_by_both_tests() {
        let judged = |published: [f64; 3], unbiased: [f64; 3], p_value: f64| {
            let tests = [(Test::Published, published), (Test::Unbiased, unbiased)];
            let evidence = Evidence {
                delayed: Some(tests.map(|(test, values)| delayed_units(test, values))),
                distracted: Some(tests.map(|(test, values)| distracted_units(test, values, p_value))),
                ..Evidence::default()
            };
            judge(&evidence, 20.0).unwrap()
        };
        let (rising, falling) = ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]);
        let claims = judged(rising, rising, 0.01);
        assert_eq!(claims.len(), 2 + 6 + 1 + 3);
        assert!(claims.iter().all(|claim| claim.verdict == Verdict::Agrees), "{claims:?}");
        let claims = judged(rising, falling, 0.01);
        assert!(claims[..8].iter().all(|claim| claim.verdict == Verdict::Agrees));
        assert!(claims[8..11].iter().all(|claim| claim.verdict == Verdict::Differs));
        assert!(claims[9].published.contains("early 1.00, mid 2.00, mature 3.00"));
        let claims = judged(rising, rising, 0.2);
        assert_eq!(verdict(&claims, "delay2 of odrd, last"), Verdict::Differs, "the test does not show it");
        assert_eq!(verdict(&claims, "largest − smallest"), Verdict::Differs);
        assert_eq!(verdict(&claims, "2 σ"), Verdict::Agrees);
        assert!(judged(falling, falling, 0.01)[..5].iter().all(|claim| claim.verdict == Verdict::Differs));
    }

    #[test]
    fn a_run_of_one_memory_rule_has_the_claims_of_that_rule() {
        let units = [Test::Published, Test::Unbiased].map(|test| delayed_units(test, [1.0, 2.0, 3.0]));
        let claims = judge(&Evidence { delayed: Some(units), ..Evidence::default() }, 20.0).unwrap();
        assert_eq!(claims.len(), 3);
        assert!(claims.iter().all(|claim| claim.measure.contains("of odr,")));
    }

    #[test]
    fn without_evidence_there_is_no_claim_and_a_wrong_table_is_named() {
        assert!(judge(&Evidence::default(), 20.0).unwrap().is_empty());
        let wrong = Evidence { distractor: Some(df!["stage" => ["early"]].unwrap()), ..Evidence::default() };
        assert!(judge(&wrong, 20.0).unwrap_err().to_string().contains("distance_degrees"));
    }
}
