//! Which place on the ring a location of a table is.

use crate::activity::MOST_LOCATIONS;
use crate::activity::columns::Label;
use crate::error::{Error, Result};

/// How the locations of a table lie on the ring. The default: as the table says, or as its labels tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RingOptions {
    /// Number of locations on the ring, also of those without a trial.
    pub count: Option<usize>,
    /// The labels in their order round the ring, the first at 0°; those of the table must be among them.
    pub order: Option<Vec<String>>,
    /// What numbers in the column `location` are; none: found from the numbers.
    pub unit: Option<LocationUnit>,
}

/// What a number in the column `location` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocationUnit {
    /// A place on the ring, counted from 0 or from 1.
    Index,
    /// An angle in degrees.
    Degrees,
    /// An angle in radians.
    Radians,
}

impl std::str::FromStr for LocationUnit {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "index" => Ok(LocationUnit::Index),
            "degrees" => Ok(LocationUnit::Degrees),
            "radians" => Ok(LocationUnit::Radians),
            _ => Err(Error::unknown_name("unit of locations", name, ["index", "degrees", "radians"])),
        }
    }
}

/// What the locations of a ring are called, and where the first one lies. The default: their numbers, and at 0°.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RingLabels {
    /// The label of each location; empty: the numbers from 0.
    pub labels: Vec<String>,
    /// The angle of location 0, degrees.
    pub first_degrees: f64,
}

impl RingLabels {
    /// The label of a location.
    pub fn label(&self, location: usize) -> String {
        self.labels.get(location).cloned().unwrap_or_else(|| location.to_string())
    }
}

/// A ring, and where the labels of a table lie on it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Places {
    pub(super) count: usize,
    pub(super) labels: RingLabels,
    /// The location of each label, in the order given.
    pub(super) places: Vec<usize>,
    /// What was found, where it was not said.
    pub(super) note: Option<String>,
}

/// Places the distinct labels of a table on a ring, `carried` being the number of locations that the table itself says.
pub(super) fn place(labels: &[Label], carried: Option<usize>, options: &RingOptions) -> Result<Places> {
    let found = || list(labels);
    let remedy = "give `RingOptions::count` (with `RingOptions::unit` for angles), or their labels in order round the \
                  ring in `RingOptions::order`";
    if let Some(order) = &options.order {
        return ordered(labels, order);
    }
    if let (Some(said), Some(carried)) = (options.count, carried)
        && said != carried
    {
        return Err(Error::argument(
            format!("the ring is said to have {said} locations, and the table says {carried} (`locations_on_ring`)"),
            "leave out what is wrong",
        ));
    }
    let count = options.count.or(carried);
    if let Some(count) = count.filter(|count| !(1..=MOST_LOCATIONS).contains(count)) {
        return Err(Error::argument(
            format!("a ring of {count} locations"),
            format!("a ring has from 1 to {MOST_LOCATIONS}"),
        ));
    }
    let numbers: Option<Vec<f64>> = labels.iter().map(Label::number).collect();
    let Some(numbers) = numbers else {
        return Err(Error::argument(format!("the locations are called {}", found()), remedy));
    };
    // What a table carries was written by this crate, which counts from 0.
    let unit = options.unit.or(carried.filter(|_| options.count.is_none()).map(|_| LocationUnit::Index));
    let placed = match unit {
        Some(LocationUnit::Index) => on_ring_by_index(&numbers, count, carried.is_some()),
        Some(LocationUnit::Degrees) => on_ring_by_angle(&numbers, count, 1.0),
        Some(LocationUnit::Radians) => on_ring_by_angle(&numbers, count, 180.0 / std::f64::consts::PI),
        None => on_ring_by_index(&numbers, count, false)
            .or_else(|| on_ring_by_angle(&numbers, count, 1.0))
            .or_else(|| on_ring_by_angle(&numbers, count, 180.0 / std::f64::consts::PI)),
    };
    let Some((count, places, first_degrees)) = placed else {
        let what = match (count, unit) {
            (Some(count), None) => format!("the locations {} do not fit a ring of {count}", found()),
            (Some(count), Some(unit)) => format!("the locations {} do not fit a ring of {count} by {unit:?}", found()),
            (None, _) => format!("the locations {} do not tell how many the ring has", found()),
        };
        return Err(Error::argument(what.replace("Index", "index").replace("Degrees", "degrees"), remedy));
    };
    let plain = numbers.iter().zip(&places).all(|(number, place)| *number == *place as f64);
    let mut names: Vec<String> = (0..count).map(|_| String::new()).collect();
    for (label, place) in labels.iter().zip(&places) {
        names[*place] = label.text();
    }
    // A place without a trial has no label in the table; it is told by its angle or its number like the others.
    let by_angle = !plain && first_step(&numbers, &places, count).is_some();
    for (place, name) in names.iter_mut().enumerate().filter(|(_, name)| name.is_empty()) {
        let step = 360.0 / count as f64;
        *name = match by_angle {
            true => tidy(first_degrees + place as f64 * step),
            false => (place + usize::from(!plain)).to_string(),
        };
    }
    let note = match (plain, options.count.is_some() || carried.is_some()) {
        (true, true) => None,
        (true, false) if count == 8 => None,
        (true, false) => Some(format!("the ring has {count} locations, by their labels {}", found())),
        (false, _) => Some(format!(
            "the ring has {count} locations: their labels {} are numbered from 0 to {} round it in the results",
            found(),
            count - 1
        )),
    };
    let labels = if plain { RingLabels::default() } else { RingLabels { labels: names, first_degrees } };
    Ok(Places { count, labels, places, note })
}

