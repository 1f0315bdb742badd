//! Tables of recorded neurons: how they are read, and what is to know of them.

use clap::Args;
use maturation::activity::{Activity, LocationUnit};
use maturation::prelude::*;

use crate::common::output::refuse;
use crate::common::wording::on_the_command_line;

/// How a table of recorded neurons is read.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of a table of recorded neurons (--activity)")]
pub struct RecordingArguments {
    /// An epoch in ms on the table's axis of time, for example --epoch-ms fix1=0..1000 or --epoch-ms fix1=-500..0; may
    /// be repeated.
    #[arg(long, value_name = "NAME=START..END", allow_hyphen_values = true)]
    pub epoch_ms: Vec<String>,
    /// The time step in ms [default: that of the table's times].
    #[arg(long, value_name = "MS")]
    pub dt: Option<f64>,
    /// What the table's times are in, ms or s [default: as their column's name says].
    #[arg(long, value_name = "UNIT")]
    pub time_unit: Option<TimeUnit>,
    /// What the table's times are: the start, centre or end of the bins that rates were counted in.
    #[arg(long, value_name = "PART", default_value = "start")]
    pub times_are: BinTime,
    /// Keep what is from MS on.
    #[arg(long, value_name = "MS", allow_hyphen_values = true)]
    pub from_ms: Option<f64>,
    /// Keep what is before MS.
    #[arg(long, value_name = "MS", allow_hyphen_values = true)]
    pub to_ms: Option<f64>,
    #[command(flatten)]
    pub ring: RingArguments,
}

/// How locations lie on the ring, and units of several sessions.
#[derive(Clone, Debug, Args)]
pub struct RingArguments {
    /// How many locations the ring has, or their labels in order round it [default: as the table or its labels tell].
    #[arg(long, value_name = "N|LABEL,…")]
    pub locations_on_ring: Option<String>,
    /// What numbers in the column location are: index, degrees or radians [default: as they tell].
    #[arg(long, value_name = "UNIT")]
    pub location_unit: Option<LocationUnit>,
    /// Make a pseudo-population of units that were recorded in different trials: draw K trials a location for each
    /// unit, and leave out units with fewer.
    #[arg(long, value_name = "K")]
    pub pseudo_trials: Option<usize>,
    /// Decides which trials are drawn.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub pseudo_seed: u64,
}

impl RingArguments {
    /// The ring that was said.
    pub fn options(&self) -> RingOptions {
        let said = self.locations_on_ring.as_deref();
        let count = said.and_then(|text| text.trim().parse().ok());
        let order = said.filter(|_| count.is_none());
        let order = order.map(|text| text.split(',').map(|label| label.trim().to_owned()).collect());
        RingOptions { count, order, unit: self.location_unit }
    }

    /// The pseudo-population that was asked for.
    pub fn pseudo(&self) -> Option<PseudoPopulation> {
        self.pseudo_trials.map(|trials| PseudoPopulation { trials, seed: self.pseudo_seed })
    }
}

impl RecordingArguments {
    /// What the library takes.
    pub fn options(&self) -> RecordingOptions {
        RecordingOptions {
            dt: self.dt,
            time_unit: self.time_unit,
            bins: self.times_are,
            from_ms: self.from_ms,
            to_ms: self.to_ms,
            ring: self.ring.options(),
            pseudo: self.ring.pseudo(),
        }
    }
}

/// Tells something that a reader of the results should know, beside them.
pub fn tell(note: impl std::fmt::Display) {
    eprintln!("note: {}", on_the_command_line(note));
}

/// The selectivity of a recording, what is to know of it being told.
pub fn tested(activity: &Activity, epoch: Epoch, options: &SelectivityOptions) -> Result<Selectivity> {
    let found = Selectivity::of(activity, epoch, options)?;
    for remark in analysis::remarks(activity, &found, options)? {
        tell(remark);
    }
    Ok(found)
}

/// Tells why the rates of a run are absolute, if they are not what was published.
pub fn tell_of_run(run: &Run, normalisation: Normalisation) {
    if normalisation == Normalisation::Automatic && normalisation.of_run(run) == Normalisation::Absolute {
        let activation = format!("{:?}", run.hyperparameters().activation).to_lowercase();
        tell(format!(
            "rates are absolute, not relative to fixation: {activation} units can have fixation rates of zero or \
             below, for which a ratio has no meaning"
        ));
    }
}

/// A table of results of a recording, with what its locations are called beside their numbers.
pub fn labelled(mut table: DataFrame, activity: &Activity) -> Result<DataFrame> {
    if activity.ring.labels.is_empty() {
        return Ok(table);
    }
    for (number, label) in [("location", "location_label"), ("preferred_location", "preferred_label")] {
        let Some(place) = table.get_column_index(number) else { continue };
        let failed = || refuse(format!("the column {number} cannot be labelled"), "leave out --locations-on-ring");
        let numbers = table.column(number).map_err(|_| failed())?.cast(&DataType::UInt32).map_err(|_| failed())?;
        let numbers = numbers.u32().map_err(|_| failed())?;
        let labels: Vec<Option<String>> =
            numbers.iter().map(|place| place.map(|place| activity.location_name(place as usize))).collect();
        table.insert_column(place + 1, Column::new(label.into(), labels)).map_err(|_| failed())?;
    }
    Ok(table)
}

/// The locations that `--locations` names: labels of a recording that has some, else numbers from 0.
pub fn chosen_locations(given: Option<&[String]>, activity: &Activity) -> Result<Option<Vec<usize>>> {
    let labels = &activity.ring.labels;
    let find = |text: &String| {
        let found = match labels.is_empty() {
            true => text.trim().parse().ok(),
            false => labels.iter().position(|label| label == text.trim()),
        };
        let known = || match labels.is_empty() {
            true => format!("give numbers from 0 to {}", activity.location_count - 1),
            false => format!("there are {}", labels.join(", ")),
        };
        found.ok_or_else(|| refuse(format!("there is no location `{text}`"), known()))
    };
    given.map(|given| given.iter().map(find).collect()).transpose()
}
