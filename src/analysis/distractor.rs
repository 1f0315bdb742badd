//! How a distractor's distance from the stimulus changes the response.

use std::collections::BTreeMap;
use std::sync::Arc;

use polars::prelude::*;

use crate::analysis::saccade::{BINS, SaccadeHistogram, bin_columns};
use crate::analysis::stages::Span;
use crate::analysis::survey::{Asked, Batches, Need, Survey};
use crate::error::{Error, Result};
use crate::readout::{Readout, ReadoutOptions};
use crate::tasks::{Condition, Ring, Rule};
use crate::training::{Answer, Run, Selection, Stage, Visited};

/// How the pairs of locations are read out. The default is as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistractorOptions {
    /// Trials of each pair of a stimulus and a distractor location; they differ by the noise of the units alone.
    pub repeats: usize,
}

impl Default for DistractorOptions {
    fn default() -> Self {
        DistractorOptions { repeats: 128 }
    }
}

/// What a distractor does to the response, by stage and by its distance from the stimulus.
///
/// Checkpoints are added one by one, and only counts are kept.
#[derive(Clone, Debug)]
pub struct Distractor {
    locations: usize,
    stages: BTreeMap<Stage, StageCounts>,
    spans: BTreeMap<Stage, Span>,
}

/// The counts of a stage.
#[derive(Clone, Debug)]
struct StageCounts {
    /// Right answers and trials of each pair, stimulus by stimulus.
    pairs: Vec<(u64, u64)>,
    /// The performance at each distance of each checkpoint: the mean over its pairs.
    checkpoints: Vec<Vec<f64>>,
    /// At each distance.
    saccades: Vec<SaccadeHistogram>,
}

impl Distractor {
    /// No checkpoint yet, of a ring of so many locations.
    pub fn new(locations: usize) -> Distractor {
        Distractor { locations, stages: BTreeMap::new(), spans: BTreeMap::new() }
    }

    /// Number of distances: from 0 to half the ring.
    fn distances(&self) -> usize {
        self.locations / 2 + 1
    }

    /// The distance of two locations, in locations.
    fn distance(&self, pair: usize) -> usize {
        let apart = (pair / self.locations).abs_diff(pair % self.locations);
        apart.min(self.locations - apart)
    }

    fn degrees(&self, distance: usize) -> f64 {
        distance as f64 * 360.0 / self.locations as f64
    }

    /// Adds a checkpoint of a stage: the answers to the trials of each pair, those of stimulus s and distractor d at
    /// place s·locations + d.
    ///
    /// # Errors
    /// If there are more or fewer pairs, or one of them has no trial.
    pub fn add(&mut self, stage: Stage, answers: &[Vec<Answer>]) -> Result<()> {
        let count = self.locations * self.locations;
        if answers.len() != count || answers.iter().any(Vec::is_empty) {
            return Err(Error::argument(
                format!("there are answers to {} pairs of a stimulus and a distractor", answers.len()),
                format!("give one trial or more for each of the {count} pairs"),
            ));
        }
        let distances = self.distances();
        let mut sums = vec![(0.0, 0_u32); distances];
        let of_pair: Vec<usize> = (0..count).map(|pair| self.distance(pair)).collect();
        let counts = self.stages.entry(stage).or_insert_with(|| StageCounts {
            pairs: vec![(0, 0); count],
            checkpoints: Vec::new(),
            saccades: vec![SaccadeHistogram::default(); distances],
        });
        for ((answers, pair), distance) in answers.iter().zip(&mut counts.pairs).zip(of_pair) {
            let right = answers.iter().filter(|answer| answer.correct).count();
            pair.0 += right as u64;
            pair.1 += answers.len() as u64;
            sums[distance].0 += right as f64 / answers.len() as f64;
            sums[distance].1 += 1;
            answers.iter().for_each(|answer| counts.saccades[distance].add(answer));
        }
        counts.checkpoints.push(sums.into_iter().map(|(sum, pairs)| sum / f64::from(pairs)).collect());
        Ok(())
    }

