//! How well a network does a rule.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use ndarray::{Array3, ArrayView1, Axis, s};

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::{Engine, Network, SweepNoise, WeightCost};
use crate::numerics::random::{Noise, RandomStream};
use crate::seed::Purpose;
use crate::tasks::{
    Condition, DescribesTrials, DrawnTrials, Epoch, FIXATING, Ring, Rule, Said, Spares, Trials, circular_distance,
};
use crate::training::batches::{Batch, Makers};

pub use crate::tasks::TOLERANCE;

/// How a network answered one trial, at its last time step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// The fixation output.
    pub fixation: f32,
    /// The direction of the response ring's population vector, radians; `None` if the outputs are not finite.
    pub direction: Option<f64>,
    /// Distance from that direction to the required response, radians; `None` if the trial asks to keep fixating.
    pub distance: Option<f64>,
    /// Whether the answer is right: no longer fixating and within 36° of the target, or still fixating where the trial
    /// asks for that; a task of a user's own may have it otherwise.
    pub correct: bool,
}

impl Answer {
    /// Whether the network still fixates, so that the direction is no response.
    pub fn fixating(&self) -> bool {
        self.fixation > FIXATING
    }
}

/// Grades outputs, (time, trial, output), at the trials' last time step.
///
/// # Errors
/// If there is no trial, or the outputs are of no time step, or of other trials or outputs than the targets.
pub fn answers(trials: &Trials, outputs: &Array3<f32>) -> Result<Vec<Answer>> {
    trials.check()?;
    let required = |trial: usize| trials.required_response(trials.steps() - 1, trial);
    graded(trials.rule, &trials.conditions, required, trials.targets.len_of(Axis(2)), outputs)
}

/// The same of trials whose arrays an engine has made.
fn answers_to_drawn(trials: &DrawnTrials, outputs: &Array3<f32>) -> Result<Vec<Answer>> {
    let required = |trial: usize| trials.required_response(trial);
    graded(trials.rule(), trials.conditions(), required, trials.outline().outputs, outputs)
}

/// Grades outputs, so many a trial, of trials with these conditions; `required` tells the response that each requires
/// at its last time step.
fn graded(
    rule: Rule,
    conditions: &[Condition],
    required: impl Fn(usize) -> Option<f64>,
    width: usize,
    outputs: &Array3<f32>,
) -> Result<Vec<Answer>> {
    // Of what the network did before the last step nothing need be there.
    let expected = (outputs.len_of(Axis(0)).max(1), conditions.len(), width.max(1));
    if outputs.dim() != expected {
        let expected = [expected.0, expected.1, expected.2];
        return Err(Error::shape("grading of a batch", "outputs", outputs.shape(), &expected));
    }
    let ring = Ring::new(outputs.len_of(Axis(2)) - 1);
    let last = outputs.index_axis(Axis(0), outputs.len_of(Axis(0)) - 1);
    let answer = |(trial, outputs): (usize, ArrayView1<'_, f32>)| {
        let fixation = outputs[0];
        let direction = ring.population_vector(&outputs.slice(s![1..]).to_vec());
        let required = required(trial);
        let distance = required.zip(direction).map(|(required, direction)| circular_distance(required, direction));
        let said = Said { fixation, direction };
        let condition = &conditions[trial];
        let correct = match condition.response == required {
            true => rule.task().correct(condition, said),
            // What the trial would ask for is asked for at no time.
            false => rule.task().correct(&Condition { response: required, ..condition.clone() }, said),
        };
        Answer { fixation, direction, distance, correct }
    };
    Ok(last.outer_iter().enumerate().map(answer).collect())
}

/// The share of right answers.
pub fn performance(answers: &[Answer]) -> f64 {
    answers.iter().filter(|answer| answer.correct).count() as f64 / answers.len().max(1) as f64
}

/// A network's evaluation on one rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// The rule.
    pub rule: Rule,
    /// Task cost.
    pub cost: f64,
    /// Cost of the regularisers.
    pub regularisation_cost: f64,
    /// Share of right answers.
    pub performance: f64,
}

/// Evaluates a network on `batch_size_test` random trials of each rule, with input and recurrent noise.
///
/// The trials come from a stream of their own, decided by the seed, the trials trained so far and the rule, so that
/// evaluating changes nothing in the training. Nothing of their history is kept but what is graded, and the trials of
/// one rule are drawn while the network does those of the rule before.
pub fn evaluate(
    network: &Network,
    rules: &[Rule],
    trials_trained: u64,
    weight_cost: &WeightCost,
    engine: &mut dyn Engine,
) -> Result<Vec<Evaluation>> {
    evaluate_lasting(&[], network, rules, trials_trained, weight_cost, engine, &Spares::default())
}

