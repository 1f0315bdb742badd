//! How long it takes to read a checkpoint out and to test its units.
//!
//! ```sh
//! cargo bench --bench readout
//! ```
//!
//! Milliseconds, the median and the shortest of many, for a checkpoint of 256 units of the shipped run: its activity on
//! the 128 test trials of rule odr (weights read from disk, 175 time steps), and the selectivity table of one epoch.

use std::time::Instant;

use maturation::prelude::*;
use maturation::readout::{Readout, ReadoutOptions};

fn main() -> Result<()> {
    let run = Run::open(concat!(env!("CARGO_MANIFEST_DIR"), "/data/6tasks"))?;
    let checkpoint = run.last()?;
    let mut readout = Readout::new(ReadoutOptions::default())?;
    let mut times: [Vec<f64>; 2] = Default::default();
    for _ in 0..60 {
        let begin = Instant::now();
        let activity = readout.activity(&checkpoint, Rule::ODR)?;
        let read = begin.elapsed();
        let table = selectivity(&activity, Epoch::Stim1)?;
        let both = begin.elapsed();
        assert_eq!(table.height(), 256);
        times[0].push(1e3 * read.as_secs_f64());
        times[1].push(1e3 * both.as_secs_f64());
    }
    for (name, times) in ["activity", "activity and selectivity table"].iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        println!("{name}: median {:.1} ms, shortest {:.1} ms", times[times.len() / 2], times[0]);
    }
    Ok(())
}
