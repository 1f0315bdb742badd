//! One way through the checkpoints of a run, for everything that looks at one after the other.

use crate::environment::Interruption;
use crate::error::{Error, Result};
use crate::tasks::Rule;
use crate::training::{Checkpoint, Run, Selection, Stage};

/// The way through some of a run's checkpoints, in the order of training; made by [`Run::visit`].
///
/// In a notebook, interrupting the kernel ends it with an [interruption](Error::is_interrupted) in place of the next
/// checkpoint.
#[derive(Debug)]
pub struct Visit<'a> {
    run: &'a Run,
    rule: Rule,
    checkpoints: std::vec::IntoIter<Checkpoint>,
    interruption: Interruption,
}

/// A checkpoint on the way through a run.
#[derive(Clone, Debug)]
pub struct Visited<'a> {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    run: &'a Run,
    rule: Rule,
}

impl Run {
    /// Goes through the checkpoints that are meant, with the stage of `rule` at each. Most analyses of one's own begin
    /// here.
    ///
    /// ```
    /// use maturation::prelude::*;
    ///
    /// let run = Run::open("data/6tasks")?;
    /// let mut readout = Readout::new(ReadoutOptions::default())?;
    /// for visited in run.visit(Selection::Between(440_000, 460_000), Rule::GAP)? {
    ///     let visited = visited?;
    ///     let rate = readout.activity(&visited.checkpoint, Rule::GAP)?.rates.mean().unwrap_or(0.0);
    ///     println!("{} after {} trials: {rate:.2}", visited.stage()?, visited.trials_trained());
    /// }
    /// # Ok::<(), maturation::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Run::selected`].
    pub fn visit(&self, checkpoints: impl Into<Selection>, rule: Rule) -> Result<Visit<'_>> {
        let checkpoints = self.selected(checkpoints, rule)?.into_iter();
        Ok(Visit { run: self, rule, checkpoints, interruption: Interruption::watch() })
    }
}

impl<'a> Iterator for Visit<'a> {
    type Item = Result<Visited<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let checkpoint = self.checkpoints.next()?;
        let visited = Visited { checkpoint, run: self.run, rule: self.rule };
        Some(self.interruption.check().map(|()| visited))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.checkpoints.size_hint()
    }
}

impl ExactSizeIterator for Visit<'_> {}

impl<'a> Visited<'a> {
    /// The run.
    pub fn run(&self) -> &'a Run {
        self.run
    }

    /// Trials trained before the checkpoint.
    pub fn trials_trained(&self) -> u64 {
        self.checkpoint.trials_trained()
    }

    /// The stage of the rule that the run is visited for, told as [`Run::staging`] has it.
    ///
    /// # Errors
    /// If the log has no performance on the rule there.
    pub fn stage(&self) -> Result<Stage> {
        self.stage_of(self.rule)
    }

    /// The same of another rule.
    ///
    /// # Errors
    /// As [`Visited::stage`].
    pub fn stage_of(&self, rule: Rule) -> Result<Stage> {
        let trials = self.trials_trained();
        self.run.stage_at(rule, trials).ok_or_else(|| {
            let path = self.run.path().display();
            let what = format!("the log of `{path}` has no performance on `{rule}` after {trials} trials");
            Error::argument(what, "choose a rule and checkpoints that the log has")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::interrupted;

    fn shipped() -> Run {
        Run::open(concat!(env!("CARGO_MANIFEST_DIR"), "/data/6tasks")).unwrap()
    }

    #[test]
    fn every_checkpoint_comes_once_in_order_with_its_stage() {
        let run = shipped();
        let visit = run.visit(Selection::All, Rule::ODR).unwrap();
        assert_eq!(visit.len(), run.checkpoints().unwrap().len());
        let visited: Vec<_> = visit.map(Result::unwrap).collect();
        assert!(visited.windows(2).all(|pair| pair[0].trials_trained() < pair[1].trials_trained()));
        for found in &visited {
            assert_eq!(Some(found.stage().unwrap()), run.stage_at(Rule::ODR, found.trials_trained()));
        }
        let mature: Vec<_> = run.visit(Stage::Mature, Rule::ODR).unwrap().map(Result::unwrap).collect();
        assert!(mature.iter().all(|found| found.stage().unwrap() == Stage::Mature));
        assert_eq!(mature.len(), visited.iter().filter(|found| found.stage().unwrap() == Stage::Mature).count());
    }

    #[test]
    fn a_rule_without_performance_is_told_by_the_stage_alone() {
        let run = shipped();
        let untrained = Rule::all().into_iter().find(|rule| run.check_trained(*rule).is_err()).unwrap();
        let visited = run.visit(&Selection::Last, untrained).unwrap().next().unwrap().unwrap();
        let message = visited.stage().unwrap_err().to_string();
        assert!(message.contains("no performance on") && message.contains("after 572160 trials"), "{message}");
        assert!(run.visit(Selection::Trials(vec![]), Rule::ODR).unwrap_err().is_missing_checkpoint());
    }

    #[test]
    fn an_interruption_ends_the_way() {
        let run = shipped();
        let (told, of) = interrupted(|| {
            let visit = run.visit(Selection::All, Rule::ODR).unwrap();
            let of = visit.len();
            let slowly = visit.inspect(|_| std::thread::sleep(std::time::Duration::from_millis(1)));
            (slowly.take_while(Result::is_ok).count(), of)
        });
        assert!(told < of, "{told} of {of} came");
    }
}
