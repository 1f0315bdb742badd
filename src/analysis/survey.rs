//! One way through the checkpoints of a run for everything that is asked of them.
//!
//! Analyses ask first, and have their answers once the survey was carried out: each checkpoint is then read out once,
//! whoever wants what of it, and let go before the next but one. While analyses look at a checkpoint, the next is read
//! out already.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ndarray::Array3;
use rayon::prelude::*;

use crate::activity::Activity;
use crate::analysis::rates::location_means;
use crate::analysis::{Selectivity, SelectivityOptions};
use crate::environment::Interruption;
use crate::error::{Error, Result};
use crate::readout::{Readout, ReadoutOptions};
use crate::tasks::{Condition, Epoch, Rule};
use crate::training::{Answer, Checkpoint, Run, Selection, Stage, Visited};

/// A checkpoint among others: trials trained before it, and its folder.
type Place = (u64, PathBuf);

/// What analyses ask of a run's checkpoints, to be found out together.
pub(crate) struct Survey<'a> {
    run: &'a Run,
    readout: Readout,
    checkpoints: BTreeMap<Place, Visited<'a>>,
    questions: Vec<Question<'a>>,
    /// Activities that were wanted at once, for whoever else wants them.
    kept: BTreeMap<(Place, Rule), Arc<Activity>>,
}

/// What a question needs of a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Need {
    /// The activity on the trials of a rule.
    Activity(Rule),
    /// The answers to batches of trials of a rule.
    Answers(Rule, Batches),
}

/// Batches of trials to answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Batches {
    /// The trials that the rule is read out on, so many times.
    Test(usize),
    /// These.
    Of(Arc<Vec<Vec<Condition>>>),
}

struct Question<'a> {
    checkpoints: BTreeSet<Place>,
    needs: Vec<Need>,
    /// Looks at a checkpoint; false where the answer is an error, so that the rest is in vain.
    look: Box<dyn FnMut(&Seen<'_>) -> bool + Send + 'a>,
    is_open: bool,
}

/// The answer to a question, once its survey was carried out.
#[derive(Debug)]
pub(crate) struct Asked<T>(Arc<Mutex<Result<T>>>);

