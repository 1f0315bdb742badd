//! Whether the code for the location stays over the delay (Fig. S5E).

use polars::frame::DataFrame;

use crate::analysis::claims::by_stage::ByStage;
use crate::analysis::claims::claim::Claim;
use crate::analysis::claims::measured::Measured;
use crate::analysis::claims::{Evidence, Verdict};
use crate::analysis::{self, DecoderOptions};
use crate::error::Result;
use crate::readout::{Readout, ReadoutOptions};
use crate::tables::Columns;
use crate::tasks::{Epoch, Rule, Timeline};
use crate::training::{Run, Stage};

/// Windows of the trial that are this far apart, ms, have none of their rates in common and little of their noise.
const APART: f64 = 500.0;
/// Trials right by guessing, of eight locations.
const CHANCE_OF_LOCATION: f64 = 0.125;

/// Judges what the evidence has of it.
pub(super) fn judge(evidence: &Evidence, dt: f64) -> Result<Vec<Claim>> {
    match &evidence.decoder {
        Some(table) => Ok(vec![decoder(table, dt)?]),
        None => Ok(Vec::new()),
    }
}

/// The mean accuracy in the delay of odr, tested in the window trained in, and in one 500 ms or more apart; none where
/// the delay has no such windows.
fn own_and_apart(table: &DataFrame, dt: f64) -> Result<[Option<f64>; 2]> {
    let columns = Columns::of(table, "the table of the decoder");
    let (train, test) = (columns.numbers("train_ms")?, columns.numbers("test_ms")?);
    let accuracy = columns.numbers("accuracy")?;
    let window = DecoderOptions::published(dt).window_ms;
    let delay = Timeline::of(Rule::ODR, dt).epochs.into_iter().find(|(epoch, _)| *epoch == Epoch::Delay1);
    let delay = delay.map_or(0.0..0.0, |(_, steps)| steps.start as f64 * dt..steps.end as f64 * dt);
    let within = |start: f64| start >= delay.start && start + window <= delay.end;
    let mean = |chosen: &dyn Fn(f64, f64) -> bool| {
        let cells = (0..accuracy.len()).filter(|cell| within(train[*cell]) && within(test[*cell]));
        let found: Vec<f64> =
            cells.filter(|cell| chosen(train[*cell], test[*cell])).map(|cell| accuracy[cell]).collect();
        (!found.is_empty()).then(|| found.iter().sum::<f64>() / found.len() as f64)
    };
    let own = mean(&|train, test| train == test);
    Ok([own, mean(&|train, test| (train - test).abs() >= APART)])
}

/// What the decoder tells of rule odr at a stage: the accuracy in the window trained in, and apart from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoded {
    stage: Stage,
    accuracy: [Option<f64>; 2],
}

/// What the decoder tells of rule odr at the last checkpoint of each stage; `last` is the table of the run's last
/// checkpoint, if it is known.
pub(crate) fn by_stage(run: &Run, readout: &ReadoutOptions, last: Option<&DataFrame>) -> Result<Vec<Decoded>> {
    let mut readout = Readout::new(readout.clone())?;
    let (dt, newest) = (run.hyperparameters().dt, run.last()?.trials_trained());
    let mut found = Vec::new();
    for stage in Stage::ALL {
        let checkpoint = match run.stage(Rule::ODR, stage) {
            Ok(checkpoints) => checkpoints.last().clone(),
            Err(error) if error.is_missing_checkpoint() => continue,
            Err(error) => return Err(error),
        };
        let accuracy = match last.filter(|_| checkpoint.trials_trained() == newest) {
            Some(table) => own_and_apart(table, dt)?,
            None => {
                let activity = readout.activity(&checkpoint, Rule::ODR)?;
                own_and_apart(&analysis::decoder(&activity, &DecoderOptions::published(dt))?, dt)?
            }
        };
        found.push(Decoded { stage, accuracy });
    }
    Ok(found)
}

/// The accuracies on the diagonal of the decoder's square, and off it.
pub(super) fn measures(decoded: &[Decoded]) -> Vec<Measured> {
    if decoded.is_empty() {
        return Vec::new();
    }
    let of = |place: usize| {
        let rows = decoded.iter().map(|found| (found.stage, found.accuracy[place].unwrap_or(f64::NAN), 1));
        ByStage::of(rows)
    };
    let measured = |measure: &str, found| Measured::by_stage(measure, Rule::ODR, "share of trials right", found);
    vec![measured("decoder_diagonal", of(0)), measured("decoder_off_diagonal", of(1))]
}

/// Whether the code for the location stays over the delay.
fn decoder(table: &DataFrame, dt: f64) -> Result<Claim> {
    let about = (
        "The code for the location moves on over the delay (dynamic)",
        "Fig. S5E",
        "accuracy in the delay of odr at the last checkpoint, tested in the window trained in and 500 ms or more apart",
    );
    let published = "1.0 in the window trained in; near chance (0.125) elsewhere";
    let is = "accuracy in the window trained in − apart";
    let [Some(own), Some(apart)] = own_and_apart(table, dt)? else {
        let verdict = (Verdict::CannotBeShown, "the delay has too few windows".to_owned());
        let claim = Claim::other(about, published, "nothing".to_owned(), verdict);
        return Ok(claim.with_effect(is, None, Some(1.0 - CHANCE_OF_LOCATION)));
    };
    let found = format!("{own:.3} in the window trained in, {apart:.3} apart");
    let middle = 0.5 * (own + CHANCE_OF_LOCATION);
    let verdict = match () {
        () if own < 2.0 * CHANCE_OF_LOCATION => {
            (Verdict::CannotBeShown, "the location cannot be decoded in the delay at all".to_owned())
        }
        () if apart < middle => (Verdict::Agrees, format!("dynamic: below {middle:.2}, half way to chance")),
        () => (Verdict::Differs, format!("stable: above {middle:.2}, half way to chance")),
    };
    let claim = Claim::other(about, published, found, verdict);
    Ok(claim.with_effect(is, Some(own - apart), Some(1.0 - CHANCE_OF_LOCATION)))
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_dynamic_if_it_is_lost_elsewhere_in_the_delay() {
        let starts = [1000.0, 1500.0, 2000.0, 2800.0, 2900.0];
        let table = |own: f64, apart: f64| {
            let cells = || starts.iter().flat_map(|train| starts.iter().map(move |test| (*train, *test)));
            // The delay holds the windows from 1500 to 2800 ms; the others must not count.
            let accuracy = |(train, test): (f64, f64)| match (1500.0..=2800.0).contains(&train.min(test)) {
                true if train.max(test) > 2800.0 => 7.0,
                true if train == test => own,
                true => apart,
                false => 7.0,
            };
            df![
                "train_ms" => cells().map(|cell| cell.0).collect::<Vec<_>>(),
                "test_ms" => cells().map(|cell| cell.1).collect::<Vec<_>>(),
                "accuracy" => cells().map(accuracy).collect::<Vec<_>>(),
            ]
            .unwrap()
        };
        let claim = decoder(&table(1.0, 0.2), 20.0).unwrap();
        assert_eq!(
            (claim.verdict, claim.found.as_str()),
            (Verdict::Agrees, "1.000 in the window trained in, 0.200 apart")
        );
        assert_eq!(decoder(&table(1.0, 0.9), 20.0).unwrap().verdict, Verdict::Differs);
        assert_eq!(decoder(&table(0.13, 0.12), 20.0).unwrap().verdict, Verdict::CannotBeShown);
        assert_eq!(decoder(&table(1.0, 0.2).clear(), 20.0).unwrap().verdict, Verdict::CannotBeShown);
    }
}