    /// Reads out a checkpoint of a run that is visited for rule odrd, and adds it. Every pair meets noise of its own.
    ///
    /// # Errors
    /// If the checkpoint cannot be read, its network has another ring or does not know the distractor rule, the run's
    /// log does not have it, or an option is 0.
    pub fn read(&mut self, visited: &Visited, options: &DistractorOptions, readout: &mut Readout) -> Result<()> {
        let pairs = options.pairs(visited.run().hyperparameters().n_eachring)?;
        self.take(visited, &readout.answers(&visited.checkpoint, Rule::ODRD, &pairs)?)
    }

    /// Adds a checkpoint of a run, which has answered so.
    fn take(&mut self, visited: &Visited, answers: &[Vec<Answer>]) -> Result<()> {
        let stage = visited.stage_of(Rule::ODRD)?;
        self.add(stage, answers)?;
        self.spans.entry(stage).or_default().add(visited);
        Ok(())
    }

    /// The performance at each distance of the distractor from the stimulus.
    ///
    /// Columns: stage; checkpoints, their number at that stage; distance_degrees, the distance; pairs, the number of
    /// pairs of locations that far apart; trials; performance, the mean over pairs and checkpoints;
    /// performance_deviation, its standard deviation between checkpoints (null for one); fixating, trials that still
    /// fixate at the end; response_degrees, the mean distance of the other trials' response from the target (null if
    /// there is none); first_trials and last_trials, the trials trained at the stage's first and last checkpoint;
    /// stage_window, the evaluations that the performance is averaged over to decide the stage. A stage without
    /// checkpoints has no rows.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn performance(&self) -> Result<DataFrame> {
        let mut stages = Vec::new();
        let (mut checkpoints, mut pairs, mut trials) = (Vec::new(), Vec::new(), Vec::new());
        let (mut distances, mut performance, mut deviation) = (Vec::new(), Vec::new(), Vec::new());
        let (mut fixating, mut response, mut spans) = (Vec::new(), Vec::new(), Vec::new());
        for (stage, counts) in &self.stages {
            for distance in 0..self.distances() {
                let at = (0..counts.pairs.len()).filter(|pair| self.distance(*pair) == distance);
                let at: Vec<(u64, u64)> = at.map(|pair| counts.pairs[pair]).collect();
                let values: Vec<f64> = counts.checkpoints.iter().map(|values| values[distance]).collect();
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
                stages.push(stage.name());
                checkpoints.push(values.len() as u32);
                distances.push(self.degrees(distance));
                pairs.push(at.len() as u32);
                trials.push(at.iter().map(|(_, trials)| trials).sum::<u64>());
                performance.push(mean);
                deviation.push((values.len() > 1).then(|| (squares / (values.len() - 1) as f64).sqrt()));
                fixating.push(counts.saccades[distance].fixating.iter().sum::<u64>());
                response.push(counts.saccades[distance].mean());
                spans.push(self.spans.get(stage).copied().unwrap_or_default());
            }
        }
        let table = df![
            "stage" => stages,
            "checkpoints" => checkpoints,
            "distance_degrees" => distances,
            "pairs" => pairs,
            "trials" => trials,
            "performance" => performance,
            "performance_deviation" => deviation,
            "fixating" => fixating,
            "response_degrees" => response,
        ];
        table
            .and_then(|table| table.hstack(&Span::columns(&spans)))
            .map_err(Error::table("making the table of performance with a distractor"))
    }

    /// The performance of each pair.
    ///
    /// Columns: stage, stimulus and distractor (locations), trials, performance.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn pairs(&self) -> Result<DataFrame> {
        let rows: Vec<(&str, usize, u64, u64)> = (self.stages.iter())
            .flat_map(|(stage, counts)| {
                counts.pairs.iter().enumerate().map(|(pair, (right, trials))| (stage.name(), pair, *right, *trials))
            })
            .collect();
        df![
            "stage" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "stimulus" => rows.iter().map(|row| (row.1 / self.locations) as u32).collect::<Vec<_>>(),
            "distractor" => rows.iter().map(|row| (row.1 % self.locations) as u32).collect::<Vec<_>>(),
            "trials" => rows.iter().map(|row| row.3).collect::<Vec<_>>(),
            "performance" => rows.iter().map(|row| row.2 as f64 / row.3 as f64).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("making the table of pairs of stimulus and distractor"))
    }

    /// How far from the target responses end at each distance.
    ///
    /// Columns: stage, checkpoints, distance_degrees (of the distractor from the stimulus), then as
    /// [`saccade`](crate::analysis::saccade()): from_degrees, to_degrees, trials, fixating, share (of the responding
    /// trials at that stage and distance), first_trials, last_trials and stage_window.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn saccades(&self) -> Result<DataFrame> {
        let (mut stages, mut checkpoints, mut distances) = (Vec::new(), Vec::new(), Vec::new());
        let (mut rows, mut spans) = (Vec::new(), Vec::new());
        for (stage, counts) in &self.stages {
            for (distance, histogram) in counts.saccades.iter().enumerate() {
                rows.extend(histogram.rows());
                stages.extend([stage.name(); BINS]);
                spans.extend([self.spans.get(stage).copied().unwrap_or_default(); BINS]);
                checkpoints.extend([counts.checkpoints.len() as u32; BINS]);
                distances.extend([self.degrees(distance); BINS]);
            }
        }
        let mut columns = vec![
            Column::new("stage".into(), stages),
            Column::new("checkpoints".into(), checkpoints),
            Column::new("distance_degrees".into(), distances),
        ];
        columns.extend(bin_columns(&rows));
        columns.extend(Span::columns(&spans));
        DataFrame::new(rows.len(), columns).map_err(Error::table("making the table of responses with a distractor"))
    }
}

