//! Damaged files of every kind that is read: whatever one holds, reading it ends soon and in little memory, in a result
//! or in an error that names the file; never in a panic.
//!
//! `MATURATION_MUTATIONS=1000000 cargo test --release --test damaged_files` reads as many as that, and
//! `MATURATION_SEED=7` other ones.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::io::{Cursor, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use maturation::activity::RecordingOptions;
use maturation::network::Network;
use maturation::prelude::*;
use maturation::summary::RunSummaryOptions;
use maturation::tables::read_table;
use maturation::tasks::TaskDefinition;
use zip::write::SimpleFileOptions;

/// Counts the memory that is in use and the most that was, to be compared with the size of a file.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn took(bytes: usize) {
    let now = IN_USE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(now, Ordering::Relaxed);
}

// SAFETY: every request goes to the system's allocator as it is; only its size is counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as the caller has it.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller has it.
        unsafe { System.dealloc(place, layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as the caller has it.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        took(size);
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller has it.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static MEMORY: Counting = Counting;

/// What reading any file takes, however small: buffers, tables of the reader.
const FIXED_MEMORY: usize = 1 << 20;
/// On a machine that does other work too.
const LONGEST: Duration = Duration::from_secs(10);
const SEED: u64 = 20_211;

/// A generator for mutations: splitmix64.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
    fn one_of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }
}

/// What programs and people put into files by mistake.
const PIECES: [&[u8]; 32] = [
    b"NaN",
    b"-1",
    b"1e308",
    b"99999999999999999999",
    b"18446744073709551615",
    b"-9223372036854775808",
    b"4294967296",
    b"1e-320",
    b"-0.0",
    b"inf",
    b"null",
    b"[]",
    b"{}",
    b"[[[[[[[[[[[[[[[[",
    b"\"",
    b"\\u0000",
    b"true",
    b"0",
    b"",
    b",",
    b";",
    b"\n",
    b"\r",
    b"\t",
    b" ",
    b":",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x00\x00\x00\x00",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
];

/// Some bytes with a few mistakes in them.
fn mutated(content: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = content.to_vec();
    for _ in 0..[1, 1, 1, 2, 4, 12][chance.below(6)] {
        let at = chance.below(bytes.len() + 1);
        match chance.below(8) {
            0 | 1 if at < bytes.len() => bytes[at] = chance.next() as u8,
            2 if at < bytes.len() => bytes[at] ^= 1 << chance.below(8),
            3 => {
                let length = [1, 3, 50, bytes.len() / 2][chance.below(4)];
                bytes.drain(at..(at + length).min(bytes.len()));
            }
            4 => {
                let from = chance.below(bytes.len() + 1);
                let part = bytes[from..(from + [5, 200][chance.below(2)]).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            5 => bytes.truncate(at),
            6 => {
                // A whole value of a text.
                let is_end = |byte: &u8| b",:;}]\n\t".contains(byte);
                let end = bytes[at..].iter().position(is_end).map_or(at, |length| at + length.min(40));
                bytes.splice(at..end, chance.one_of(&PIECES).iter().copied());
            }
            _ => {
                let piece = chance.one_of(&PIECES);
                let end = if chance.below(2) == 0 { at } else { (at + piece.len()).min(bytes.len()) };
                bytes.splice(at..end, piece.iter().copied());
            }
        }
    }
    bytes
}

type Read = Box<dyn Fn(&Path) -> maturation::Result<()>>;

/// A kind of file: its name, whole examples, and what reads it.
struct FileKind {
    name: &'static str,
    examples: Vec<Vec<u8>>,
    read: Read,
    /// From what is mutated to what is read.
    packed: fn(Vec<u8>) -> Vec<u8>,
    /// How many of a thousand mutations are of this kind.
    share: usize,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn contents(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| fs::read(fixture(name)).unwrap_or_else(|_| panic!("{name}"))).collect()
}

/// The first lines of text files.
fn beginnings(names: &[&str]) -> Vec<Vec<u8>> {
    let mut found = contents(names);
    found.iter_mut().for_each(|text| text.truncate(6000));
    found
}

fn small() -> Hyperparameters {
    let rule_trains = vec![Rule::GAP, Rule::OVERLAP];
    let paper = Hyperparameters::paper();
    Hyperparameters { n_rnn: 4, batch_size_train: 8, batch_size_test: 8, display_step: 2, rule_trains, ..paper }
}

/// The arrays of a network, each as NumPy's file of it.
fn arrays_of_a_network() -> Vec<(String, Vec<u8>)> {
    let network = Network::new(&small()).unwrap();
    let arrays = network.parameters().iter().map(|parameter| {
        let array = network.array(parameter.name()).unwrap();
        let shape = array.shape().iter().map(|length| format!("{length},")).collect::<String>();
        let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
        while !(10 + header.len() + 1).is_multiple_of(64) {
            header.push(' ');
        }
        header.push('\n');
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(array.iter().flat_map(|value| value.to_le_bytes()));
        (parameter.name().to_owned(), bytes)
    });
    arrays.collect()
}

/// An archive of NumPy with the arrays of a network, the first of which is another.
fn archived(first: Vec<u8>) -> Vec<u8> {
    let mut arrays = arrays_of_a_network();
    arrays[0].1 = first;
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, array) in arrays {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        archive.write_all(&array).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Castagnoli's checksum, as TensorFlow masks it.
fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = !0_u32;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0x82f6_3b78 } else { sum >> 1 };
        }
    }
    (!sum).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// A checkpoint's index whose blocks have their right checksums again, so that what is in them is looked at.
