//! The parts of the page, and where else each is to be found.

use crate::activity::Activity;
use crate::analysis::survey::Survey;
use crate::error::{Error, Result};
use crate::figures::Section;
use crate::readout::ReadoutOptions;
use crate::report::rules::counterparts_or_any;
use crate::report::{
    agreement, decoder, distractor, dpca, epoch_growth, pca, performance_growth, period_activity, psth, saccade,
    sample_unit, tuning, unit_counts,
};
use crate::tasks::Rule;
use crate::training::Run;

/// A part of the page of a run, and where else it is to be found.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Its name, which no other part has.
    pub name: &'static str,
    /// What it shows.
    pub what: &'static str,
    /// The paper's figure or measure; nothing for what the paper does not have.
    pub paper: &'static str,
    /// The name of its picture in [`crate::figures`], and, with hyphens, of its verb.
    pub figure: &'static str,
    /// The name of its table in [`crate::analysis`].
    pub analysis: &'static str,
    /// The notebook that makes it, without its ending.
    pub notebook: &'static str,
    plan: for<'a> fn(&'a Run, &mut Survey<'a>) -> Result<Plan<'a>>,
}

/// What is left of a part once it has asked for what it needs: its sections, to be made once the survey is carried out.
pub(super) type Plan<'a> = Box<dyn FnOnce() -> Result<Vec<Section>> + 'a>;

/// What is left of a part that shows the last checkpoint's activity, for each of the rules that the run has of the
/// paper's: `sections` of each.
pub(super) fn plan_of_last<'a>(
    run: &'a Run,
    survey: &mut Survey<'a>,
    rules: &[Rule],
    sections: fn(Rule, &Activity) -> Result<[Section; 2]>,
) -> Result<Plan<'a>> {
    let last = run.last()?;
    let ask = |rule| Ok((rule, survey.activity(&last, rule)?));
    let asked = counterparts_or_any(run, rules).into_iter().map(ask).collect::<Result<Vec<_>>>()?;
    Ok(Box::new(move || {
        let sections = asked.iter().map(|(rule, activity)| sections(*rule, activity)).collect::<Result<Vec<_>>>()?;
        Ok(sections.into_iter().flatten().collect())
    }))
}

impl Part {
    /// What it shows, and where in the paper.
    pub fn about(&self) -> String {
        if self.paper.is_empty() { self.what.to_owned() } else { format!("{} ({})", self.what, self.paper) }
    }

    /// The verb of the command that makes it.
    pub fn verb(&self) -> String {
        self.figure.replace('_', "-")
    }

    /// Its figures of a run, each with the table behind it and a text that says how to make it by oneself.
    ///
    /// # Errors
    /// If the run was not trained on a rule that this part takes, or one of its files cannot be read.
    pub fn sections(&self, run: &Run) -> Result<Vec<Section>> {
        let mut survey = Survey::of(run, &ReadoutOptions::default())?;
        let plan = self.plan(run, &mut survey)?;
        survey.carry_out(&mut |_, _| {})?;
        plan()
    }

    /// Its sections by a survey of its own.
    pub(super) fn alone<'a>(&'a self, run: &'a Run) -> Plan<'a> {
        Box::new(move || self.sections(run))
    }

    /// Asks for what its sections are made of.
    pub(super) fn plan<'a>(&'a self, run: &'a Run, survey: &mut Survey<'a>) -> Result<Plan<'a>> {
        let plan = (self.plan)(run, survey)?;
        Ok(Box::new(move || Ok(plan()?.into_iter().map(|section| self.signed(section)).collect())))
    }

    /// A section that says how to make it by oneself.
    fn signed(&self, section: Section) -> Section {
        let text = format!(
            "{} (Table: analysis::{}; picture: figures::{}; command: maturation {}; notebook: {}.)",
            section.text,
            self.analysis,
            self.figure,
            self.verb(),
            self.notebook
        );
        Section { text, ..section }
    }
}

/// The part of this name.
///
/// # Errors
/// If there is none; the message lists all.
pub fn part(name: &str) -> Result<&'static Part> {
    PARTS.iter().find(|part| part.name == name).ok_or_else(|| {
        let names = PARTS.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
        Error::argument(format!("the page has no part `{name}`"), format!("its parts are {names}"))
    })
}

