//! What a distractor does to the response.

use crate::analysis::survey::Survey;
use crate::analysis::{Distractor, DistractorOptions};
use crate::error::Result;
use crate::figures::{self, Section};
use crate::report::parts::Plan;
use crate::report::rules::counterparts;
use crate::tasks::Rule;
use crate::training::{Run, Selection};

/// Trials of each pair: an eighth of the published number, in an eighth of the time; a stage's performance moves by
/// less than its checkpoints differ.
const REPEATS: usize = 16;

/// The sections of the page, if the run was trained on the distractor task.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    counterparts(run, &[Rule::ODRD])?;
    let options = DistractorOptions { repeats: REPEATS };
    let found = survey.distractor(Selection::All, &options)?;
    Ok(Box::new(move || sections(&found.answer()?)))
}

fn sections(found: &Distractor) -> Result<Vec<Section>> {
    let (performance, saccades) = (found.performance()?, found.saccades()?);
    Ok(vec![
        Section {
            id: "distractor".to_owned(),
            title: "Performance by the distance of the distractor (paper: distractor effect)".to_owned(),
            text: format!(
                "Performance on odrd for all pairs of a stimulus and a distractor location, by their distance, \
                 {REPEATS} trials a pair and checkpoint; a distance is averaged over as many pairs as it has. Bars are \
                 the standard error between the checkpoints of a stage."
            ),
            figure: figures::distractor(&performance)?,
            table: performance,
        },
        Section {
            id: "distractor-saccades".to_owned(),
            title: "Where responses end beside a distractor".to_owned(),
            text: "The distance of the response from the target in the same trials, a panel for each distance of the \
                   distractor; the line at 36 degrees is where a response stops being right. Trials that still fixate \
                   are counted apart, in the table."
                .to_owned(),
            figure: figures::distractor_saccades(&saccades)?,
            table: saccades,
        },
    ])
}
