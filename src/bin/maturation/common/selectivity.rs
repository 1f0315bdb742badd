//! How selectivity is tested.

use clap::Args;
use maturation::prelude::*;

/// How selectivity is tested.
#[derive(Clone, Debug, Args)]
pub struct TestArguments {
    /// Whether the published test works on rates relative to fix1.
    #[arg(long, value_name = "yes|no", default_value = "yes", value_parser = yes_or_no, action = clap::ArgAction::Set)]
    pub normalised: bool,
    /// ms at the start of fix1 to leave out of the baseline (the start-up transient takes about 100 ms).
    #[arg(long, value_name = "MS", default_value_t = 0.0)]
    pub baseline_skip_ms: f64,
}

fn yes_or_no(text: &str) -> std::result::Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("say yes or no".to_owned()),
    }
}

impl From<&TestArguments> for SelectivityOptions {
    fn from(arguments: &TestArguments) -> Self {
        SelectivityOptions {
            normalised: arguments.normalised,
            baseline_skip_ms: arguments.baseline_skip_ms,
            ..SelectivityOptions::default()
        }
    }
}