/// The parts of the page, in this order.
pub static PARTS: [Part; 14] = [
    Part {
        name: "performance-growth",
        what: "performance growth",
        paper: "Fig. S7",
        figure: "performance_growth",
        analysis: "performance_growth",
        notebook: "01-maturation",
        plan: performance_growth::plan,
    },
    Part {
        name: "psth",
        what: "average activity over the trial",
        paper: "Fig. 4E–G",
        figure: "psth",
        analysis: "psth",
        notebook: "03-psth",
        plan: psth::plan,
    },
    Part {
        name: "sample-unit",
        what: "a sample unit",
        paper: "Fig. 3B",
        figure: "sample_unit",
        analysis: "SampleUnit",
        notebook: "02-sample-units",
        plan: sample_unit::plan,
    },
    Part {
        name: "tuning",
        what: "tuning curves",
        paper: "Fig. S3B",
        figure: "tuning",
        analysis: "tuning",
        notebook: "04-tuning",
        plan: tuning::plan,
    },
    Part {
        name: "epoch-growth",
        what: "growth of delay activity",
        paper: "Fig. S2B",
        figure: "epoch_growth",
        analysis: "epoch_growth",
        notebook: "05-growth",
        plan: epoch_growth::plan,
    },
    Part {
        name: "followed-units",
        what: "units of one stage followed through the others",
        paper: "",
        figure: "psth",
        analysis: "psth",
        notebook: "03-psth",
        plan: psth::plan_followed,
    },
    Part {
        name: "period-activity",
        what: "activity in the second delay",
        paper: "analysis of variance",
        figure: "period_activity",
        analysis: "period_activity",
        notebook: "07-period-and-agreement",
        plan: period_activity::plan,
    },
    Part {
        name: "agreement",
        what: "agreement of preferred locations",
        paper: "direction agreement",
        figure: "agreement",
        analysis: "agreement",
        notebook: "07-period-and-agreement",
        plan: agreement::plan,
    },
    Part {
        name: "decoder",
        what: "cross-temporal decoder",
        paper: "Fig. S5E",
        figure: "decoder",
        analysis: "decoder",
        notebook: "09-decoder",
        plan: decoder::plan,
    },
    Part {
        name: "dpca",
        what: "demixed principal components",
        paper: "Fig. 5E",
        figure: "dpca",
        analysis: "dpca",
        notebook: "10-dpca-and-pca",
        plan: dpca::plan,
    },
    Part {
        name: "pca",
        what: "principal components",
        paper: "",
        figure: "pca",
        analysis: "pca",
        notebook: "10-dpca-and-pca",
        plan: pca::plan,
    },
    Part {
        name: "distractor",
        what: "distractors",
        paper: "distractor effect",
        figure: "distractor",
        analysis: "distractor",
        notebook: "06-behaviour",
        plan: distractor::plan,
    },
    Part {
        name: "saccade",
        what: "where responses end",
        paper: "saccade end points",
        figure: "saccade",
        analysis: "saccade",
        notebook: "06-behaviour",
        plan: saccade::plan,
    },
    Part {
        name: "unit-counts",
        what: "how many units are selective",
        paper: "",
        figure: "unit_counts",
        analysis: "unit_counts",
        notebook: "03-psth",
        plan: unit_counts::plan,
    },
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const BEGIN: &str = "<!-- figures of the paper -->\n";
    const END: &str = "<!-- end of the figures -->\n";

    /// A line for each part, its notebook in `notebooks`; with links to the documentation or without.
    fn table(notebooks: Option<&str>, links: bool) -> String {
        let name = |path: String| if links { format!("[`{path}`](crate::{path}())") } else { format!("`{path}`") };
        let mut lines = vec![
            "| paper | | table | picture | verb | notebook |".to_owned(),
            "| --- | --- | --- | --- | --- | --- |".to_owned(),
        ];
        for part in &PARTS {
            let paper = if part.paper.is_empty() { "–" } else { part.paper };
            let analysis = format!("analysis::{}", part.analysis);
            let is_type = part.analysis.starts_with(char::is_uppercase);
            let analysis = if links && is_type { format!("[`{analysis}`]") } else { name(analysis) };
            let notebook = match notebooks {
                Some(folder) => format!("[{}]({folder}{0}.ipynb)", part.notebook),
                None => part.notebook.to_owned(),
            };
            let (figure, verb) = (name(format!("figures::{}", part.figure)), part.verb());
            lines.push(format!("| {paper} | {} | {analysis} | {figure} | `{verb}` | {notebook} |", part.what));
        }
        lines.join("\n") + "\n"
    }

    /// `MATURATION_DRAW=1` writes them anew.
    #[test]
    fn the_tables_of_figures_are_those_of_the_page() {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
        let in_source: String = table(None, true).lines().map(|line| format!("//! {line}\n")).collect();
        for (page, expected) in [
            ("README.md", table(Some("notebooks/"), false)),
            ("notebooks/README.md", table(Some(""), false)),
            ("src/lib.rs", in_source),
        ] {
            let text = std::fs::read_to_string(checkout.join(page)).unwrap();
            let (begin, end) = if page.ends_with(".rs") {
                (format!("//! {BEGIN}//!\n"), format!("//!\n//! {END}"))
            } else {
                (BEGIN.to_owned() + "\n", "\n".to_owned() + END)
            };
            let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{page} has no place for the table"));
            let (found, after) = rest.split_once(&end).unwrap();
            if std::env::var_os("MATURATION_DRAW").is_some() {
                std::fs::write(checkout.join(page), format!("{before}{begin}{expected}{end}{after}")).unwrap();
            } else {
                assert_eq!(found, expected, "{page}: MATURATION_DRAW=1 writes it anew");
            }
        }
    }

    #[test]
    fn what_the_table_names_is_there() {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
        for part in &PARTS {
            assert!(checkout.join(format!("src/figures/{}.rs", part.figure)).exists(), "{}", part.figure);
            let notebook =
                std::fs::read_to_string(checkout.join(format!("notebooks/{}.ipynb", part.notebook))).unwrap();
            assert!(notebook.contains(part.figure) || notebook.contains(part.analysis), "{}", part.notebook);
        }
    }

    #[test]
    fn a_part_is_had_by_its_name_and_another_name_lists_all() {
        for known in &PARTS {
            let found = part(known.name).unwrap();
            assert_eq!((found.name, found.what), (known.name, known.what), "two parts have a name");
        }
        let message = part("tunning").unwrap_err().to_string();
        assert!(message.contains("`tunning`") && message.contains("tuning, epoch-growth, followed-units"), "{message}");

        let run = Run::open("data/6tasks").unwrap();
        let sections = part("performance-growth").unwrap().sections(&run).unwrap();
        assert_eq!(sections[0].id, "performance-growth");
        assert!(sections[0].text.ends_with("command: maturation performance-growth; notebook: 01-maturation.)"));
    }
}
