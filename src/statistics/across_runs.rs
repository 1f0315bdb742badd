//! Intervals over runs that come one after the other, in memory that does not grow with their number.

use rand::RngExt;

use crate::error::{Error, Result};
use crate::numerics::random::RandomStream;
use crate::seed::Purpose;
use crate::statistics::bootstrap::{FEWEST, MOST, percentile_interval};

/// Resamples of runs, each as many runs drawn with replacement, decided run by run.
///
/// How often each of n runs is drawn in a resample is multinomial, n draws of equal chance. It need not be drawn at
/// once: given how many draws are left when run i comes (counted from 0), the draws that fall on it are binomial of
/// these, with chance 1/(n − i). So only the draws that are left are kept, a number a resample, and the distribution is
/// exact. Which numbers are drawn depends on the seed and on the run's place alone.
///
/// ```
/// use maturation::statistics::{MeanOverRuns, RunResamples};
///
/// let mut resamples = RunResamples::new(2000, 4, 0)?;
/// let mut mean = MeanOverRuns::default();
/// for value in [1.0, 2.0, 3.0, 6.0] {
///     mean.add(resamples.draw(), value);
/// }
/// assert_eq!((mean.runs(), mean.mean()), (4, Some(3.0)));
/// let (low, high) = mean.interval().unwrap();
/// assert!(low < 2.0 && high > 4.0);
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RunResamples {
    seed: u64,
    runs: u64,
    /// Runs that were drawn for.
    place: u64,
    /// Draws left in each resample.
    left: Vec<u64>,
    drawn: Vec<u64>,
}

impl RunResamples {
    /// `count` resamples of so many runs, as the seed decides.
    ///
    /// # Errors
    /// If there are fewer than 100 resamples, or more than 20,000.
    pub fn new(count: usize, runs: u64, seed: u64) -> Result<RunResamples> {
        if !(FEWEST..=MOST).contains(&count) {
            return Err(Error::argument(
                format!("{count} resamples make no good interval"),
                format!("take from {FEWEST} to {MOST}; 1000 is usual"),
            ));
        }
        Ok(RunResamples { seed, runs, place: 0, left: vec![runs; count], drawn: vec![0; count] })
    }

    /// How often the next run is drawn in each resample; never, if all runs have come.
    pub fn draw(&mut self) -> &[u64] {
        let mut stream = RandomStream::new(self.seed, Purpose::RunResamples.stream([self.place, 0]));
        let to_come = self.runs.saturating_sub(self.place);
        for (left, drawn) in self.left.iter_mut().zip(&mut self.drawn) {
            *drawn = if to_come == 0 { 0 } else { binomial(*left, to_come, &mut stream) };
            *left -= *drawn;
        }
        self.place += 1;
        &self.drawn
    }

    /// What [`RunResamples::draw`] gave last.
    pub fn drawn(&self) -> &[u64] {
        &self.drawn
    }

    /// The place of the run that was drawn for last, counted from 0.
    pub fn place(&self) -> u64 {
        self.place.saturating_sub(1)
    }
}

/// How many of `draws` fall on one of `among` runs, by inversion: the cumulative distribution is walked up from 0 until
/// it passes a uniform number. The expected count is about one, and so is the number of steps.
fn binomial(draws: u64, among: u64, stream: &mut RandomStream) -> u64 {
    if among <= 1 || draws == 0 {
        return draws;
    }
    let chance = 1.0 / among as f64;
    let odds = chance / (1.0 - chance);
    let mut probability = (draws as f64 * (-chance).ln_1p()).exp();
    let mut uniform: f64 = stream.random();
    for count in 0..draws {
        if uniform < probability {
            return count;
        }
        uniform -= probability;
        probability *= odds * (draws - count) as f64 / (count + 1) as f64;
    }
    draws
}

/// The mean over runs, its spread and its interval.
#[derive(Clone, Debug, Default)]
pub struct MeanOverRuns {
    runs: u64,
    mean: f64,
    /// The sum of squared deviations from the mean.
    squares: f64,
    smallest: f64,
    largest: f64,
    /// The sum of each resample, and the draws in it.
    sums: Vec<(f64, u64)>,
}

impl MeanOverRuns {
    /// Adds a run, drawn so often in each resample ([`RunResamples::draw`]). A value that is not finite adds nothing.
    pub fn add(&mut self, drawn: &[u64], value: f64) {
        if self.add_alone(value) {
            self.sums.resize(drawn.len(), (0.0, 0));
            for ((sum, draws), drawn) in self.sums.iter_mut().zip(drawn) {
                *sum += *drawn as f64 * value;
                *draws += drawn;
            }
        }
    }

    /// Adds a run whose value in each resample is a sum over draws of its own, and their number ([`NestedUnits`]).
    pub fn add_nested(&mut self, resampled: &[(f64, u64)], value: f64) {
        if self.add_alone(value) {
            self.sums.resize(resampled.len(), (0.0, 0));
            for ((sum, draws), (more, count)) in self.sums.iter_mut().zip(resampled) {
                *sum += more;
                *draws += count;
            }
        }
    }

