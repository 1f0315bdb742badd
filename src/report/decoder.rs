//! The location decoded across time.

use crate::activity::Activity;
use crate::analysis::survey::Survey;
use crate::analysis::{Decoder, DecoderOptions, Scoring};
use crate::error::Result;
use crate::figures::{self, About, Section};
use crate::report::parts::Plan;
use crate::report::rules::counterparts_or_any;
use crate::tasks::Rule;
use crate::training::{Checkpoint, Run};

/// The sections of the page: the last checkpoint on the delayed-response task, if the run was trained on it.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    let rule = counterparts_or_any(run, &[Rule::ODR, Rule::ODRD])[0];
    let checkpoint = run.last()?;
    let activity = survey.activity(&checkpoint, rule)?;
    Ok(Box::new(move || Ok(vec![section(rule, &checkpoint, &activity)?])))
}

fn section(rule: Rule, checkpoint: &Checkpoint, activity: &Activity) -> Result<Section> {
    let options = DecoderOptions::published(activity.dt);
    let title = format!("Location decoded across time, rule {rule}, after {} trials", checkpoint.trials_trained());
    let about = About::of(activity, title);
    let [held_out, published] = Decoder::scored(activity, &options, Scoring::ALL)?;
    let table = held_out.table()?;
    let names = Scoring::ALL.map(Scoring::name);
    let right = published.table()?;
    let figure = figures::decoder_compared((names[0], &table), (names[1], &right), &options, about)?;
    Ok(Section {
        id: format!("decoder-{rule}"),
        title: format!("The location decoded across time, rule {rule} (paper, Fig. S5E)"),
        text: format!(
            "A classifier is trained to tell the stimulus location from the rates in one window of the trial (14 of 16 \
             trials a location) and tested in every other. A code that stays the same would fill the square; one that \
             moves on is read along the diagonal alone. Left: tested on the trials held out. Right: as published, off \
             the diagonal on all trials, those trained on included. Mean accuracy over all cells: {:.3} held out, \
             {:.3} as published.",
            held_out.means().0,
            published.means().0
        ),
        figure,
        table,
    })
}