/// What the distractor of the distractor task (rule odrd) does to the response, over all pairs of a stimulus and a
/// distractor location, by stage (paper: distractor effect).
///
/// ```
/// use maturation::analysis::{DistractorOptions, distractor};
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let options = DistractorOptions { repeats: 1 };
/// let table = distractor(&run, Selection::Last, &options, &ReadoutOptions::default())?.performance()?;
/// assert_eq!(table.height(), 5);
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If there is no such checkpoint, the run was not trained on rule odrd, or an option is 0.
pub fn distractor(
    run: &Run,
    checkpoints: impl Into<Selection>,
    options: &DistractorOptions,
    readout: &ReadoutOptions,
) -> Result<Distractor> {
    Survey::alone(run, readout, |survey| survey.distractor(checkpoints, options))
}

impl Survey<'_> {
    /// Asks for what [`distractor`] finds.
    pub(crate) fn distractor(
        &mut self,
        checkpoints: impl Into<Selection>,
        options: &DistractorOptions,
    ) -> Result<Asked<Distractor>> {
        self.run().check_trained(Rule::ODRD)?;
        let locations = self.run().hyperparameters().n_eachring;
        let need = Need::Answers(Rule::ODRD, Batches::Of(Arc::new(options.pairs(locations)?)));
        self.ask((checkpoints, Rule::ODRD), [need.clone()], Distractor::new(locations), move |found, seen| {
            found.take(&seen.visited, seen.answers(&need)?)
        })
    }
}