/// Degrees a location, if numbers are angles of these places.
fn first_step(numbers: &[f64], places: &[usize], count: usize) -> Option<f64> {
    let shift = numbers.iter().zip(places).map(|(number, place)| number - *place as f64);
    let shifts: Vec<f64> = shift.collect();
    (count > 1 && shifts.iter().any(|shift| (shift - shifts[0]).abs() > 1e-9)).then_some(360.0 / count as f64)
}

fn tidy(degrees: f64) -> String {
    ((100.0 * degrees).round() / 100.0).to_string()
}

fn ordered(labels: &[Label], order: &[String]) -> Result<Places> {
    if let Some(twice) = order.iter().enumerate().find(|(place, name)| order[..*place].contains(name)) {
        return Err(Error::argument(
            format!("`{}` stands twice in the order of locations", twice.1),
            "name each location once",
        ));
    }
    if order.len() > MOST_LOCATIONS {
        return Err(Error::argument(
            format!("a ring of {} locations", order.len()),
            format!("a ring has from 1 to {MOST_LOCATIONS}"),
        ));
    }
    let place = |label: &Label| {
        let same =
            |name: &String| *name == label.text() || label.number().is_some() && name.parse().ok() == label.number();
        order.iter().position(same).ok_or_else(|| {
            Error::argument(
                format!("the table has a location `{}`, which is not in the order {}", label.text(), order.join(", ")),
                "name every location of the ring, in order round it",
            )
        })
    };
    let places = labels.iter().map(place).collect::<Result<Vec<_>>>()?;
    let labels = RingLabels { labels: order.to_vec(), first_degrees: 0.0 };
    Ok(Places { count: order.len(), labels, places, note: None })
}

type OnRing = (usize, Vec<usize>, f64);

/// Numbers counted from 0 or from 1; without `count`, only if none is missing.
fn on_ring_by_index(numbers: &[f64], count: Option<usize>, from_zero: bool) -> Option<OnRing> {
    if numbers.iter().any(|number| number.fract() != 0.0 || *number < 0.0) {
        return None;
    }
    let smallest = numbers.iter().copied().fold(f64::INFINITY, f64::min) as usize;
    let largest = numbers.iter().copied().fold(0.0, f64::max) as usize;
    let (count, first) = match count {
        Some(count) if largest < count => (count, 0),
        Some(count) if largest == count && smallest >= 1 && !from_zero => (count, 1),
        Some(_) => return None,
        None if smallest <= 1 && largest - smallest + 1 == numbers.len() => (numbers.len(), smallest),
        None => return None,
    };
    Some((count, numbers.iter().map(|number| *number as usize - first).collect(), 0.0))
}

