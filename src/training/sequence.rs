//! Where training is in its curriculum.

use crate::hyperparameters::{CurriculumStage, Hyperparameters};
use crate::training::log::{Log, LogEntry};

/// The stages of a training run: each trains some rules until the worst of them is above a performance. Without
/// `curriculum` there is one, of all rules.
pub(super) struct Sequence {
    stages: Vec<CurriculumStage>,
    target: f64,
}

impl Sequence {
    /// Those of a run with these hyper-parameters.
    pub(super) fn of(hyperparameters: &Hyperparameters) -> Self {
        let all = || vec![CurriculumStage::of(&hyperparameters.rule_trains)];
        let stages = hyperparameters.curriculum.clone().filter(|stages| !stages.is_empty()).unwrap_or_else(all);
        Sequence { stages, target: hyperparameters.target_perf }
    }

    /// A stage, counted from 0.
    pub(super) fn stage(&self, stage: usize) -> &CurriculumStage {
        &self.stages[stage]
    }

    /// The performance that ends a stage.
    pub(super) fn target(&self, stage: usize) -> f64 {
        self.stages[stage].target_perf.unwrap_or(self.target)
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
            let rules = self.stages[stage].rules.iter();
            let worst = || rules.filter_map(|rule| entry.performance(*rule)).fold(f64::INFINITY, f64::min);
            let above = entry.stage_performance.unwrap_or_else(worst) > self.target(stage);
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
        (self.stages.len() > 1).then(|| format!("stage {} of {}: {}", stage + 1, self.stages.len(), self.stages[stage]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::Rule;
    use crate::training::Evaluation;

    #[test]
    fn a_stage_ends_with_the_evaluation_that_passes_it_and_none_is_taken_back() {
        let hyperparameters = Hyperparameters {
            rule_trains: vec![Rule::ODR, Rule::GAP],
            curriculum: Some(vec![CurriculumStage::of(&[Rule::ODR]), CurriculumStage::of(&[Rule::GAP])]),
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
            log.entries.push(LogEntry { trials_trained: place as u64, seconds: 0.0, rules, stage_performance: None });
            assert_eq!(sequence.after(&log), (stage, done), "{place}");
        }
        assert_eq!(sequence.describe(&log).unwrap(), "stage 2 of 2: gap");
        // What the stage itself was graded on comes first.
        log.entries.truncate(1);
        log.entries[0].stage_performance = Some(0.91);
        assert_eq!(sequence.after(&log), (1, false));
        assert_eq!(Sequence::of(&Hyperparameters::paper()).describe(&log), None);
    }
}
