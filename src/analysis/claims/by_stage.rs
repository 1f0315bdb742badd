//! A number at each stage, and what can be said of its course.

use crate::analysis::claims::Verdict;
use crate::error::Result;
use crate::tables::Columns;
use crate::training::Stage;

/// A width stays if it changes by less than this share between stages.
const SAME_WIDTH: f64 = 0.15;
/// An average over fewer checkpoints is said to stand on few.
const FEW: u64 = 3;
/// The share of significant results that chance gives.
const SIGNIFICANT: f64 = 0.05;

/// A number for each stage, and how many checkpoints it stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ByStage {
    pub(super) values: [Option<f64>; 3],
    pub(super) checkpoints: [u64; 3],
}

impl ByStage {
    /// From rows of (stage, value, checkpoints).
    pub(super) fn of(rows: impl IntoIterator<Item = (Stage, f64, u64)>) -> ByStage {
        let mut found = ByStage::default();
        for (stage, value, checkpoints) in rows.into_iter().filter(|(_, value, _)| value.is_finite()) {
            found.values[stage as usize] = Some(value);
            found.checkpoints[stage as usize] = checkpoints;
        }
        found
    }

    /// The means of values by stage, each of one checkpoint.
    pub(super) fn means(rows: impl IntoIterator<Item = (Stage, f64)>) -> ByStage {
        let (mut sums, mut counts) = ([0.0; 3], [0_u64; 3]);
        for (stage, value) in rows.into_iter().filter(|(_, value)| value.is_finite()) {
            sums[stage as usize] += value;
            counts[stage as usize] += 1;
        }
        let mean = |stage: Stage| (stage, sums[stage as usize] / counts[stage as usize] as f64, counts[stage as usize]);
        ByStage::of(Stage::ALL.map(mean))
    }

    pub(super) fn known(&self) -> Vec<(Stage, f64)> {
        Stage::ALL.into_iter().filter_map(|stage| Some((stage, self.values[stage as usize]?))).collect()
    }

    /// Stages that have no value.
    pub(super) fn missing(&self) -> Option<String> {
        let missing: Vec<&str> =
            Stage::ALL.into_iter().filter(|stage| self.values[*stage as usize].is_none()).map(Stage::name).collect();
        (!missing.is_empty()).then(|| format!("no checkpoint with such units at stage {}", missing.join(" and ")))
    }

    pub(super) fn text(&self, digits: usize) -> String {
        let each: Vec<String> =
            self.known().into_iter().map(|(stage, value)| format!("{stage} {}", number(value, digits))).collect();
        if each.is_empty() { "nothing".to_owned() } else { each.join(", ") }
    }

    /// Stages that stand on few checkpoints.
    pub(super) fn few(&self) -> Option<String> {
        let few: Vec<String> = Stage::ALL
            .into_iter()
            .map(|stage| (stage, self.checkpoints[stage as usize]))
            .filter(|(_, count)| (1..FEW).contains(count))
            .map(|(stage, count)| format!("{stage} {count}"))
            .collect();
        (!few.is_empty()).then(|| format!("few checkpoints: {}", few.join(", ")))
    }

    /// Whether each stage is above the one before.
    pub(super) fn rises(&self) -> (Verdict, String) {
        self.ordered(|before, after| after > before, ["below", "above"])
    }

    /// Whether each stage is below the one before.
    pub(super) fn falls(&self) -> (Verdict, String) {
        self.ordered(|before, after| after < before, ["above", "below"])
    }

    fn ordered(&self, right: impl Fn(f64, f64) -> bool, [wrong, all]: [&str; 2]) -> (Verdict, String) {
        let known = self.known();
        if self.values[0].is_none() || self.values[2].is_none() {
            return (Verdict::CannotBeShown, self.missing().unwrap_or_default());
        }
        let against: Vec<String> = known
            .windows(2)
            .filter(|pair| !right(pair[0].1, pair[1].1))
            .map(|pair| format!("{} is not {all} {}, but {wrong} or the same", pair[1].0, pair[0].0))
            .collect();
        match against.is_empty() {
            true => (Verdict::Agrees, self.missing().unwrap_or_else(|| format!("each stage is {all} the one before"))),
            false => (Verdict::Differs, against.join("; ")),
        }
    }

