use serde_json::{Value, json};

use super::*;

fn drawn(plot: &Value) -> String {
    svg(plot, [600.0, 400.0], Fit::Page, "what it <shows>").unwrap()
}

/// The numbers of the first attribute of this name after a place in the picture.
fn attribute(picture: &str, from: &str, name: &str) -> String {
    let rest = &picture[picture.find(from).unwrap_or_else(|| panic!("no {from} in {picture}"))..];
    let rest = &rest[rest.find(&format!("{name}=\"")).unwrap() + name.len() + 2..];
    rest[..rest.find('"').unwrap()].to_owned()
}

fn with(trace: Value) -> Value {
    let axis = |low: f64, high: f64| json!({"range": [low, high]});
    let margin = json!({"l": 100, "r": 100, "t": 100, "b": 100});
    json!({"data": [trace], "layout": {"xaxis": axis(0.0, 4.0), "yaxis": axis(0.0, 2.0), "margin": margin}})
}

#[test]
fn a_line_runs_through_its_points_and_gaps_stay_gaps() {
    let line = json!({"type": "scatter", "mode": "lines", "x": [0, 1, 2, 3, 4], "y": [0, 1, null, 2, 0],
        "line": {"color": "#123456", "width": 3, "dash": "dot"}});
    let picture = drawn(&with(line));
    // The frame is 400 × 200 pixels from (100, 100).
    let found = picture.find("M100 300l100 -100M400 100l100 200").unwrap_or_else(|| panic!("{picture}"));
    let tag = &picture[found..found + 200];
    assert!(tag.contains("stroke=\"#123456\" stroke-width=\"3\" stroke-dasharray=\"3 3\""), "{tag}");
    assert!(picture.contains("<title>what it &lt;shows&gt;</title>") && picture.contains("role=\"img\""));
}

