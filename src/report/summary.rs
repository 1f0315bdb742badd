//! What many runs show together, on one page.

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::figures::{self, MOST_LINES, Page, Section, TableSection};
use crate::report::versions;
use crate::summary::Summary;
use crate::tables::Columns;

/// Measures by stage on the page: for each figure its name, its title, and what is drawn, as
/// [`figures::measures_over_runs`] reads it.
const MEASURES: [(&str, &str, &[&str]); 3] = [
    (
        "units",
        "What units do, by stage",
        &[
            "delay_activity:odr:delay1:published",
            "cue_response:odrd:stim1:published",
            "response_after_distractor:odrd:stim1:published",
            "tuning_height:odrd:stim1:published",
            "tuning_width:odrd:stim1:published",
            "units_excited:odrd:stim1:published",
        ],
    ),
    (
        "behaviour",
        "Behaviour by stage",
        &[
            "performance_near_distractor",
            "performance_opposite_distractor",
            "distractor_cost",
            "saccade_spread",
            "wild_saccades",
            "same_preferred_location",
        ],
    ),
    (
        "code",
        "The decoder by stage, and how long learning takes",
        &["decoder_diagonal", "decoder_off_diagonal", "trials_to:gap", "trials_to:odr", "trials_to:odrd"],
    ),
];
/// Columns of the claims that the page shows.
const CLAIMS: [(&str, &str); 11] = [
    ("claim", "Claim"),
    ("measure", "Measure"),
    ("agree", "Agree"),
    ("differ", "Differ"),
    ("cannot_tell", "Cannot tell"),
    ("effect_is", "Effect"),
    ("mean", "Mean"),
    ("interval", "95 % over runs"),
    ("of_units", "95 % over runs and units"),
    ("published_number", "Published effect"),
    ("published", "Published"),
];

/// The page of many runs: claims over runs, growth of performance, measures by stage, and what was left out.
///
/// ```no_run
/// use maturation::report::summary_page;
/// use maturation::summary::{Summary, SummaryOptions};
///
/// let summary = Summary::of_folder("runs/ten-networks", &SummaryOptions::default())?;
/// summary_page(&summary)?.write("runs/ten-networks/summary/index.html")?;
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If a run's summary cannot be read.
pub fn summary_page(summary: &Summary) -> Result<Page> {
    let groups = summary.groups();
    let count = summary.count();
    let names = |keys: &[(String, String)], runs: usize| {
        let keys: Vec<String> = keys.iter().map(|(key, value)| format!("{key} {value}")).collect();
        if keys.is_empty() { format!("{runs} runs") } else { format!("{} ({runs} runs)", keys.join(", ")) }
    };
    let each: Vec<String> = groups.iter().take(12).map(|(keys, runs)| names(keys, *runs)).collect();
    let more =
        if groups.len() > each.len() { format!(", and {} more", groups.len() - each.len()) } else { String::new() };
    let mut page = Page {
        title: "What many networks show together".to_owned(),
        about: format!("{count} runs that differ in their seeds: {}{more}.", each.join("; ")),
        facts: versions().collect(),
        left_out: notes(summary)?,
        ..Page::default()
    };
    if groups.len() > 1 {
        page.about = format!("{count} runs in {} groups: {}{more}.", groups.len(), each.join("; "));
    }
    page.tables.push(claims(summary)?);
    page.tables.push(TableSection {
        id: "runs".to_owned(),
        title: "The runs".to_owned(),
        text: "Each run, and what is to be known of it.".to_owned(),
        columns: ["run", "status", "trials_trained", "checkpoints", "reached_target", "note"]
            .map(|name| (name.to_owned(), name.replace('_', " ")))
            .to_vec(),
        table: summary.runs().clone(),
    });
    page.sections.push(Section {
        id: "claims-over-runs".to_owned(),
        title: "In how many networks each claim holds".to_owned(),
        text: "Left: runs that show the claim, something else, or cannot tell. Right: the mean effect with its 95 % \
               interval over resamples of runs, divided by the effect's standard deviation between runs; a ratio is \
               counted from 1. Open circles stand at the edge for effects of four standard deviations or more. The \
               open diamond is the published network's effect, where it was published as a number."
            .to_owned(),
        figure: figures::claims_over_runs(summary.claims(), "Claims over runs")?,
        table: summary.claims().clone(),
    });
    let growth = summary.growth_by_run(MOST_LINES)?;
    page.sections.push(Section {
        id: "growth-over-runs".to_owned(),
        title: "Performance grows with training".to_owned(),
        text: "Performance averaged over five evaluations; a run that reached its target stays where it ended."
            .to_owned(),
        figure: figures::growth_over_runs(summary.growth(), &growth, "Performance grows with training")?,
        table: summary.growth().clone(),
    });
    let by_run = summary.measures_of(MOST_LINES)?;
    let known = Columns::of(summary.across(), "the table of measures over runs");
    let (measures, rules, stages) = (known.names("measure")?, known.names("rule")?, known.names("stage")?);
    for (id, title, wanted) in MEASURES {
        let is_there = |text: &&&str| {
            let mut parts = text.split(':');
            let (measure, rule) = (parts.next().unwrap_or_default(), parts.next());
            (0..measures.len()).any(|row| {
                measures[row] == measure && !stages[row].is_empty() && rule.is_none_or(|rule| rules[row] == rule)
            })
        };
        let there: Vec<&str> = wanted.iter().filter(is_there).copied().collect();
        if there.is_empty() {
            page.left_out.push((title.to_owned(), "no run was trained on the rules that this is of".to_owned()));
            continue;
        }
        page.sections.push(Section {
            id: format!("{id}-over-runs"),
            title: title.to_owned(),
            text: "Means over runs at each stage, with 95 % intervals over resamples of runs, and single runs."
                .to_owned(),
            figure: figures::measures_over_runs(summary.across(), &by_run, &there, title)?,
            table: summary.across().clone(),
        });
    }
    Ok(page)
}

