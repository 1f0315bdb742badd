//! Every analysis that the published script for variants asks for, of a variant whose rates it takes as they are: tanh
//! units fire negatively, so that dividing by the fixation rate would mean nothing.

use maturation::analysis::{DistractorOptions, GrowthOptions, SaccadeOptions};
use maturation::prelude::*;

const USUAL: [(Rule, Epoch); 5] = [
    (Rule::ODR, Epoch::Stim1),
    (Rule::ODR, Epoch::Delay1),
    (Rule::ODRD, Epoch::Stim1),
    (Rule::ODRD, Epoch::Delay1),
    (Rule::ODRD, Epoch::Delay2),
];

#[test]
fn a_variant_with_absolute_rates_goes_through_every_analysis_of_the_published_script() {
    let folder = tempfile::tempdir().unwrap();
    let tanh = Hyperparameters {
        n_rnn: 48,
        activation: Activation::Tanh,
        batch_size_test: 64,
        display_step: 10,
        ..Hyperparameters::paper()
    };
    let run = Training::new(tanh).seed(5).quiet().max_trials(1280).train(folder.path().join("run")).unwrap();
    let from = Selection::Between(640, u64::MAX);
    let readout = ReadoutOptions::default();

    let growth =
        figures::performance_growth_with(&run, &GrowthOptions { window: 5, ..GrowthOptions::default() }).unwrap();
    assert!(growth.json().contains("odrd"));

    let absolute = SelectivityOptions { normalisation: Normalisation::Absolute, ..SelectivityOptions::default() };
    for (rule, epoch) in USUAL {
        let units = analysis::selectivity_of_run(&run, &from, rule, epoch, &absolute, &readout).unwrap();
        assert_eq!(units.height(), 2 * 48, "two checkpoints from 640 trials on");
        let population = Population { selectivity: absolute.clone(), ..Population::default() };
        let options = PsthOptions { opposite: true, population, ..PsthOptions::default() };
        let curves = analysis::psth(&run, &from, rule, epoch, &options, &readout).unwrap();
        let about = About::of_selective(rule, epoch, run.hyperparameters().dt).with_rates(Normalisation::Absolute);
        let figure = figures::psth(&curves, &about).unwrap();
        assert!(figure.json().contains("rate (absolute)") && !figure.json().contains("fixation rate"));
        // Absolute rates of tanh units stay within ±1.
        let rates: Vec<f64> = curves.column("activity").unwrap().f64().unwrap().iter().flatten().collect();
        assert!(rates.iter().all(|rate| rate.abs() <= 1.0), "{rule} {epoch}");
    }

    let distractor = analysis::distractor(&run, &from, &DistractorOptions::default(), &readout).unwrap();
    figures::distractor(&distractor.performance().unwrap()).unwrap();
    figures::distractor_saccades(&distractor.saccades().unwrap()).unwrap();
    for rule in [Rule::ZERO_GAP, Rule::GAP, Rule::OVERLAP, Rule::ODR] {
        let saccades = analysis::saccade(&run, &from, rule, &SaccadeOptions::default(), &readout).unwrap();
        figures::saccade(&saccades, rule).unwrap();
    }
}