fn checked_anew(mut index: Vec<u8>) -> Vec<u8> {
    let Some(footer) = index.len().checked_sub(48) else { return index };
    let mut numbers = index[footer..].iter().copied();
    let mut number = || {
        let mut value = 0_usize;
        for place in 0..5 {
            let byte = numbers.next()?;
            value |= usize::from(byte & 127) << (7 * place);
            if byte < 128 {
                return Some(value);
            }
        }
        None
    };
    let handles = [(number(), number()), (number(), number())];
    let [(Some(start), Some(length)), (Some(other_start), Some(other_length))] = handles else { return index };
    for (start, length) in [(0, start.saturating_sub(5)), (start, length), (other_start, other_length)] {
        let end = start.saturating_add(length);
        if end.saturating_add(5) <= footer {
            let sum = checksum(&index[start..=end]);
            index[end + 1..end + 5].copy_from_slice(&sum.to_le_bytes());
        }
    }
    index
}

/// Every kind of file that is read, with a trained run in `folder` whose files are the examples.
fn kinds(folder: &Path) -> Vec<FileKind> {
    let unpacked: fn(Vec<u8>) -> Vec<u8> = |bytes| bytes;
    let run = folder.join("run");
    Training::new(small()).quiet().max_trials(32).train(&run).unwrap();
    let summarised = folder.join("summarised");
    let of_memory = Hyperparameters { rule_trains: vec![Rule::ODR], rule_probs: None, ..small() };
    let trained = Training::new(of_memory).quiet().max_trials(16).train(&summarised).unwrap();
    RunSummary::of(&trained, &RunSummaryOptions::default()).unwrap();
    let of_run = |name: &str| vec![fs::read(run.join(name)).unwrap()];
    let arrays = |read: fn(&Path) -> maturation::Result<()>, examples, name, share| FileKind {
        name,
        examples,
        read: Box::new(read),
        packed: unpacked,
        share,
    };
    let import = |path: &Path| Network::import(&small(), path).map(drop);
    let weights = arrays_of_a_network().swap_remove(0).1;
    let tables = ["plain", "many_types", "extra_datetime", "spike_counts_uint8"];
    let tables: Vec<String> = tables.iter().map(|name| format!("recordings/{name}.parquet")).collect();
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    let texts = ["hz.csv", "rows_twice.csv", "semicolon.csv", "six.csv", "degrees.csv", "trials.csv", "spikes.csv"];
    let texts: Vec<String> = texts.iter().map(|name| format!("recordings/{name}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let activity = |path: &Path| Activity::read(path, &RecordingOptions::default()).map(drop);
    let of_others = ["paper", "dt10", "indi_odr"].map(|name| format!("published_hp/{name}.json"));
    let of_others: Vec<&str> = of_others.iter().map(String::as_str).collect();
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/task-template.json");
    let plan = |comment: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/plan-template.toml");
        let text = fs::read_to_string(path).unwrap();
        // As it is, and with what stands there for a choice.
        let lines = text.lines().map(|line| if line.contains('=') { line.trim_start_matches(comment) } else { line });
        lines.collect::<Vec<_>>().join("\n").into_bytes()
    };
    let curriculum = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/curriculum-odr.csv");
    let published = |ending: &str| contents(&[&format!("published_run/2560/model.ckpt{ending}")]);
    let tensorflow = |path: &Path| {
        let folder = path.parent().unwrap();
        for ending in [".index", ".data-00000-of-00001"] {
            let part = folder.join(format!("model.ckpt{ending}"));
            if !part.exists() {
                fs::copy(fixture(&format!("published_run/2560/model.ckpt{ending}")), part).unwrap();
            }
        }
        let settings = Hyperparameters::read(fixture("published_run/hp.json"))?;
        Network::import(&settings, folder.join("model.ckpt.index")).map(drop)
    };
    let log = {
        let run = run.clone();
        move |path: &Path| {
            let copy = path.parent().unwrap();
            fs::copy(run.join("hp.json"), copy.join("hp.json")).unwrap();
            let opened = Run::open(copy)?;
            opened.log().map(drop)
        }
    };
    let state = {
        let run = run.clone();
        move |path: &Path| {
            let copy = path.parent().unwrap();
            for name in ["hp.json", "log.json"] {
                fs::copy(run.join(name), copy.join(name)).unwrap();
            }
            Training::new(small()).quiet().threads(1).max_trials(32).train(copy).map(drop)
        }
    };
    let of_summary = |name: &'static str, share| {
        let summary = summarised.join("summary");
        let content = fs::read(summary.join(name)).unwrap();
        let read = move |path: &Path| {
            let run = path.parent().unwrap().join("run/summary");
            fs::create_dir_all(&run).unwrap();
            for entry in fs::read_dir(&summary).unwrap() {
                let entry = entry.unwrap();
                fs::copy(entry.path(), run.join(entry.file_name())).unwrap();
            }
            fs::copy(path, run.join(name)).unwrap();
            let options = SummaryOptions { resamples: 100, measure: false, ..SummaryOptions::default() };
            match Summary::of_folder(path.parent().unwrap(), &options) {
                // Told to be of another version, say, a summary is none, and there is no run here to make it anew of.
                Err(error) if error.to_string().contains("`run`: it has not begun") => Ok(()),
                result => result.map(drop),
            }
        };
        FileKind { read: Box::new(read), ..arrays(|_| Ok(()), vec![content], name, share) }
    };
    vec![
        of_summary("about.json", 20),
        of_summary("measures.csv", 5),
        of_summary("claims.csv", 5),
        of_summary("units.parquet", 10),
        of_summary("growth.parquet", 10),
        arrays(
            |path| Hyperparameters::read_with_notes(path).map(drop),
            [contents(&of_others), of_run("hp.json")].concat(),
            "hp.json",
            100,
        ),
        FileKind { read: Box::new(log), ..arrays(|_| Ok(()), of_run("log.json"), "log.json", 80) },
        FileKind { read: Box::new(state), ..arrays(|_| Ok(()), of_run("state.safetensors"), "state.safetensors", 60) },
        arrays(|path| Network::load(&small(), path).map(drop), of_run("16/model.safetensors"), "model.safetensors", 80),
        arrays(import, of_run("16/model.safetensors"), "import.safetensors", 60),
        arrays(import, vec![archived(weights.clone())], "archive.npz", 60),
        FileKind { packed: archived, ..arrays(import, vec![weights], "array.npz", 90) },
        arrays(|path| read_table(path).map(drop), contents(&tables), "table.parquet", 90),
        arrays(activity, contents(&tables), "recording.parquet", 50),
        arrays(|path| read_table(path).map(drop), beginnings(&texts), "table.csv", 100),
        arrays(activity, beginnings(&texts), "recording.csv", 50),
        arrays(tensorflow, published(".index"), "model.ckpt.index", 10),
        FileKind { packed: checked_anew, ..arrays(tensorflow, published(".index"), "model.ckpt.index", 20) },
        arrays(tensorflow, published(".data-00000-of-00001"), "model.ckpt.data-00000-of-00001", 10),
        arrays(|path| TaskDefinition::read(path).map(drop), vec![fs::read(template).unwrap()], "task.json", 40),
        arrays(|path| Plan::read(path).map(drop), vec![plan(""), plan("# ")], "plan.toml", 30),
        arrays(|path| read_table(path).map(drop), vec![fs::read(curriculum).unwrap()], "curriculum.csv", 20),
    ]
}

