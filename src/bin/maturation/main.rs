//! temp
use maturation::prelude::*;
fn main() -> Result<()> {
    let a: Vec<String> = std::env::args().collect();
    let mut h = Hyperparameters::preset(&a[2])?;
    for kv in &a[4..] { let (k, v) = kv.split_once('=').unwrap(); h.set(k, v)?; }
    let mut t = Training::new(h);
    if a[3] != "0" { t = t.max_trials(a[3].parse().unwrap()); }
    let run = t.train(&a[1])?;
    println!("{}", run.log()?.tail(Some(6)));
    Ok(())
}
