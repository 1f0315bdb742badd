//! The growth of delay activity.

use polars::frame::DataFrame;

use crate::analysis::survey::Survey;
use crate::error::Result;
use crate::figures::{self, About, Section};
use crate::report::parts::Plan;
use crate::report::rules::{average, counterparts, normalisation, of_rates, of_stages};
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection};

/// The page's sections on the growth of delay activity.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    let (epoch, options) = (Epoch::Delay1, average(run));
    let ask = |rule| Ok((rule, survey.epoch_growth(Selection::All, rule, epoch, epoch, &options)?));
    let asked = counterparts(run, &[Rule::ODR, Rule::ODRD])?.into_iter().map(ask).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(move || {
        asked.into_iter().map(|(rule, growth)| section(run, rule, epoch, growth.answer()?.table()?)).collect()
    }))
}

fn section(run: &Run, rule: Rule, epoch: Epoch, table: DataFrame) -> Result<Section> {
    let title = format!("Growth of {epoch} activity of {epoch}-selective units, rule {rule}{}", of_stages(run));
    Ok(Section {
        id: format!("epoch-growth-{rule}-{epoch}"),
        title: format!("{title} (paper, Fig. S2B)"),
        text: format!(
            "The mean rate in {epoch} of the excited and mixed units that are selective in it, at the location \
             that each prefers there, {}; a point a checkpoint, coloured by the stage \
             of rule {rule}. Bars hold 95 % of the averages over 1000 resamples of the units. The published figure \
             of this title shows units selected in stim1.",
            of_rates(run)
        ),
        figure: figures::epoch_growth(&table, About::new(title).with_rates(normalisation(run)))?,
        table,
    })
}
