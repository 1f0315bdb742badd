//! Smoothing, the automatic choice of checkpoints and the population vector.

use maturation::prelude::*;
use maturation::tasks::Ring;
use maturation::training::published_average;

use crate::{json, numbers};

#[test]
fn the_published_average_is_reproduced() {
    let cases = json("choice.json");
    let curve = numbers(&cases["smooth"]["x"]);
    for (found, expected) in published_average(&curve, 5).iter().zip(numbers(&cases["smooth"]["window5"])) {
        assert!((found - expected).abs() < 1e-12);
    }
}

#[test]
fn the_automatic_choice_takes_the_published_checkpoints() {
    let cases = json("choice.json");
    let trials = numbers(&cases["trials"]);
    let choice = AutomaticChoice { published_average: true, ..AutomaticChoice::default() };
    for (rule, performance) in cases["performance"].as_object().unwrap() {
        let places = choice.places(&numbers(performance), &Hyperparameters::paper());
        for (stage, places) in Stage::ALL.into_iter().zip(places) {
            let found: Vec<f64> = places.into_iter().map(|place| trials[place]).collect();
            assert_eq!(found, numbers(&cases["chosen"][rule][stage.name()]), "{rule} {stage}");
        }
    }
}

#[test]
fn the_population_vector_is_the_published_one() {
    let cases = json("choice.json");
    let rows = cases["popvec"]["y"].as_array().unwrap();
    for (row, expected) in rows.iter().zip(numbers(&cases["popvec"]["loc"])) {
        let activity: Vec<f32> = numbers(row).into_iter().map(|value| value as f32).collect();
        let found = Ring::new(8).population_vector(&activity).unwrap();
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}