/// The same, on trials in which these epochs last so many ms, in memory that is kept for the next evaluation.
pub(crate) fn evaluate_lasting(
    lengths: &[(Epoch, f64)],
    network: &Network,
    rules: &[Rule],
    trials_trained: u64,
    weight_cost: &WeightCost,
    engine: &mut dyn Engine,
    spares: &Spares,
) -> Result<Vec<Evaluation>> {
    let hyperparameters: &Hyperparameters = network.hyperparameters();
    let of_weights = weight_cost.evaluate(network)?;
    thread::scope(|scope| {
        let makers = Makers::of(engine, network);
        let made: Vec<Receiver<Result<Batch>>> = (0..makers.threads)
            .map(|place| {
                let (send, made) = sync_channel(0);
                scope.spawn(move || {
                    for rule in rules.iter().skip(place).step_by(makers.threads) {
                        let drawn = draw(hyperparameters, lengths, *rule, trials_trained);
                        // Nobody listens any more where an earlier rule has failed.
                        if send.send(drawn.and_then(|drawn| makers.batch(drawn, spares))).is_err() {
                            return;
                        }
                    }
                });
                made
            })
            .collect();
        let evaluate_rule = |(rule, made): (&Rule, &Receiver<Result<Batch>>)| {
            let ended = || Error::argument("a thread that makes trials has ended", "evaluate again");
            let trials = made.recv().map_err(|_| ended())??;
            let noise =
                Noise::new(hyperparameters.seed, Purpose::EvaluationNoise.stream([trials_trained, rule.stream()]));
            let (cost, outputs) = trials.grade(engine, network, SweepNoise::Gaussian { noise, step: 0 })?;
            let answers = match &trials {
                Batch::Made(trials) => answers(trials, &outputs)?,
                Batch::Drawn(trials) => answers_to_drawn(trials, &outputs)?,
            };
            let performance = performance(&answers);
            trials.give_back(spares);
            let regularisation_cost = cost.activity + cost.extra + of_weights;
            Ok(Evaluation { rule: *rule, cost: cost.task, regularisation_cost, performance })
        };
        rules.iter().zip(made.iter().cycle()).map(evaluate_rule).collect()
    })
}

/// The trials that a rule is evaluated on.
fn draw(
    hyperparameters: &Hyperparameters,
    lengths: &[(Epoch, f64)],
    rule: Rule,
    trials_trained: u64,
) -> Result<DrawnTrials> {
    let seed = hyperparameters.seed;
    let parts = [trials_trained, rule.stream()];
    let mut stream = RandomStream::new(seed, Purpose::EvaluationTrials.stream(parts));
    let settings = hyperparameters.trial_settings()?.with_lengths(lengths);
    let trials = DrawnTrials::random(&settings, rule, hyperparameters.batch_size_test, &mut stream)?;
    let noise = Noise::new(seed, Purpose::EvaluationInput.stream(parts));
    Ok(trials.with_input_noise(hyperparameters.input_noise(), noise, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::{Encoding, Mode};

    /// One trial of each given response, answered with a bump at `said` and a fixation output.
    fn graded(required: Option<f64>, said: f64, fixation: f32) -> Answer {
        let hyperparameters = Hyperparameters::paper();
        let condition = Condition { response: required, ..Condition::delayed_response(1.0) };
        let trials = Trials::from_conditions(&hyperparameters, Rule::GAP, vec![condition]).unwrap();
        let mut outputs = trials.targets.clone();
        let last = trials.steps() - 1;
        outputs[[last, 0, 0]] = fixation;
        for (channel, value) in Ring::new(8).encode(said, Encoding::Bump).into_iter().enumerate() {
            outputs[[last, 0, 1 + channel]] = value;
        }
        answers(&trials, &outputs).unwrap()[0]
    }

    #[test]
    fn outputs_of_other_trials_are_not_graded() {
        let trials = Trials::test(&Hyperparameters::paper(), Rule::GAP, Mode::Test).unwrap();
        let (steps, count, channels) = trials.targets.dim();
        for shape in
            [(0, count, channels), (steps, count - 1, channels), (steps, count + 1, channels), (steps, count, 0)]
        {
            let message = answers(&trials, &Array3::zeros(shape)).unwrap_err().to_string();
            assert!(message.contains("grading of a batch: `outputs`"), "{message}");
        }
        let none = Trials { conditions: Vec::new(), ..trials.clone() };
        assert!(answers(&none, &trials.targets).unwrap_err().to_string().contains("0 trials"));
        assert!(none.table().unwrap_err().to_string().contains("0 trials"));
        let fewer = Trials { conditions: trials.conditions[1..].to_vec(), ..trials.clone() };
        assert!(fewer.table().unwrap_err().to_string().contains("`inputs`"));
        assert_eq!(trials.required_response(steps - 1, count), None);
    }

    #[test]
    fn a_response_is_right_within_36_degrees_and_after_fixation() {
        let degrees = |degrees: f64| degrees.to_radians();
        assert!(graded(Some(degrees(10.0)), degrees(-25.0), 0.1).correct);
        assert!(!graded(Some(degrees(10.0)), degrees(-27.0), 0.1).correct);
        assert!(!graded(Some(degrees(10.0)), degrees(10.0), 0.6).correct);
        assert!(graded(None, 0.0, 0.6).correct);
        assert!(!graded(None, 0.0, 0.4).correct);
        let distance = graded(Some(degrees(350.0)), degrees(20.0), 0.1).distance.unwrap();
        assert!((distance.to_degrees() - 30.0).abs() < 0.6, "{distance}");
    }

    #[test]
    fn outputs_that_are_not_numbers_are_wrong() {
        assert!(!graded(Some(1.0), f64::NAN, 0.1).correct);
        assert!(!graded(Some(1.0), 1.0, f32::NAN).correct);
        assert!(!graded(None, 1.0, f32::NAN).correct);
    }

    #[test]
    fn guessing_is_right_one_time_in_five() {
        let right = (0..3600).filter(|k| graded(Some(1.0), f64::from(*k).to_radians() / 10.0, 0.0).correct).count();
        assert!((right as f64 / 3600.0 - 0.2).abs() < 0.01, "{right}");
    }
}