impl<T> Asked<T> {
    /// The answer.
    ///
    /// # Errors
    /// As the question has it, and if the survey is still to be carried out.
    pub(crate) fn answer(self) -> Result<T> {
        let early = || Error::argument("the survey is still to be carried out", "carry it out before you ask");
        Arc::into_inner(self.0).ok_or_else(early)?.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Survey<'a> {
    /// A survey of a run's checkpoints, read out with these options, of which nothing is asked yet.
    pub(crate) fn of(run: &'a Run, options: &ReadoutOptions) -> Result<Survey<'a>> {
        Ok(Survey::on(run, Readout::new(options.clone())?))
    }

    /// The same by a readout in hand.
    pub(crate) fn on(run: &'a Run, readout: Readout) -> Survey<'a> {
        Survey { run, readout, checkpoints: BTreeMap::new(), questions: Vec::new(), kept: BTreeMap::new() }
    }

    /// The answer to a single question.
    pub(crate) fn alone<T>(
        run: &'a Run,
        options: &ReadoutOptions,
        ask: impl FnOnce(&mut Survey<'a>) -> Result<Asked<T>>,
    ) -> Result<T> {
        let mut survey = Survey::of(run, options)?;
        let asked = ask(&mut survey)?;
        survey.carry_out(&mut |_, _| {})?;
        asked.answer()
    }

    /// The run.
    pub(crate) fn run(&self) -> &'a Run {
        self.run
    }

    /// Asks a question of some checkpoints: `look` is shown each, in the order of training, with what is needed of it,
    /// and makes of `answer` what it should be.
    ///
    /// # Errors
    /// As [`Run::selected`].
    pub(crate) fn ask<T: Send + 'a>(
        &mut self,
        (checkpoints, rule): (impl Into<Selection>, Rule),
        needs: impl Into<Vec<Need>>,
        answer: T,
        mut look: impl FnMut(&mut T, &Seen<'_>) -> Result<()> + Send + 'a,
    ) -> Result<Asked<T>> {
        let visited = self.run.visit(checkpoints, rule)?.collect::<Result<Vec<_>>>()?;
        let answer = Arc::new(Mutex::new(Ok(answer)));
        let asked = Asked(Arc::clone(&answer));
        let look = move |seen: &Seen<'_>| {
            let mut answer = locked(&answer);
            let Ok(found) = &mut *answer else { return false };
            match look(found, seen) {
                Ok(()) => true,
                Err(problem) => {
                    *answer = Err(problem);
                    false
                }
            }
        };
        let checkpoints = visited.iter().map(|visited| place(&visited.checkpoint)).collect();
        self.questions.push(Question { checkpoints, needs: needs.into(), look: Box::new(look), is_open: true });
        self.checkpoints.extend(visited.into_iter().map(|visited| (place(&visited.checkpoint), visited)));
        Ok(asked)
    }

    /// The activity of a checkpoint at once.
    ///
    /// # Errors
    /// As [`Readout::activity`].
    pub(crate) fn activity(&mut self, checkpoint: &Checkpoint, rule: Rule) -> Result<Arc<Activity>> {
        let key = (place(checkpoint), rule);
        if let Some(known) = self.kept.get(&key) {
            return Ok(Arc::clone(known));
        }
        let activity = Arc::new(self.readout.activity(checkpoint, rule)?);
        self.kept.insert(key, Arc::clone(&activity));
        Ok(activity)
    }

    /// Shows the questions their checkpoints. Before each is read out, `tell` has its number, from 1 on, and how many
    /// there are.
    ///
    /// # Errors
    /// If a checkpoint cannot be read out; an interruption. What goes wrong in an analysis is its answer.
    pub(crate) fn carry_out(self, tell: &mut dyn FnMut(usize, usize)) -> Result<()> {
        let Survey { mut readout, checkpoints, mut questions, kept, .. } = self;
        let interruption = Interruption::watch();
        let count = checkpoints.len();
        let mut shown: Option<Seen> = None;
        for (number, next) in checkpoints.iter().map(Some).chain([None]).enumerate() {
            let needs = next.map_or_else(Vec::new, |(place, _)| needs_of(&questions, place));
            let read = rayon::in_place_scope(|scope| {
                if let Some(seen) = &shown {
                    let questions = &mut questions;
                    scope.spawn(move |_| questions.par_iter_mut().for_each(|question| question.look_at(seen)));
                }
                let (place, visited) = next?;
                tell(number + 1, count);
                Some(interruption.check().and_then(|()| Seen::read(&mut readout, visited, needs, place, &kept)))
            });
            shown = read.transpose()?;
        }
        Ok(())
    }
}

impl Question<'_> {
    fn look_at(&mut self, seen: &Seen<'_>) {
        if self.is_open && self.checkpoints.contains(&place(&seen.visited.checkpoint)) {
            self.is_open = (self.look)(seen);
        }
    }
}

fn place(checkpoint: &Checkpoint) -> Place {
    (checkpoint.trials_trained(), checkpoint.folder().to_owned())
}

/// What is needed of a checkpoint, each thing once.
fn needs_of(questions: &[Question], place: &Place) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    for question in questions.iter().filter(|question| question.is_open && question.checkpoints.contains(place)) {
        for need in &question.needs {
            if !needs.contains(need) {
                needs.push(need.clone());
            }
        }
    }
    needs
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A checkpoint that questions look at, and what is known of it.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) visited: Visited<'a>,
    activities: BTreeMap<Rule, Arc<Activity>>,
    answers: Vec<(Need, Vec<Vec<Answer>>)>,
    tested: Known<(Rule, Epoch, SelectivityOptions), Selectivity>,
    means: Known<Rule, Array3<f64>>,
}