/// A number that the caller of the test may set.
fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |value| value.parse().unwrap_or_else(|_| panic!("{name} is {value}, no number")))
}

/// Files that once took all memory, or made a table of unequal columns: a page of fewer than no values, a page's header
/// of fields of other kinds, a run of values that is too short.
fn check_what_was_found_before() {
    for name in ["negative_values", "header_of_another_kind", "short_run"] {
        let path = fixture(&format!("damaged/{name}.parquet"));
        let before = IN_USE.load(Ordering::Relaxed);
        MOST.store(before, Ordering::Relaxed);
        let message = read_table(&path).unwrap_err().to_string();
        assert!(message.contains(name), "{message}");
        let memory = MOST.load(Ordering::Relaxed) - before;
        assert!(memory < FIXED_MEMORY, "{name}: {memory} bytes of memory");
    }
}

/// Text is the worst case: a value of one digit takes two bytes there, and eight in a table.
fn check_memory_of_a_large_table(folder: &Path) {
    let path = folder.join("large.csv");
    let row = |step: usize| (0..40).map(|unit| format!(",{}", (step * unit) % 10)).collect::<String>();
    let names: String = (0..40).map(|unit| format!(",unit_{unit}")).collect();
    let rows: String = (0..50_000).map(|at| format!("{},{},{}{}\n", at / 100, at % 8, at % 100, row(at))).collect();
    fs::write(&path, format!("trial,location,step{names}\n{rows}")).unwrap();
    let size = fs::metadata(&path).unwrap().len() as usize;
    let before = IN_USE.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let table = read_table(&path).unwrap();
    let memory = MOST.load(Ordering::Relaxed) - before;
    assert_eq!(table.shape(), (50_000, 43));
    println!("large.csv: {size} bytes, {memory} of memory");
    assert!(memory < 10 * size, "{memory} bytes of memory for a file of {size}");
}

