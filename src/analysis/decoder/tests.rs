use super::*;

#[test]
fn scratch() {
    let golden: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string("/work/shared/golden/analysis/decoder.json").unwrap()).unwrap();
    for rule in ["odr", "gap", "odrd"] {
        let activity = crate::analysis::golden::activity(rule, 716800);
        let options = DecoderOptions { stride_ms: 100.0, scoring: Scoring::Published, ..DecoderOptions::default() };
        let begin = std::time::Instant::now();
        let decoder = Decoder::of(&activity, &options).unwrap();
        let (mut same, mut all, mut trials) = (0, 0, 0.0);
        for (i, row) in golden[rule]["score"].as_array().unwrap().iter().enumerate() {
            for (j, v) in row.as_array().unwrap().iter().enumerate() {
                let d = (v.as_f64().unwrap() - decoder.accuracy[[i, j]]).abs();
                all += 1;
                if d < 1e-9 {
                    same += 1
                } else {
                    trials += d * 128.0;
                    println!("{i} {j} {v} {}", decoder.accuracy[[i, j]]);
                }
            }
        }
        println!("{rule} {same} of {all}, {trials} {:?}", begin.elapsed());
    }
}
