//! Average activity of selective units, by stage, and of units followed through all of them.

use polars::frame::DataFrame;

use crate::analysis::survey::{Asked, Survey};
use crate::analysis::{Psth, PsthOptions};
use crate::error::Result;
use crate::figures::{self, About, Section};
use crate::report::parts::Plan;
use crate::report::rules::{bootstrap, of_rates, of_stages, of_the_paper, population, relative, rule_epochs};
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection, Stage};

/// The epochs whose selective units the page shows over the trial.
const PSTHS: [(Rule, Epoch); 4] =
    [(Rule::ODRD, Epoch::Stim1), (Rule::ODR, Epoch::Stim1), (Rule::ODR, Epoch::Delay1), (Rule::GAP, Epoch::Stim1)];

/// The same for a variant of the paper's model: what the published scripts draw of their variants.
const PSTHS_OF_A_VARIANT: [(Rule, Epoch); 8] = [
    (Rule::ODR, Epoch::Stim1),
    (Rule::ODR, Epoch::Delay1),
    (Rule::ODRD, Epoch::Stim1),
    (Rule::ODRD, Epoch::Delay1),
    (Rule::ODRD, Epoch::Delay2),
    (Rule::OVERLAP, Epoch::Stim1),
    (Rule::ZERO_GAP, Epoch::Stim1),
    (Rule::GAP, Epoch::Stim1),
];

/// What a figure is of.
fn about(run: &Run, rule: Rule, epoch: Epoch) -> About {
    let about = About::of_selective(rule, epoch, run.hyperparameters().dt);
    About { title: about.title + &of_stages(run), ..about }
}

/// The page's sections on the selective units of each stage.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    let wanted: &[_] = if of_the_paper(run) { &PSTHS } else { &PSTHS_OF_A_VARIANT };
    let ask = |(rule, epoch): (Rule, Epoch)| {
        let options = PsthOptions { opposite: true, population: population(run), ..PsthOptions::default() };
        Ok((rule, epoch, survey.psth(Selection::All, rule, epoch, &options)?))
    };
    let asked = rule_epochs(run, wanted).into_iter().map(ask).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(move || {
        asked.into_iter().map(|(rule, epoch, psth)| section(run, rule, epoch, psth.answer()?.table()?)).collect()
    }))
}

fn section(run: &Run, rule: Rule, epoch: Epoch, table: DataFrame) -> Result<Section> {
    let baseline = match relative(run) {
        true => " The baseline includes the start-up transient of the first 100 ms, as published.",
        false => "",
    };
    Ok(Section {
        id: format!("psth-{rule}-{epoch}").replace('_', "-"),
        title: format!("Activity of {epoch}-selective units, rule {rule} (paper, Fig. 4E–G)"),
        text: format!(
            "The average activity of the excited and mixed units that are selective in {epoch}, each at its \
             preferred location (solid) and at the opposite one (dashed), {}; averaged over the checkpoints of \
             each stage that are at hand.{baseline}",
            of_rates(run)
        ),
        figure: figures::psth(&table, about(run, rule, epoch))?,
        table,
    })
}

/// The page's section on the units of one stage, followed through the others.
pub(super) fn plan_followed<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    let mut asked = Vec::new();
    for (rule, epoch) in rule_epochs(run, &[(Rule::ODRD, Epoch::Stim1), (Rule::ODR, Epoch::Delay1)]) {
        let has = |stage: &Stage| run.stage(rule, *stage).is_ok();
        let Some(stage) = Stage::ALL.into_iter().rev().find(has) else { continue };
        let options = PsthOptions {
            follow: Some(stage),
            bootstrap: bootstrap(run),
            population: population(run),
            ..PsthOptions::default()
        };
        asked.push((rule, epoch, stage, survey.psth(Selection::All, rule, epoch, &options)?));
    }
    Ok(Box::new(move || {
        let section = |(rule, epoch, stage, psth): (Rule, Epoch, Stage, Asked<Psth>)| {
            followed(run, rule, epoch, stage, psth.answer()?.table()?)
        };
        asked.into_iter().map(section).collect()
    }))
}

fn followed(run: &Run, rule: Rule, epoch: Epoch, stage: Stage, table: DataFrame) -> Result<Section> {
    let mut about = about(run, rule, epoch);
    about.title.push_str(&format!(", units of the last {stage} checkpoint followed"));
    Ok(Section {
        id: format!("followed-{rule}-{epoch}").replace('_', "-"),
        title: format!("Units that end up {epoch}-selective, followed through training, rule {rule}"),
        text: format!(
            "The excited and mixed units that are selective in {epoch} at the last {stage} checkpoint, with the \
             locations that they prefer there, followed through the checkpoints of all stages: what the same units \
             did before. Bands hold 95 % of the averages over 1000 resamples of the units."
        ),
        figure: figures::psth(&table, &about)?,
        table,
    })
}
