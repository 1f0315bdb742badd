//! What a figure is of.

use std::ops::Range;

use crate::activity::{Activity, RingLabels};
use crate::analysis::{Normalisation, SampleUnit};
use crate::tasks::{Epoch, Rule, Timeline};
use crate::training::Run;

/// What a figure is of: its title, the epochs to mark, what its rates are, and where its locations lie. Every figure
/// that does not know it from its table takes one, and looks at what it needs; a title alone will do.
///
/// ```
/// use maturation::figures::About;
/// use maturation::prelude::*;
///
/// let activity = Run::open("data/6tasks")?.last()?.activity(Rule::ODR)?;
/// let about: About = About::of(&activity, "The last checkpoint");
/// assert_eq!((about.epochs.len(), about.location_count), (4, 8));
/// assert_eq!(About::from("Tuning, rule gap"), About::new("Tuning, rule gap"));
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// The title.
    pub title: String,
    /// The epochs to mark, ms from the trial's start.
    pub epochs: Vec<(Epoch, Range<f64>)>,
    /// What rates are, where the table does not say it in a column `normalisation`.
    pub rates: Normalisation,
    /// The locations that have trials.
    pub locations: Vec<usize>,
    /// Number of locations on the ring, which gives a location its angle and colour.
    pub location_count: usize,
    /// What the locations are called, and where the first one lies.
    pub ring: RingLabels,
}

impl Default for About {
    /// No title and no epochs; eight locations, of which each has trials.
    fn default() -> Self {
        About {
            title: String::new(),
            epochs: Vec::new(),
            rates: Normalisation::default(),
            locations: (0..8).collect(),
            location_count: 8,
            ring: RingLabels::default(),
        }
    }
}

impl About {
    /// A figure with a title alone.
    pub fn new(title: impl Into<String>) -> Self {
        About { title: title.into(), ..About::default() }
    }

    /// A figure of this activity, with its epochs and ring.
    pub fn of(activity: &Activity, title: impl Into<String>) -> Self {
        let mut locations = activity.locations.clone();
        locations.sort_unstable();
        locations.dedup();
        About {
            title: title.into(),
            epochs: activity.epochs_in_ms(),
            locations,
            location_count: activity.location_count,
            ring: activity.ring.clone(),
            ..About::default()
        }
    }

    /// A figure of a run's activity on the test trials of a rule.
    pub fn of_run(run: &Run, rule: Rule, title: impl Into<String>) -> Self {
        let count = run.hyperparameters().n_eachring;
        About {
            title: title.into(),
            epochs: epochs(rule, run.hyperparameters().dt),
            locations: (0..count).collect(),
            location_count: count,
            ..About::default()
        }
    }

    /// A figure of the units that are selective in `epoch` of `rule`, at a time step of `dt` ms.
    pub fn of_selective(rule: Rule, epoch: Epoch, dt: f64) -> Self {
        let title = format!("Average activity of {epoch}-selective units, rule {rule}");
        About { epochs: epochs(rule, dt), ..About::new(title) }
    }

    /// A figure of a unit of this activity.
    pub fn of_unit(unit: &SampleUnit, activity: &Activity) -> Self {
        let rule = activity.rule.map_or_else(String::new, |rule| format!(", rule {rule}"));
        let trained =
            activity.trials_trained.map_or_else(String::new, |trials| format!(", after {trials} trials of training"));
        About::of(activity, format!("Unit {}{rule}{trained}; in the middle its {} rates", unit.unit, unit.epoch))
    }

    /// The same with another title.
    pub fn titled(self, title: impl Into<String>) -> Self {
        About { title: title.into(), ..self }
    }

    /// The same with what this activity is of at the end of the title: its rule, and the trials trained.
    pub fn with_origin(self, activity: &Activity) -> Self {
        let rule = activity.rule.map_or_else(String::new, |rule| format!(", rule {rule}"));
        let trials = activity.trials_trained.map_or_else(String::new, |trials| format!(", {trials} trials trained"));
        About { title: format!("{}{rule}{trials}", self.title), ..self }
    }

    /// The same with what the rates are.
    pub fn with_rates(self, rates: Normalisation) -> Self {
        About { rates, ..self }
    }

    /// A location's name, where it has one that is no number, or its angle.
    pub(super) fn angle(&self, location: usize) -> String {
        if let Some(name) = self.ring.labels.get(location).filter(|name| name.parse::<f64>().is_err()) {
            return name.clone();
        }
        let degrees = self.ring.first_degrees + 360.0 * location as f64 / self.location_count.max(1) as f64;
        format!("{}°", (10.0 * degrees).round() / 10.0)
    }
}

/// The epochs of a rule, ms.
fn epochs(rule: Rule, dt: f64) -> Vec<(Epoch, Range<f64>)> {
    let in_ms = |range: Range<usize>| range.start as f64 * dt..range.end as f64 * dt;
    Timeline::of(rule, dt).epochs.into_iter().map(|(epoch, range)| (epoch, in_ms(range))).collect()
}

impl From<&str> for About {
    fn from(title: &str) -> Self {
        About::new(title)
    }
}

impl From<String> for About {
    fn from(title: String) -> Self {
        About::new(title)
    }
}

impl From<&String> for About {
    fn from(title: &String) -> Self {
        About::new(title)
    }
}

impl From<&About> for About {
    fn from(about: &About) -> Self {
        about.clone()
    }
}