impl<'a> Seen<'a> {
    fn read(
        readout: &mut Readout,
        visited: &Visited<'a>,
        needs: Vec<Need>,
        place: &Place,
        kept: &BTreeMap<(Place, Rule), Arc<Activity>>,
    ) -> Result<Seen<'a>> {
        let (checkpoint, trained) = (&visited.checkpoint, visited.trials_trained());
        let network = checkpoint.network()?;
        let (mut activities, mut to_answer) = (BTreeMap::new(), Vec::new());
        for need in needs {
            match &need {
                Need::Activity(rule) => {
                    let activity = match kept.get(&(place.clone(), *rule)) {
                        Some(known) => Arc::clone(known),
                        None => Arc::new(readout.activity_after(&network, trained, *rule)?),
                    };
                    activities.insert(*rule, activity);
                }
                Need::Answers(rule, batches) => {
                    let batches = match batches {
                        Batches::Of(batches) => Arc::clone(batches),
                        Batches::Test(count) => Arc::new(vec![readout.trials(checkpoint, *rule)?.conditions; *count]),
                    };
                    to_answer.push((*rule, batches, need));
                }
            }
        }
        let asked: Vec<(Rule, &[Vec<Condition>])> =
            to_answer.iter().map(|(rule, batches, _)| (*rule, &batches[..])).collect();
        let found = readout.all_answers_after(&network, trained, &asked)?;
        let answers = to_answer.into_iter().map(|(_, _, need)| need).zip(found).collect();
        let (tested, means) = (Known::default(), Known::default());
        Ok(Seen { visited: visited.clone(), activities, answers, tested, means })
    }

    /// The stage of a rule.
    ///
    /// # Errors
    /// As [`Visited::stage_of`].
    pub(crate) fn stage_of(&self, rule: Rule) -> Result<Stage> {
        self.visited.stage_of(rule)
    }

    /// The activity on a rule.
    ///
    /// # Errors
    /// If the question did not say that it needs it.
    pub(crate) fn activity(&self, rule: Rule) -> Result<&Activity> {
        self.activities.get(&rule).map(Arc::as_ref).ok_or_else(|| not_asked(&Need::Activity(rule)))
    }

    /// The answers that are needed.
    ///
    /// # Errors
    /// As [`Seen::activity`].
    pub(crate) fn answers(&self, need: &Need) -> Result<&[Vec<Answer>]> {
        let found = self.answers.iter().find(|(known, _)| known == need);
        found.map(|(_, answers)| &answers[..]).ok_or_else(|| not_asked(need))
    }

    /// [`Selectivity::of`] the activity on a rule, found once for all who ask.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn selectivity(
        &self,
        rule: Rule,
        epoch: Epoch,
        options: &SelectivityOptions,
    ) -> Result<Arc<Selectivity>> {
        let key = (rule, epoch, options.clone());
        self.tested.find(key, || Selectivity::of(self.activity(rule)?, epoch, options))
    }

    /// The mean over the trials at each location, (location, time, unit), found once for all who ask.
    ///
    /// # Errors
    /// As [`Seen::activity`].
    pub(crate) fn location_means(&self, rule: Rule) -> Result<Arc<Array3<f64>>> {
        self.means.find(rule, || {
            let activity = self.activity(rule)?;
            Ok(location_means(activity, &activity.trials_by_location()))
        })
    }
}

fn not_asked(need: &Need) -> Error {
    Error::argument(format!("nobody said that {need:?} is needed"), "name it among the needs of the question")
}

/// What tells of a survey every few seconds.
pub(crate) fn told_now_and_then(tell: &mut dyn FnMut(&str)) -> impl FnMut(usize, usize) + '_ {
    let mut told: Option<Instant> = None;
    move |number, count| {
        if told.is_none_or(|told| told.elapsed() > Duration::from_secs(5)) {
            told = Some(Instant::now());
            tell(&format!("checkpoint {number} of {count}"));
        }
    }
}

/// What was found for several who ask at the same time: who comes second waits for the first.
///
/// To find it must not be work for rayon: while the first waited for a part of it, its thread might begin with the
/// second, and wait for itself.
#[derive(Debug)]
struct Known<K, V>(Mutex<Vec<(K, Found<V>)>>);

type Found<V> = Arc<Mutex<Option<Arc<V>>>>;

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Known(Mutex::default())
    }
}