#[test]
fn a_damaged_file_gives_a_result_or_an_error_that_names_it_soon_and_in_little_memory() {
    let folder = tempfile::Builder::new().prefix("damaged").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let place = folder.path().join("here");
    let mutations = setting("MATURATION_MUTATIONS", 20_000) as usize;
    let mut chance = Chance(setting("MATURATION_SEED", SEED));
    check_what_was_found_before();
    check_memory_of_a_large_table(folder.path());
    let kinds = kinds(folder.path());
    assert_eq!(kinds.iter().map(|kind| kind.share).sum::<usize>(), 1000, "shares of a thousand");
    let mut failures = Vec::new();
    for kind in &kinds {
        let path = place.join(kind.name);
        let (mut accepted, mut slowest, mut largest) = (0, Duration::ZERO, 0);
        let count = mutations * kind.share / 1000;
        for number in 0..count {
            let _ = fs::remove_dir_all(&place);
            fs::create_dir_all(&place).unwrap();
            let example = chance.below(kind.examples.len());
            let bytes = (kind.packed)(mutated(&kind.examples[example], &mut chance));
            fs::write(&path, &bytes).unwrap();
            let (begin, before) = (Instant::now(), IN_USE.load(Ordering::Relaxed));
            MOST.store(before, Ordering::Relaxed);
            let result = catch_unwind(AssertUnwindSafe(|| (kind.read)(&path)));
            let memory = MOST.load(Ordering::Relaxed).saturating_sub(before);
            let time = begin.elapsed();
            let mut fault = match result {
                Ok(Ok(())) => {
                    accepted += 1;
                    None
                }
                Ok(Err(error)) => {
                    let message = error.to_string();
                    // TensorFlow's two files are one checkpoint, and what they disagree in may be told of either.
                    let is_named = message.contains(kind.name) || message.contains("model.ckpt.");
                    (!is_named).then(|| format!("an error that names no file: {message}"))
                }
                Err(_) => Some("a panic".to_owned()),
            };
            if memory > FIXED_MEMORY + 10 * bytes.len() {
                fault = Some(format!("{memory} bytes of memory for a file of {}", bytes.len()));
            }
            if time > LONGEST {
                fault = Some(format!("{time:?}"));
            }
            (slowest, largest) = (slowest.max(time), largest.max(memory));
            if let Some(fault) = fault {
                let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{number}-{}", kind.name));
                fs::write(&kept, &bytes).unwrap();
                failures.push(format!("{}: {fault}", kept.display()));
            }
        }
        println!("{}: {count} read, {accepted} of them whole; {slowest:?}, {largest} bytes at the most", kind.name);
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures[..failures.len().min(20)].join("\n"));
}