    /// Whether all stages are about the same.
    pub(super) fn stays(&self) -> (Verdict, String) {
        let values: Vec<f64> = self.known().into_iter().map(|(_, value)| value).collect();
        if values.len() < 2 {
            return (Verdict::CannotBeShown, self.missing().unwrap_or_default());
        }
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let change = high / low - 1.0;
        let verdict = if change < SAME_WIDTH { Verdict::Agrees } else { Verdict::Differs };
        let limit = 100.0 * SAME_WIDTH;
        (verdict, format!("the largest is {:.0} % above the smallest (same: below {limit:.0} %)", 100.0 * change))
    }
}

/// A verdict that also needs a significant test.
pub(super) fn tested((verdict, reason): (Verdict, String), p_value: Option<f64>) -> (Verdict, String) {
    match (verdict, p_value) {
        (Verdict::Agrees, Some(p_value)) if p_value <= SIGNIFICANT => (verdict, format!("{reason}; p = {p_value:.1e}")),
        (Verdict::Agrees, Some(p_value)) => (Verdict::Differs, format!("{reason}, but p = {p_value:.2}")),
        (verdict, _) => (verdict, reason),
    }
}

/// A number with a proper minus.
fn number(value: f64, digits: usize) -> String {
    format!("{value:.digits$}").replace('-', "−")
}

/// A column of stages.
pub(super) fn stages(columns: &Columns, name: &str) -> Result<Vec<Stage>> {
    columns.names(name)?.iter().map(|name| name.parse()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_stage(values: [Option<f64>; 3]) -> ByStage {
        ByStage { values, checkpoints: [4; 3] }
    }

    #[test]
    fn stages_rise_fall_or_stay() {
        let (verdict, reason) = by_stage([Some(1.0), Some(2.0), Some(3.0)]).rises();
        assert_eq!((verdict, reason.as_str()), (Verdict::Agrees, "each stage is above the one before"));
        let (verdict, reason) = by_stage([Some(1.0), Some(3.0), Some(2.0)]).rises();
        assert_eq!((verdict, reason.as_str()), (Verdict::Differs, "mature is not above mid, but below or the same"));
        let (verdict, reason) = by_stage([Some(1.0), None, Some(2.0)]).rises();
        assert_eq!(verdict, Verdict::Agrees);
        assert!(reason.contains("stage mid"), "{reason}");
        let (verdict, reason) = by_stage([Some(1.0), None, None]).rises();
        assert_eq!(verdict, Verdict::CannotBeShown);
        assert!(reason.contains("stage mid and mature"), "{reason}");
        assert_eq!(by_stage([Some(3.0), Some(2.0), Some(1.0)]).falls().0, Verdict::Agrees);
        assert_eq!(by_stage([Some(3.0), Some(3.0), Some(1.0)]).falls().0, Verdict::Differs);
        assert_eq!(by_stage([Some(1.3), Some(1.4), Some(1.35)]).stays().0, Verdict::Agrees);
        let (verdict, reason) = by_stage([Some(1.0), Some(1.2), Some(1.5)]).stays();
        assert_eq!(verdict, Verdict::Differs);
        assert!(reason.contains("50 %"), "{reason}");
        assert_eq!(by_stage([None, Some(1.2), None]).stays().0, Verdict::CannotBeShown);
    }

    #[test]
    fn few_checkpoints_are_told() {
        let found = ByStage { values: [Some(-0.5), Some(1.0), Some(2.0)], checkpoints: [1, 30, 2] };
        assert_eq!(found.few().unwrap(), "few checkpoints: early 1, mature 2");
        assert_eq!(ByStage { checkpoints: [3, 3, 3], ..found }.few(), None);
    }
}
