//! How many crates can be compiled at once in the memory that there is.

use std::path::Path;

/// With less memory than this the two largest crates, which take 1.5 GB each, must not be compiled at once.
const ROOM_FOR_TWO: u64 = 3_500_000_000;

/// How many crates to compile at once: one where memory is short, or else one for each processor.
pub fn usual_jobs() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let read = |path: &str| std::fs::read_to_string(Path::new(path)).ok();
    let group = read("/sys/fs/cgroup/memory.max").zip(read("/sys/fs/cgroup/memory.current"));
    jobs(available(read("/proc/meminfo").as_deref(), group), processors)
}

fn jobs(available: Option<u64>, processors: usize) -> usize {
    match available {
        Some(bytes) if bytes < ROOM_FOR_TWO => 1,
        Some(bytes) => processors.min(usize::try_from(bytes / (ROOM_FOR_TWO / 2)).unwrap_or(1)),
        None => processors.min(2),
    }
}

/// The memory that is free, in bytes: on the machine, or in the group of processes that this one belongs to (in a
/// container, say) if that has a limit.
fn available(meminfo: Option<&str>, group: Option<(String, String)>) -> Option<u64> {
    let line = meminfo.and_then(|text| text.lines().find_map(|line| line.strip_prefix("MemAvailable:")));
    let machine = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map(|kib| kib * 1024);
    let group = group
        .and_then(|(limit, used)| Some(limit.trim().parse::<u64>().ok()?.saturating_sub(used.trim().parse().ok()?)));
    [machine, group].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:       24000000 kB\nMemAvailable:    8000000 kB\n";

    #[test]
    fn the_smaller_of_the_machines_and_the_groups_memory_counts() {
        let group = |limit: &str| Some((format!("{limit}\n"), "500000000\n".to_owned()));
        assert_eq!(available(Some(MEMINFO), None), Some(8_192_000_000));
        assert_eq!(available(Some(MEMINFO), group("max")), Some(8_192_000_000));
        assert_eq!(available(Some(MEMINFO), group("2500000000")), Some(2_000_000_000));
        assert_eq!(available(None, None), None);
    }

    #[test]
    fn as_many_crates_are_compiled_at_once_as_there_is_memory_for() {
        assert_eq!(jobs(Some(2_000_000_000), 8), 1);
        assert_eq!(jobs(Some(8_000_000_000), 8), 4);
        assert_eq!(jobs(Some(64_000_000_000), 8), 8);
        assert_eq!(jobs(None, 8), 2);
    }
}