/// Angles; without `count`, only if they tell the spacing beyond doubt: three or more, and more than half of the ring.
fn on_ring_by_angle(numbers: &[f64], count: Option<usize>, degrees: f64) -> Option<OnRing> {
    let angles: Vec<f64> = numbers.iter().map(|number| (number * degrees).rem_euclid(360.0)).collect();
    let mut sorted = angles.clone();
    sorted.sort_by(f64::total_cmp);
    let spacing = match count {
        Some(count) => 360.0 / count as f64,
        None => {
            let gaps = sorted.windows(2).map(|pair| pair[1] - pair[0]);
            gaps.chain([360.0 + sorted.first()? - sorted.last()?]).min_by(f64::total_cmp)?
        }
    };
    let places = (360.0 / spacing).round();
    if !(places >= 1.0 && places <= MOST_LOCATIONS as f64)
        || count.is_none() && (numbers.len() < 3 || 2.0 * numbers.len() as f64 <= places)
    {
        return None;
    }
    let count = places as usize;
    let spacing = 360.0 / places;
    // Room for angles that are rounded to whole degrees.
    let tolerance = (0.04 * spacing).min(0.51).max(1e-6 * spacing);
    let first = sorted.first()?;
    let turned = first.rem_euclid(spacing);
    let first = if spacing - turned <= tolerance || turned <= tolerance { 0.0 } else { turned };
    let mut taken = vec![false; count];
    let mut found = Vec::with_capacity(angles.len());
    for angle in angles {
        let place = ((angle - first) / spacing).round();
        if (angle - first - place * spacing).abs() > 2.0 * tolerance {
            return None;
        }
        let place = place.rem_euclid(places) as usize;
        if std::mem::replace(&mut taken[place], true) {
            return None;
        }
        found.push(place);
    }
    Some((count, found, first))
}

