//! The evaluations of a training run.

use crate::tasks::Rule;
use crate::training::Evaluation;

/// The evaluations of a run, in order; the content of `log.json` under the keys of the published system.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// Each evaluation's moment and results.
    pub entries: Vec<LogEntry>,
    /// From how many trials on the run was trained on which device; empty if never on another than the processor.
    pub devices: Vec<(u64, String)>,
}

/// What the log calls the processor.
const PROCESSOR: &str = "CPU";

/// One evaluation of all trained rules.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// Trials trained before it.
    pub trials_trained: u64,
    /// Seconds of training before it, over all sessions of the run.
    pub seconds: f64,
    /// One evaluation a rule, in the order of `rule_trains`.
    pub rules: Vec<Evaluation>,
    /// The worst performance of the rules of the curriculum's stage, with epochs as long as they are in it; `None`
    /// where the stage leaves them as they are.
    pub stage_performance: Option<f64>,
}

impl LogEntry {
    /// The worst rule's performance.
    pub fn worst_performance(&self) -> f64 {
        self.rules.iter().map(|rule| rule.performance).fold(f64::INFINITY, f64::min)
    }

    /// The mean performance over rules.
    pub fn mean_performance(&self) -> f64 {
        self.rules.iter().map(|rule| rule.performance).sum::<f64>() / self.rules.len().max(1) as f64
    }

    /// The performance on a rule, if it was evaluated.
    pub fn performance(&self, rule: Rule) -> Option<f64> {
        self.rules.iter().find(|evaluation| evaluation.rule == rule).map(|evaluation| evaluation.performance)
    }
}

/// The performance of each rule, in one line.
impl std::fmt::Display for LogEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, rule) in self.rules.iter().enumerate() {
            let gap = if place == 0 { "" } else { "  " };
            write!(f, "{gap}{} {:.2}", rule.rule, rule.performance)?;
        }
        Ok(())
    }
}

impl Log {
    /// The entry of an evaluation after exactly this many trials.
    pub fn at(&self, trials_trained: u64) -> Option<&LogEntry> {
        self.entries.iter().find(|entry| entry.trials_trained == trials_trained)
    }

    /// One rule's performance at each evaluation.
    pub fn performance(&self, rule: Rule) -> Vec<f64> {
        self.entries.iter().filter_map(|entry| entry.performance(rule)).collect()
    }

    /// Notes what the run is trained on from now on, if that is not what it was trained on before.
    pub(crate) fn note_device(&mut self, trials_trained: u64, device: &str) {
        // Neither the processor's threads nor why there is no GPU change what comes of it.
        let device = if device.starts_with(PROCESSOR) { PROCESSOR } else { device };
        self.devices.retain(|(from, _)| *from < trials_trained);
        if self.devices.last().map_or(PROCESSOR, |(_, last)| last.as_str()) != device {
            self.devices.push((trials_trained, device.to_owned()));
        }
    }
}
