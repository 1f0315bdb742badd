//! Principal components.

use crate::activity::Activity;
use crate::analysis::survey::Survey;
use crate::analysis::{self, PcaOptions};
use crate::error::Result;
use crate::figures::{self, About, Section};
use crate::report::parts::{Plan, plan_of_last};
use crate::tasks::Rule;
use crate::training::Run;

/// Rules on the page.
const RULES: [Rule; 2] = [Rule::ODR, Rule::ODRD];

/// The page's sections: the components of each rule against time, and as paths.
pub(super) fn plan<'a>(run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
    plan_of_last(run, survey, &RULES, sections)
}

fn sections(rule: Rule, activity: &Activity) -> Result<[Section; 2]> {
    let found = analysis::pca(activity, &PcaOptions::default())?;
    let (scores, explained) = (found.table()?, found.explained_variance_table()?);
    let about = About::of(activity, "Principal components").with_origin(activity);
    let first = Section {
        id: format!("pca-{rule}").replace('_', "-"),
        title: format!("Principal components of rule {rule}"),
        text: "The activity of the last checkpoint averaged over the trials at each location, each unit \
               standardised: its first three components against time, a curve a location. What comes from time and \
               what from the stimulus is mixed in them, unlike in the demixed components."
            .to_owned(),
        figure: figures::pca(&scores, &explained, &about)?,
        table: scores.clone(),
    };
    let second = about.clone().titled("Paths through the first two principal components").with_origin(activity);
    let other = Section {
        id: format!("pca-{rule}-paths").replace('_', "-"),
        title: format!("Paths of the population, rule {rule}"),
        text: "The same scores as paths through the plane of the first two components, a path a location; marks \
               stand where epochs begin."
            .to_owned(),
        figure: figures::pca_trajectories(&scores, &explained, &second)?,
        table: scores,
    };
    Ok([first, other])
}