    /// Welford's step.
    fn add_alone(&mut self, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        self.runs += 1;
        let before = value - self.mean;
        self.mean += before / self.runs as f64;
        self.squares += before * (value - self.mean);
        let is_first = self.runs == 1;
        self.smallest = if is_first { value } else { self.smallest.min(value) };
        self.largest = if is_first { value } else { self.largest.max(value) };
        true
    }

    /// Runs that were added.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// The mean; none of no run.
    pub fn mean(&self) -> Option<f64> {
        (self.runs > 0).then_some(self.mean)
    }

    /// The standard deviation between runs (of a sample, n − 1); none of fewer than two.
    pub fn deviation(&self) -> Option<f64> {
        (self.runs > 1).then(|| (self.squares / (self.runs - 1) as f64).sqrt())
    }

    /// The smallest and the largest value; none of no run.
    pub fn range(&self) -> Option<(f64, f64)> {
        (self.runs > 0).then_some((self.smallest, self.largest))
    }

    /// The interval that holds 95 % of the resampled means; none of fewer than two runs.
    pub fn interval(&self) -> Option<(f64, f64)> {
        let known = self.sums.iter().filter(|(_, draws)| *draws > 0);
        (self.runs > 1).then(|| percentile_interval(known.map(|(sum, draws)| sum / *draws as f64))).flatten()
    }
}

/// The units of a run, and what each contributes to the two means whose difference is looked at.
#[derive(Clone, Debug, Default)]
pub struct NestedUnits {
    /// Units in the network, those that contribute nothing among them.
    pub population: usize,
    /// For each unit that contributes: its number; and at the first and at the second of the two occasions the sum of
    /// its values, and how many these are.
    pub units: Vec<(usize, [(f64, f64); 2])>,
}

impl NestedUnits {
    /// The mean of all values at the second occasion less that at the first; none where one has no value.
    pub fn difference(&self) -> Option<f64> {
        self.weighted(|_| 1.0)
    }

    fn weighted(&self, weight: impl Fn(usize) -> f64) -> Option<f64> {
        let mut totals = [(0.0, 0.0); 2];
        for (unit, values) in &self.units {
            let weight = weight(*unit);
            for (total, value) in totals.iter_mut().zip(values) {
                total.0 += weight * value.0;
                total.1 += weight * value.1;
            }
        }
        let [first, second] = totals.map(|(sum, count)| (count > 0.0).then(|| sum / count));
        Some(second? - first?)
    }
}