/// What is left out, and measures that some runs lack.
fn notes(summary: &Summary) -> Result<Vec<(String, String)>> {
    let mut notes: Vec<(String, String)> =
        summary.left_out().into_iter().map(|(run, reason)| (format!("run {run}"), reason)).collect();
    let across = Columns::of(summary.across(), "the table of measures over runs");
    let (lacking, runs) = (across.counts("lacking")?, across.counts("runs")?);
    let some = lacking.iter().filter(|lacking| **lacking > 0).count();
    if some > 0 {
        let alone = lacking.iter().zip(&runs).filter(|(lacking, runs)| **lacking > 0 && **runs == 0).count();
        let why = format!(
            "{some} of {} rows of across.csv (measure and stage) have no value in some runs, {alone} of them in none: \
             a run without a checkpoint at a stage, or that never came so far, has none; the column `lacking` counts \
             them",
            lacking.len()
        );
        notes.push(("values that some runs lack".to_owned(), why));
    }
    Ok(notes)
}

/// The claims with their numbers in words.
fn claims(summary: &Summary) -> Result<TableSection> {
    let table = summary.claims();
    let columns = Columns::of(table, "the table of claims over runs");
    let number =
        |value: f64| if value.is_finite() { format!("{value:.2}").replace('-', "−") } else { "–".to_owned() };
    let in_words = |name: &str| -> Result<Vec<String>> { Ok(columns.numbers(name)?.into_iter().map(number).collect()) };
    let between = |low: &str, high: &str| -> Result<Vec<String>> {
        let ends = columns.numbers(low)?.into_iter().zip(columns.numbers(high)?);
        Ok(ends
            .map(
                |(low, high)| {
                    if low.is_finite() { format!("{} to {}", number(low), number(high)) } else { "–".to_owned() }
                },
            )
            .collect())
    };
    let mut shown = table.clone();
    for (name, values) in [
        ("mean", in_words("effect")?),
        ("interval", between("effect_low", "effect_high")?),
        ("of_units", between("units_low", "units_high")?),
        ("published_number", in_words("published_effect")?),
    ] {
        shown.with_column(Column::new(name.into(), values)).map_err(Error::table("making the table of claims"))?;
    }
    let keys = table.get_column_names().into_iter().map(|name| name.to_string()).take_while(|name| name != "claim");
    let headings = CLAIMS.map(|(column, heading)| (column.to_owned(), heading.to_owned()));
    Ok(TableSection {
        id: "claims".to_owned(),
        title: "The paper's claims over runs".to_owned(),
        text: "In how many runs each claim holds; the effect's mean over runs, its 95 % interval over resamples of \
               runs, and, where it is a mean over units, over resamples of runs and then of units in each run. A \
               verdict is on the direction of a change in one run, an interval on its mean over runs. Published \
               numbers are of one network of the authors, read off their figures."
            .to_owned(),
        columns: keys.map(|key| (key.clone(), key)).chain(headings).collect(),
        table: shown,
    })
}
