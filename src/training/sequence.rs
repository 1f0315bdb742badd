//! Rules that are trained one after the other: `rule_stages`.

use crate::hyperparameters::Hyperparameters;
use crate::tasks::Rule;
use crate::training::log::{Log, LogEntry};

/// The stages of a training run: each trains some rules until the worst of them is above `target_perf`. Without
/// `rule_stages` there is one, of all rules.
pub(super) struct Sequence<'a> {
    stages: Vec<&'a [Rule]>,
    target: f64,
}

impl<'a> Sequence<'a> {
    /// Those of a run with these hyper-parameters.
    pub(super) fn of(hyperparameters: &'a Hyperparameters) -> Self {
        let stages = match &hyperparameters.rule_stages {
            Some(stages) => stages.iter().map(Vec::as_slice).collect(),
            None => vec![hyperparameters.rule_trains.as_slice()],
        };
        Sequence { stages, target: hyperparameters.target_perf }
    }

    /// The rules of a stage, counted from 0.
    pub(super) fn rules(&self, stage: usize) -> &'a [Rule] {
        self.stages[stage]
    }

    /// The stage that training is at after these evaluations, and whether the last of them has passed the last stage.
    pub(super) fn after(&self, log: &Log) -> (usize, bool) {
        self.walk(log).last().map_or((0, false), |(_, after, passed)| (*after, *passed))
    }

    /// The stage that led to each evaluation, the one after it, and whether it has passed the last one.
    pub(super) fn walk(&self, log: &Log) -> Vec<(usize, usize, bool)> {
        let mut stage = 0;
        let step = |entry: &LogEntry| {
            let before = stage;
            let worst =
                self.stages[stage].iter().filter_map(|rule| entry.performance(*rule)).fold(f64::INFINITY, f64::min);
            let above = worst > self.target;
            let last = stage + 1 == self.stages.len();
            if above && !last {
                stage += 1;
            }
            (before, stage, above && last)
        };
        log.entries.iter().map(step).collect()
    }

    /// The stage that training is at, for people; nothing where there is only one.
    pub(super) fn describe(&self, log: &Log) -> Option<String> {
        let (stage, _) = self.after(log);
        let rules = self.stages[stage].iter().map(Rule::to_string).collect::<Vec<_>>().join(", ");
        (self.stages.len() > 1).then(|| format!("stage {} of {}: {rules}", stage + 1, self.stages.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::Evaluation;

    #[test]
    fn a_stage_ends_with_the_evaluation_that_passes_it_and_none_is_taken_back() {
        let hyperparameters = Hyperparameters {
            rule_trains: vec![Rule::ODR, Rule::GAP],
            rule_stages: Some(vec![vec![Rule::ODR], vec![Rule::GAP]]),
            target_perf: 0.9,
            ..Hyperparameters::paper()
        };
        let sequence = Sequence::of(&hyperparameters);
        let mut log = Log::default();
        assert_eq!(sequence.after(&log), (0, false));
        // Odr and gap at each evaluation, then the stage after it and whether all is done.
        let course = [
            (0.2, 0.95, 0, false),
            (0.95, 0.2, 1, false),
            (0.1, 0.5, 1, false),
            (0.1, 0.95, 1, true),
            (0.9, 0.1, 1, false),
        ];
        for (place, (odr, gap, stage, done)) in course.into_iter().enumerate() {
            let of = |rule, performance| Evaluation { rule, cost: 1.0, regularisation_cost: 0.0, performance };
            let rules = vec![of(Rule::ODR, odr), of(Rule::GAP, gap)];
            log.entries.push(LogEntry { trials_trained: place as u64, seconds: 0.0, rules });
            assert_eq!(sequence.after(&log), (stage, done), "{place}");
        }
        assert_eq!(sequence.describe(&log).unwrap(), "stage 2 of 2: gap");
        assert_eq!(Sequence::of(&Hyperparameters::paper()).describe(&log), None);
    }
}