/// The second stage of a bootstrap of runs, then of units within runs: for each time that a run is drawn, its units are
/// drawn anew with replacement, as many as the network has, and the difference is taken of them. For each resample, and
/// each of `nested` (several questions about one run share the units drawn), the sum of the differences over draws and
/// the number of draws that have one.
///
/// `drawn` and `place` are those of [`RunResamples`]. The units drawn depend on the seed and on the place alone.
pub fn resample_units(drawn: &[u64], place: u64, nested: &[NestedUnits], seed: u64) -> Vec<Vec<(f64, u64)>> {
    let population = nested.iter().map(|units| units.population).max().unwrap_or(0);
    let mut stream = RandomStream::new(seed, Purpose::UnitsOfRuns.stream([place, 0]));
    let mut sums = vec![vec![(0.0, 0); drawn.len()]; nested.len()];
    let mut weights = vec![0.0; population];
    for (resample, drawn) in drawn.iter().enumerate() {
        for _ in 0..*drawn {
            weights.fill(0.0);
            for _ in 0..population {
                weights[stream.random_range(0..population)] += 1.0;
            }
            for (units, sums) in nested.iter().zip(&mut sums) {
                let weight = |unit: usize| weights.get(unit).copied().unwrap_or(0.0);
                if let Some(difference) = units.weighted(weight) {
                    sums[resample].0 += difference;
                    sums[resample].1 += 1;
                }
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const COUNT: usize = 20_000;

    fn fixture() -> Value {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/analysis/across_runs.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn floats(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    }

    fn mean_of(values: &[f64], seed: u64) -> MeanOverRuns {
        let mut resamples = RunResamples::new(COUNT, values.len() as u64, seed).unwrap();
        let mut mean = MeanOverRuns::default();
        values.iter().for_each(|value| mean.add(resamples.draw(), *value));
        mean
    }

    #[test]
    fn every_resample_draws_as_many_runs_as_there_are_and_each_as_often_as_any_other() {
        for runs in [1, 2, 3, 7, 40] {
            let mut resamples = RunResamples::new(COUNT, runs, 3).unwrap();
            let mut totals = vec![0; COUNT];
            for _ in 0..runs {
                let drawn = resamples.draw();
                totals.iter_mut().zip(drawn).for_each(|(total, drawn)| *total += drawn);
                let mean = drawn.iter().sum::<u64>() as f64 / COUNT as f64;
                let variance = drawn.iter().map(|drawn| (*drawn as f64 - 1.0).powi(2)).sum::<f64>() / COUNT as f64;
                // Of n draws each falls on the run with chance 1/n.
                assert!((mean - 1.0).abs() < 0.03, "{runs} runs: {mean}");
                assert!((variance - (1.0 - 1.0 / runs as f64)).abs() < 0.06, "{runs} runs: {variance}");
            }
            assert!(totals.iter().all(|total| *total == runs));
            assert!(resamples.draw().iter().all(|drawn| *drawn == 0), "all have come");
        }
    }

    #[test]
    fn means_spread_and_intervals_agree_with_numpy_and_scipy() {
        for case in fixture()["means"].as_array().unwrap() {
            let values = floats(&case["values"]);
            let found = mean_of(&values, 5);
            let close = |found: f64, key: &str, tolerance: f64| {
                let expected = case[key].as_f64().unwrap();
                assert!((found - expected).abs() < tolerance, "{key}: {found}, not {expected}");
            };
            close(found.mean().unwrap(), "mean", 1e-12);
            close(found.deviation().unwrap(), "sd", 1e-12);
            // Two samples of 20,000 and 200,000 resamples; the tolerance is a share of the interval.
            let (low, high) = found.interval().unwrap();
            let width = case["high"].as_f64().unwrap() - case["low"].as_f64().unwrap();
            close(low, "low", 0.03 * width);
            close(high, "high", 0.03 * width);
        }
    }

    #[test]
    fn the_distribution_of_resampled_means_is_that_of_all_draws_there_can_be() {
        // Means of three runs, 27 draws of equal chance: enumerated in the script beside the fixture.
        let case = &fixture()["exact"];
        let found = mean_of(&floats(&case["values"]), 1);
        let means: Vec<f64> = found.sums.iter().map(|(sum, draws)| sum / *draws as f64).collect();
        for (value, share) in floats(&case["means"]).into_iter().zip(floats(&case["shares"])) {
            let here = means.iter().filter(|mean| (**mean - value).abs() < 1e-9).count() as f64 / COUNT as f64;
            let error = (share * (1.0 - share) / COUNT as f64).sqrt();
            assert!((here - share).abs() < 4.5 * error, "{value}: {here}, not {share}");
        }
    }

    #[test]
    fn units_within_runs_agree_with_numpy() {
        let case = &fixture()["nested"];
        let population = case["population"].as_u64().unwrap() as usize;
        let runs: Vec<NestedUnits> =
            case["runs"].as_array().unwrap().iter().map(|units| units_of(units, population)).collect();
        let seed = 2;
        let mut resamples = RunResamples::new(COUNT, runs.len() as u64, seed).unwrap();
        let (mut nested, mut runs_alone) = (MeanOverRuns::default(), MeanOverRuns::default());
        for units in &runs {
            let value = units.difference().unwrap();
            let drawn = resamples.draw().to_vec();
            runs_alone.add(&drawn, value);
            let of_units = resample_units(&drawn, resamples.place(), std::slice::from_ref(units), seed);
            nested.add_nested(&of_units[0], value);
        }
        assert!((nested.mean().unwrap() - case["mean"].as_f64().unwrap()).abs() < 1e-12);
        let (low, high) = nested.interval().unwrap();
        let [expected_low, expected_high] = ["low", "high"].map(|key| case[key].as_f64().unwrap());
        let tolerance = 0.03 * (expected_high - expected_low);
        assert!((low - expected_low).abs() < tolerance && (high - expected_high).abs() < tolerance, "{low} {high}");
        let (inner_low, inner_high) = runs_alone.interval().unwrap();
        assert!(high - low > 1.1 * (inner_high - inner_low), "units add to what runs vary by");
    }

    fn units_of(units: &Value, population: usize) -> NestedUnits {
        let of = |unit: &Value| {
            let values = floats(unit);
            (values[0] as usize, [(values[1], values[2]), (values[3], values[4])])
        };
        NestedUnits { population, units: units.as_array().unwrap().iter().map(of).collect() }
    }

    #[test]
    fn the_seed_decides_and_few_runs_or_odd_values_have_no_interval() {
        assert_eq!(mean_of(&[1.0, 2.0, 4.0], 7).interval(), mean_of(&[1.0, 2.0, 4.0], 7).interval());
        assert_ne!(mean_of(&[1.0, 2.0, 4.3], 7).sums, mean_of(&[1.0, 2.0, 4.3], 8).sums);
        let one = mean_of(&[2.0], 0);
        assert_eq!((one.mean(), one.deviation(), one.interval()), (Some(2.0), None, None));
        let mut odd = MeanOverRuns::default();
        odd.add(&[1; 100], f64::NAN);
        assert_eq!((odd.runs(), odd.mean(), odd.range()), (0, None, None));
        assert!(RunResamples::new(10, 3, 0).unwrap_err().to_string().contains("10 resamples"));
        let without = NestedUnits { population: 3, units: vec![(0, [(1.0, 1.0), (0.0, 0.0)])] };
        assert_eq!(without.difference(), None);
        assert_eq!(resample_units(&[1, 2], 0, &[without], 0), [[(0.0, 0), (0.0, 0)]]);
    }
}