/// Labels for a message: the first few and the last.
fn list(labels: &[Label]) -> String {
    let mut texts: Vec<String> = labels.iter().map(Label::text).collect();
    if texts.len() > 12 {
        let last = texts.len() - 1;
        texts.splice(9..last, ["…".to_owned()]);
    }
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(numbers: &[f64]) -> Vec<Label> {
        numbers.iter().map(|number| Label::Number(*number)).collect()
    }

    fn options(count: Option<usize>, unit: Option<LocationUnit>) -> RingOptions {
        RingOptions { count, unit, order: None }
    }

    #[test]
    fn labels_that_are_evenly_spaced_tell_the_ring() {
        let turn = std::f64::consts::TAU;
        for (labels, count, places, first) in [
            (vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 6, vec![0, 1, 2, 3, 4, 5], 0.0),
            (vec![1.0, 2.0, 3.0, 4.0, 5.0], 5, vec![0, 1, 2, 3, 4], 0.0),
            (vec![0.0, 45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0], 8, (0..8).collect(), 0.0),
            (vec![22.5, 67.5, 112.5, 157.5, 202.5, 247.5, 292.5, 337.5], 8, (0..8).collect(), 22.5),
            (vec![-135.0, -90.0, -45.0, 0.0, 45.0, 90.0, 135.0, 180.0], 8, vec![5, 6, 7, 0, 1, 2, 3, 4], 0.0),
            (vec![45.0, 90.0, 135.0, 180.0, 225.0, 270.0, 315.0, 360.0], 8, vec![1, 2, 3, 4, 5, 6, 7, 0], 0.0),
            (vec![0.0, 45.0, 90.0, 225.0, 270.0, 315.0], 8, vec![0, 1, 2, 5, 6, 7], 0.0),
            (vec![0.0, 51.0, 103.0, 154.0, 206.0, 257.0, 309.0], 7, (0..7).collect(), 0.0),
            (vec![0.0, 120.0, 240.0], 3, vec![0, 1, 2], 0.0),
            ((0..12).map(|k| turn * f64::from(k) / 12.0).collect(), 12, (0..12).collect(), 0.0),
        ] {
            let found = place(&numbers(&labels), None, &RingOptions::default()).unwrap();
            assert_eq!((found.count, &found.places), (count, &places), "{labels:?}");
            assert!((found.labels.first_degrees - first).abs() < 1e-9, "{labels:?}: {:?}", found.labels);
        }
    }

    #[test]
    fn labels_that_leave_it_open_are_refused_and_named() {
        for labels in [
            vec![0.0, 4.0],
            vec![0.0, 1.0, 2.0, 3.0, 5.0, 6.0, 7.0],
            vec![2.0, 3.0, 4.0],
            vec![0.0, 90.0],
            vec![0.0, 10.0, 50.0, 200.0],
            vec![0.0, 0.5, 1.0],
            vec![3.0],
        ] {
            let message = place(&numbers(&labels), None, &RingOptions::default()).unwrap_err().to_string();
            assert!(message.contains("RingOptions::order"), "{labels:?}: {message}");
            assert!(message.contains(&list(&numbers(&labels))), "{labels:?}: {message}");
        }
        let names = ["up", "down"].map(|name| Label::Text(name.to_owned()));
        let message = place(&names, None, &RingOptions::default()).unwrap_err().to_string();
        assert!(message.contains("up, down"), "{message}");
    }

    #[test]
    fn what_is_said_decides() {
        let of = |labels: &[f64], carried, options: &RingOptions| place(&numbers(labels), carried, options);
        let with_gap = of(&[0.0, 1.0, 2.0, 3.0, 5.0, 6.0, 7.0], None, &options(Some(8), None)).unwrap();
        assert_eq!((with_gap.count, with_gap.places[4]), (8, 5));
        let from_one = of(&[1.0, 2.0, 8.0], None, &options(Some(8), None)).unwrap();
        assert_eq!((from_one.places, from_one.labels.label(7)), (vec![0, 1, 7], "8".to_owned()));
        let opposite = of(&[0.0, 4.0], Some(8), &RingOptions::default()).unwrap();
        assert_eq!((opposite.count, opposite.places, opposite.note), (8, vec![0, 4], None));
        let angles = of(&[0.0, 180.0], None, &options(Some(8), None)).unwrap();
        assert_eq!(
            (angles.places, angles.labels.label(4), angles.labels.label(1)),
            (vec![0, 4], "180".to_owned(), "45".to_owned())
        );
        let degrees = of(&[0.0, 1.0, 2.0], None, &options(Some(360), Some(LocationUnit::Degrees))).unwrap();
        assert_eq!(degrees.places, [0, 1, 2]);
        for (labels, carried, options, word) in [
            (vec![0.0, 9.0], None, options(Some(8), Some(LocationUnit::Index)), "ring of 8"),
            (vec![0.0, 50.0], None, options(Some(8), Some(LocationUnit::Degrees)), "ring of 8"),
            (vec![0.0, 1.0], Some(8), options(Some(6), None), "says 8"),
            (vec![0.0, 1.0], None, options(Some(0), None), "1 to 360"),
            (vec![0.0, 1.0], None, options(Some(1000), None), "1 to 360"),
        ] {
            let message = of(&labels, carried, &options).unwrap_err().to_string();
            assert!(message.contains(word), "{labels:?}: {message}");
        }
    }

    #[test]
    fn names_have_the_order_that_is_given() {
        let names = ["left", "right", "up"].map(|name| Label::Text(name.to_owned()));
        let order = |names: &[&str]| RingOptions {
            order: Some(names.iter().map(ToString::to_string).collect()),
            ..RingOptions::default()
        };
        let found = place(&names, None, &order(&["right", "up", "left", "down"])).unwrap();
        assert_eq!((found.count, found.places, found.labels.label(3)), (4, vec![2, 0, 1], "down".to_owned()));
        let message = place(&names, None, &order(&["right", "left", "down"])).unwrap_err().to_string();
        assert!(message.contains("`up`") && message.contains("right, left, down"), "{message}");
        let message = place(&names, None, &order(&["right", "left", "right", "up"])).unwrap_err().to_string();
        assert!(message.contains("twice"), "{message}");
        let found = place(&numbers(&[10.0, 20.0]), None, &order(&["20", "10"])).unwrap();
        assert_eq!(found.places, [1, 0]);
    }
}