impl<K: PartialEq, V> Known<K, V> {
    fn find(&self, key: K, make: impl FnOnce() -> Result<V>) -> Result<Arc<V>> {
        let found = {
            let mut all = locked(&self.0);
            match all.iter().find(|(known, _)| *known == key) {
                Some((_, found)) => Arc::clone(found),
                None => {
                    let found = Found::default();
                    all.push((key, Arc::clone(&found)));
                    found
                }
            }
        };
        let mut found = locked(&found);
        if let Some(known) = &*found {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(make()?);
        *found = Some(Arc::clone(&made));
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::tests::interrupted;

    const FEW: [u64; 3] = [0, 5120, 572_160];

    fn shipped() -> Run {
        Run::open(concat!(env!("CARGO_MANIFEST_DIR"), "/data/6tasks")).unwrap()
    }

    fn survey(run: &Run) -> Survey<'_> {
        Survey::of(run, &ReadoutOptions::default()).unwrap()
    }

    /// Asks for the trials trained and the mean rate at some checkpoints.
    fn ask_rates(survey: &mut Survey, trials: &[u64]) -> Asked<Vec<(u64, f32)>> {
        let checkpoints = Selection::Trials(trials.to_vec());
        let look = |found: &mut Vec<(u64, f32)>, seen: &Seen<'_>| {
            found.push((seen.visited.trials_trained(), seen.activity(Rule::GAP)?.rates.sum()));
            Ok(())
        };
        survey.ask((checkpoints, Rule::GAP), [Need::Activity(Rule::GAP)], Vec::new(), look).unwrap()
    }

    #[test]
    fn each_question_sees_its_own_checkpoints_in_order_as_they_are_read_out_alone() {
        let run = shipped();
        let mut survey = survey(&run);
        let kept = survey.activity(&run.last().unwrap(), Rule::GAP).unwrap();
        let (all, some) = (ask_rates(&mut survey, &FEW), ask_rates(&mut survey, &FEW[1..]));
        let mut told = Vec::new();
        survey.carry_out(&mut |number, count| told.push((number, count))).unwrap();
        assert_eq!(told, [(1, 3), (2, 3), (3, 3)]);
        let (all, some) = (all.answer().unwrap(), some.answer().unwrap());
        let alone = |trials| run.checkpoint(trials).unwrap().activity(Rule::GAP).unwrap();
        assert_eq!(all, FEW.map(|trials| (trials, alone(trials).rates.sum())));
        assert_eq!(some, all[1..]);
        assert_eq!(*kept, alone(572_160));
    }

    #[test]
    fn a_question_that_fails_leaves_the_others_their_answers() {
        let run = shipped();
        let mut survey = survey(&run);
        let good = ask_rates(&mut survey, &FEW);
        let (checkpoints, needs) = (Selection::Trials(FEW.to_vec()), [Need::Activity(Rule::GAP)]);
        let bad = survey.ask((&checkpoints, Rule::GAP), needs.clone(), 0, |looks, seen| {
            *looks += 1;
            assert_eq!(*looks, 1, "it looks no further");
            seen.activity(Rule::ODR).map(|_| ())
        });
        let epoch = survey.ask((&checkpoints, Rule::GAP), needs, (), |(), seen| {
            let of = |epoch| seen.selectivity(Rule::GAP, epoch, &SelectivityOptions::default());
            assert!(Arc::ptr_eq(&of(Epoch::Stim1)?, &of(Epoch::Stim1)?), "found once");
            of(Epoch::Delay2).map(|_| ())
        });
        survey.carry_out(&mut |_, _| {}).unwrap();
        assert_eq!(good.answer().unwrap().len(), 3);
        let message = bad.unwrap().answer().unwrap_err().to_string();
        assert!(message.contains("nobody said that Activity(") && message.contains("is needed"), "{message}");
        assert!(epoch.unwrap().answer().unwrap_err().to_string().contains("delay2"));
    }

    #[test]
    fn an_answer_is_to_be_had_after_the_survey_alone() {
        let run = shipped();
        let mut survey = survey(&run);
        let message = ask_rates(&mut survey, &FEW).answer().unwrap_err().to_string();
        assert!(message.contains("still to be carried out"), "{message}");
        let none = Selection::Trials(Vec::new());
        let asked = survey.ask((none, Rule::GAP), [], (), |(), _| Ok(()));
        assert!(asked.unwrap_err().is_missing_checkpoint());
    }

    #[test]
    fn an_interruption_ends_it() {
        let run = shipped();
        let ended = interrupted(|| {
            let mut survey = survey(&run);
            let asked = survey.ask((&Selection::All, Rule::GAP), [Need::Activity(Rule::GAP)], (), |(), _| Ok(()));
            asked.and_then(|_| survey.carry_out(&mut |_, _| {}))
        });
        assert!(ended.unwrap_err().is_interrupted());
    }
}