#[test]
fn a_line_may_go_in_steps() {
    let corners = |shape: &str| {
        let line = json!({"mode": "lines", "x": [0, 2], "y": [0, 1], "line": {"shape": shape}});
        let picture = drawn(&with(line));
        let curve = picture.split_once("<g clip-path").unwrap().1;
        let path = &curve[curve.find("M100 300").unwrap_or_else(|| panic!("{picture}"))..];
        path.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(corners("linear"), "M100 300l200 -100");
    assert_eq!(corners("hv"), "M100 300l200 0l0 -100");
    assert_eq!(corners("vh"), "M100 300l0 -100l200 0");
    assert_eq!(corners("hvh"), "M100 300l100 0l0 -100l100 0");
    assert_eq!(corners("vhv"), "M100 300l0 -50l200 0l0 -50");
}

#[test]
fn values_counted_from_x0_lie_where_listed_ones_do() {
    let trace = |x: Value| {
        let mut trace = json!({"mode": "lines", "y": [0, 2, 1]});
        trace.as_object_mut().unwrap().extend(x.as_object().unwrap().clone());
        drawn(&with(trace)).split_once("<title>").unwrap().1.to_owned()
    };
    let path = |picture: String| picture[picture.find("M100 300").unwrap()..].split_once('"').unwrap().0.to_owned();
    assert_eq!(path(trace(json!({"x0": 0, "dx": 2}))), path(trace(json!({"x": [0, 2, 4]}))));
}

#[test]
fn bars_stand_on_zero_and_on_each_other() {
    let bar = |name: &str, heights: [f64; 2], colour: &str| {
        json!({"type": "bar", "name": name, "x": ["a", "b"],
        "y": heights, "marker": {"color": colour}})
    };
    let margin = json!({"l": 100, "r": 100, "t": 100, "b": 100});
    let layout = json!({"barmode": "stack", "yaxis": {"range": [0, 4]}, "margin": margin, "showlegend": false});
    let plot =
        json!({"data": [bar("one", [1.0, 2.0], "#111111"), bar("two", [2.0, 1.0], "#222222")], "layout": layout});
    let picture = drawn(&plot);
    let bars: Vec<&str> =
        picture.split("<rect ").filter(|part| part.contains("#111111") || part.contains("#222222")).collect();
    assert_eq!(bars.len(), 4, "{picture}");
    // 50 pixels a unit: the second bar of place a stands on the first.
    assert!(bars[0].contains("x=\"120\" y=\"250\" width=\"160\" height=\"50\""), "{}", bars[0]);
    assert!(bars[2].contains("x=\"120\" y=\"150\" width=\"160\" height=\"100\""), "{}", bars[2]);
    assert!(picture.contains(">a<") && picture.contains(">b<"), "the names of places");
}

#[test]
fn a_heatmap_has_a_point_a_cell_and_a_scale_in_words() {
    let heat = json!({"type": "heatmap", "z": [[0.0, 1.0], [null, 0.5]], "x": [1, 3], "y": [0.5, 1.5],
        "colorscale": [[0.0, "#000000"], [1.0, "#ffffff"]], "colorbar": {"title": {"text": "accuracy"}}});
    let picture = drawn(&with(heat));
    assert_eq!(attribute(&picture, "<image", "y"), "100");
    assert!(attribute(&picture, "<image", "href").starts_with("data:image/png;base64,"));
    assert!(picture.contains(">accuracy<") && picture.contains(">0.75<"), "{picture}");
}

#[test]
fn a_box_spans_the_quartiles() {
    let values: Vec<f64> = (0..=20).map(|value| f64::from(value) / 10.0).collect();
    let names = vec!["all"; values.len()];
    let mut plot = with(json!({"type": "box", "x": names, "y": values, "line": {"color": "#123456", "width": 1}}));
    plot["layout"]["xaxis"] = json!({});
    let picture = drawn(&plot);
    // Quartiles of 0, 0.1 … 2 lie at 0.475 and 1.525, in 100 pixels a unit.
    assert_eq!(attribute(&picture, "fill-opacity=\"0.5\"", "stroke-width"), "1");
    let boxed = picture.split("<rect ").find(|part| part.contains("fill-opacity=\"0.5\"")).unwrap();
    assert!(boxed.contains("y=\"147.5\"") && boxed.contains("height=\"105\""), "{boxed}");
}

#[test]
fn words_have_room_beside_the_data() {
    let named = |name: &str| json!({"mode": "lines", "x": [0, 1], "y": [0, 1], "name": name});
    let plot = |name: &str| {
        let layout = json!({"xaxis": {"range": [0, 1], "showline": true}, "yaxis": {}});
        json!({"data": [named(name), named("b")], "layout": layout})
    };
    let width = |name: &str| {
        assert!(drawn(&plot(name)).contains(&format!(">{name}<")));
        legend::frame(&plot(name)["layout"], plot(name)["data"].as_array().unwrap(), [600.0, 400.0]).width
    };
    assert!(width("a") > width("a much longer name of a curve") + 100.0);
}

#[test]
fn ticks_are_round_and_marks_lie_above_and_below() {
    let mut plot = with(json!({"mode": "markers", "x": [1, 2], "y": [1, 1], "marker": {"symbol": "diamond-open"}}));
    let shape = |layer: &str, colour: &str| {
        json!({"type": "rect", "xref": "x", "yref": "paper", "x0": 1, "x1": 2,
        "y0": 0, "y1": 1, "layer": layer, "fillcolor": colour, "opacity": 0.5})
    };
    plot["layout"]["shapes"] = json!([shape("below", "#00ff00"), shape("above", "#ff0000")]);
    plot["layout"]["annotations"] = json!([{"text": "here", "x": 0.5, "y": 1, "xref": "paper", "yref": "paper",
        "yanchor": "bottom", "yshift": 10, "showarrow": false}]);
    let picture = drawn(&plot);
    let place = |part: &str| picture.find(part).unwrap_or_else(|| panic!("no {part} in {picture}"));
    assert!(place("#00ff00") < place("<clipPath") && place("<clipPath") < place("#ff0000"));
    for word in [">0<", ">0.5<", ">1.5<", ">2<", ">4<", ">here<"] {
        place(word);
    }
    assert_eq!(attribute(&picture[place(">here<") - 60..], "<tspan", "x"), "300");
}

#[test]
fn what_it_cannot_draw_it_names() {
    assert_eq!(svg(&with(json!({"type": "scatter3d"})), [600.0, 400.0], Fit::Size, "").unwrap_err(), "scatter3d");
    drawn(&json!({"data": [], "layout": {}}));
    drawn(&json!({}));
    drawn(&with(json!({"type": "heatmap", "z": []})));
    drawn(&with(json!({"type": "box", "x": [], "y": []})));
    drawn(&with(json!({"x": ["a", "b"], "y": [null, null], "fill": "tozeroy"})));
}

#[test]
fn a_path_leaves_out_what_a_straight_line_passes() {
    assert_eq!(path([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 0.0]]), "M0 0l2 2l1 -2");
    assert_eq!(path([[0.0, 0.0], [0.44, -0.26]]), "M0 0l.4 -.3");
    assert_eq!(path([]), "");
    let circle = (0..=1000).map(|part| f64::from(part) * std::f64::consts::TAU / 1000.0);
    let circle: Vec<[f64; 2]> = circle.map(|angle| [100.0 * angle.cos(), 100.0 * angle.sin()]).collect();
    let kept: Vec<[f64; 2]> = simplified(&circle).collect();
    assert!((30..120).contains(&kept.len()), "{}", kept.len());
    let near =
        |point: &[f64; 2]| kept.windows(2).map(|ends| distance(*point, ends[0], ends[1])).fold(f64::MAX, f64::min);
    assert!(circle.iter().all(|point| near(point) <= NEAR + 1e-9));
}

#[test]
fn colours_are_told_apart_from_their_opacity() {
    assert_eq!(solid("#54278822"), ("#542788".to_owned(), 34.0 / 255.0));
    assert_eq!(solid("rgba(1,2,3,0.2)"), ("rgb(1,2,3)".to_owned(), 0.2));
    assert_eq!(solid("white"), ("white".to_owned(), 1.0));
    assert_eq!(solid("#é12345é"), ("#é12345é".to_owned(), 1.0));
}