impl DistractorOptions {
    /// The trials of each pair of locations, a batch a pair, stimulus by stimulus.
    fn pairs(&self, locations: usize) -> Result<Vec<Vec<Condition>>> {
        if self.repeats == 0 {
            return Err(Error::argument("0 trials of each pair are none", "use 1 or more"));
        }
        let ring = Ring::new(locations);
        let pairs = (ring.preferred().iter())
            .flat_map(|stimulus| ring.preferred().iter().map(|distractor| (*stimulus, *distractor)))
            .map(|(stimulus, distractor)| vec![Condition::with_distractor(stimulus, distractor); self.repeats]);
        Ok(pairs.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::golden;
    use crate::hyperparameters::Hyperparameters;
    use crate::tasks::{Mode, Trials};
    use crate::training::answers;

    fn numbers(table: &DataFrame, name: &str) -> Vec<f64> {
        table.column(name).unwrap().cast(&DataType::Float64).unwrap().f64().unwrap().iter().flatten().collect()
    }

    /// An answer that is right or not.
    fn answer(correct: bool) -> Answer {
        Answer { fixation: 0.0, direction: Some(0.0), distance: Some(if correct { 0.1 } else { 2.0 }), correct }
    }

    #[test]
    fn agrees_with_the_published_system() {
        let expected = golden::json("distractor");
        let outputs = golden::outputs("odrd");
        let answers: Vec<Vec<Answer>> = (outputs.iter().enumerate())
            .map(|(pair, outputs)| {
                let mode = Mode::TestPair { stimulus: pair / 8, distractor: pair % 8 };
                answers(&Trials::test(&Hyperparameters::paper(), Rule::ODRD, mode).unwrap(), outputs).unwrap()
            })
            .collect();
        let mut distractor = Distractor::new(8);
        distractor.add(Stage::Mature, &answers).unwrap();

        let table = distractor.performance().unwrap();
        assert_eq!(serde_json::json!(numbers(&table, "performance")), expected["performance"]);
        assert_eq!(numbers(&table, "distance_degrees"), [0.0, 45.0, 90.0, 135.0, 180.0]);
        assert_eq!(numbers(&table, "pairs"), [8.0, 16.0, 16.0, 16.0, 8.0]);
        assert_eq!(numbers(&table, "trials"), [1024.0, 2048.0, 2048.0, 2048.0, 1024.0]);
        assert_eq!(table.column("performance_deviation").unwrap().null_count(), 5, "there is one checkpoint");
        for (found, expected) in
            numbers(&table, "response_degrees").iter().zip(golden::floats(&expected["mean_degrees"]))
        {
            golden::within(golden::relative(*found, expected.unwrap()), 1e-6, found);
        }
        let pairs = numbers(&distractor.pairs().unwrap(), "performance");
        for (found, expected) in pairs.chunks(8).zip(expected["pairs"].as_array().unwrap()) {
            assert_eq!(serde_json::json!(found), *expected);
        }
        let counts = numbers(&distractor.saccades().unwrap(), "trials");
        assert_eq!(counts.len(), 5 * BINS);
        for (found, expected) in counts.chunks(BINS).zip(expected["counts"].as_array().unwrap()) {
            assert_eq!(found, golden::floats(expected).into_iter().flatten().collect::<Vec<_>>());
        }
    }

    #[test]
    fn distances_go_round_a_ring_of_any_size() {
        for (locations, expected) in
            [(1, vec![1.0]), (2, vec![2.0, 2.0]), (5, vec![5.0, 10.0, 10.0]), (6, vec![6.0, 12.0, 12.0, 6.0])]
        {
            let mut distractor = Distractor::new(locations);
            // Right where stimulus and distractor are in one place.
            let answers: Vec<Vec<Answer>> =
                (0..locations * locations).map(|pair| vec![answer(pair / locations == pair % locations); 3]).collect();
            distractor.add(Stage::Early, &answers).unwrap();
            let table = distractor.performance().unwrap();
            assert_eq!(numbers(&table, "pairs"), expected);
            let performance = numbers(&table, "performance");
            assert_eq!(performance[0], 1.0);
            assert!(performance[1..].iter().all(|performance| *performance == 0.0));
        }
    }

    #[test]
    fn checkpoints_of_a_stage_are_averaged() {
        let mut distractor = Distractor::new(2);
        for right in [true, false, false] {
            distractor.add(Stage::Mid, &vec![vec![answer(right); 4]; 4]).unwrap();
        }
        let table = distractor.performance().unwrap();
        assert_eq!(numbers(&table, "performance"), [1.0 / 3.0; 2]);
        for deviation in numbers(&table, "performance_deviation") {
            assert!((deviation - (1.0_f64 / 3.0).sqrt()).abs() < 1e-12, "{deviation}");
        }
        assert_eq!((numbers(&table, "checkpoints"), numbers(&table, "trials")), (vec![3.0; 2], vec![24.0; 2]));
    }

    #[test]
    fn missing_pairs_are_refused_and_no_checkpoint_is_an_empty_table() {
        let mut distractor = Distractor::new(8);
        for answers in [vec![vec![answer(true)]; 63], vec![vec![]; 64]] {
            let message = distractor.add(Stage::Mid, &answers).unwrap_err().to_string();
            assert!(message.contains("64 pairs"), "{message}");
        }
        for (table, width) in [
            (distractor.performance().unwrap(), 12),
            (distractor.pairs().unwrap(), 5),
            (distractor.saccades().unwrap(), 11),
        ] {
            assert_eq!((table.height(), table.width()), (0, width));
        }
    }
}
