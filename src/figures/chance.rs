//! What guessing earns, as performance figures mark it.

use crate::tasks::Rule;

/// The chances of the rules of these names, ascending, each with the rules that have it. A rule that is not known here,
/// or whose chance is not, has none.
pub(super) fn of_rules<'a>(names: &[&'a String]) -> Vec<(f64, Vec<&'a str>)> {
    let mut chances: Vec<(f64, Vec<&str>)> = Vec::new();
    for name in names {
        let Some(chance) = name.parse::<Rule>().ok().and_then(|rule| rule.task().chance()) else { continue };
        match chances.iter_mut().find(|(known, _)| (*known - chance).abs() < 1e-3) {
            Some((_, rules)) => rules.push(name),
            None => chances.push((chance, vec![name])),
        }
    }
    chances.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    chances
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_together_where_guessing_earns_the_same_and_left_out_where_it_is_not_known() {
        let names = ["odr", "match_or_non", "gap", "nobody_knows", "match_or_non_passive"].map(str::to_owned);
        let chances = of_rules(&names.iter().collect::<Vec<_>>());
        assert_eq!(chances.len(), 2, "{chances:?}");
        assert!((chances[0].0 - 0.2).abs() < 1e-12 && chances[0].1 == ["odr", "gap"]);
        assert_eq!(chances[1], (0.5, vec!["match_or_non"]));
    }
}
