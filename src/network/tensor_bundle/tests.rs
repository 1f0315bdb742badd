//! Checkpoints of TensorFlow, whole, damaged and malicious.

use super::*;
use crate::network::other_programs::read_arrays_of_any_program;

fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn bundle(name: &str) -> PathBuf {
    fixtures("tensor_bundles").join(name).join("model.ckpt.index")
}

#[test]
fn a_checkpoint_of_the_published_program_holds_the_arrays_that_numpy_does() {
    let mut arrays = read(&fixtures("published_run/2560/model.ckpt.index")).unwrap();
    let mut expected = read_arrays_of_any_program(&fixtures("weights/published.npz")).unwrap();
    arrays.iter_mut().for_each(|array| array.name = array.name.replace('/', "."));
    for arrays in [&mut arrays, &mut expected] {
        arrays.sort_by(|one, other| one.name.cmp(&other.name));
    }
    assert_eq!(arrays.len(), 14);
    assert_eq!(arrays, expected);
}

#[test]
fn shards_double_precision_and_compressed_blocks_hold_the_same() {
    let plain = read_arrays_of_any_program(&fixtures("networks/n16_leakyrnn_softplus.safetensors")).unwrap();
    for name in ["sharded", "double"] {
        for array in read(&bundle(name)).unwrap() {
            let expected = format!("w0__{}", array.name.replace('/', "."));
            let expected = plain.iter().find(|plain| plain.name == expected).unwrap();
            assert_eq!((&array.shape, &array.values), (&expected.shape, &expected.values), "{name} {}", array.name);
        }
    }
    assert_eq!(read(&bundle("compressed")).unwrap(), read(&bundle("adam5")).unwrap());
    let counter = read(&bundle("old_names")).unwrap().into_iter().find(|array| array.name == "global_step").unwrap();
    assert_eq!((counter.shape, counter.values), (vec![], None));
}

/// A copy of a checkpoint that can be changed.
struct Copy {
    folder: tempfile::TempDir,
    files: Vec<(String, Vec<u8>)>,
}

impl Copy {
    fn of(name: &str) -> Copy {
        let folder = tempfile::tempdir().unwrap();
        let mut files: Vec<_> = std::fs::read_dir(bundle(name).parent().unwrap())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        let copy = Copy { folder, files };
        copy.files.iter().for_each(|(name, content)| copy.write(name, content));
        copy
    }

    fn write(&self, name: &str, content: &[u8]) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    fn read(&self) -> Result<Vec<ForeignArray>> {
        read(&self.folder.path().join("model.ckpt.index"))
    }
}

#[test]
fn whatever_becomes_of_a_byte_is_noticed_and_the_file_is_named() {
    for name in ["adam5", "compressed", "sharded"] {
        let copy = Copy::of(name);
        let whole = copy.read().unwrap();
        for (file, content) in &copy.files {
            for length in (0..content.len()).step_by(1 + content.len() / 300) {
                copy.write(file, &content[..length]);
                let message = copy.read().unwrap_err().to_string();
                assert!(message.contains(file.as_str()) && message.contains("truncated"), "{message}");
            }
            for place in (0..content.len()).step_by(1 + content.len() / 700) {
                let mut spoiled = content.clone();
                spoiled[place] ^= 0x10;
                copy.write(file, &spoiled);
                match copy.read() {
                    Err(error) => {
                        let message = error.to_string();
                        assert!(message.contains(file.as_str()), "{message}");
                        let of_tensor = message.contains("` does not match its checksum");
                        assert!(of_tensor || file.ends_with(INDEX), "{message}");
                    }
                    // At the end of the index are bytes that only fill.
                    Ok(found) => assert!(file.ends_with(INDEX) && found == whole && place + FILLED > content.len()),
                }
            }
            copy.write(file, content);
        }
        std::fs::remove_file(copy.folder.path().join(&copy.files[0].0)).unwrap();
        assert!(copy.read().unwrap_err().is_missing_file());
    }
}

/// Bytes at the end of an index of which some only fill.
const FILLED: usize = 48;

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 127 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// An entry of a block: how much its key has in common with the one before, the rest of it, and the value.
type Pair = (u64, Vec<u8>, Vec<u8>);

fn entries_of(pairs: &[Pair]) -> Vec<u8> {
    let mut block = Vec::new();
    for (common, own, value) in pairs {
        let lengths = [*common, own.len() as u64, value.len() as u64];
        block.extend(lengths.into_iter().flat_map(varint));
        block.extend(own);
        block.extend(value);
    }
    block.extend([0, 0, 0, 0, 1, 0, 0, 0]);
    block
}

/// An index of these blocks, each with the kind of its compression, all checksums right.
fn index_of(blocks: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut put = |kind: u8, content: &[u8]| {
        let place = [varint(file.len() as u64), varint(content.len() as u64)].concat();
        let start = file.len();
        file.extend(content);
        file.push(kind);
        let checksum = crc32c::masked(&file[start..]);
        file.extend(checksum.to_le_bytes());
        place
    };
    let pairs: Vec<Pair> = blocks.iter().map(|(kind, block)| (0, vec![0xff], put(*kind, block))).collect();
    let mut footer = put(0, &entries_of(&[]));
    footer.extend(put(0, &entries_of(&pairs)));
    footer.resize(40, 0);
    file.extend(footer);
    file.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
    file
}

/// What an entry of this message for the tensor `w` is refused with, in an index that is right otherwise.
fn refused(header: &[u8], entry: &[u8]) -> String {
    let pairs = [(0, vec![], header.to_vec()), (0, b"w".to_vec(), entry.to_vec())];
    refused_index(&index_of(&[(0, entries_of(&pairs))]))
}

fn refused_index(index: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.ckpt.index");
    std::fs::write(&path, index).unwrap();
    std::fs::write(folder.path().join("model.ckpt.data-00000-of-00001"), [0; 64]).unwrap();
    let message = read(&path).unwrap_err().to_string();
    assert!(message.contains("model.ckpt"), "{message}");
    message
}

#[test]
fn what_is_not_supported_is_refused_with_what_to_do() {
    let header = [8, 1, 26, 2, 8, 1];
    let expect = |message: String, words: &[&str]| {
        words.iter().for_each(|word| assert!(message.contains(word), "'{word}' is not in: {message}"));
    };
    let float = [8, 1, 18, 4, 18, 2, 8, 2, 40, 8];
    expect(refused(&[8, 1, 16, 1], &float), &["big-endian", "numpy.savez"]);
    expect(refused(&[8, 1, 26, 2, 16, 2], &float), &["version 2", "expected 1"]);
    expect(refused(&header, &[&float[..], &[58, 0]].concat()), &["`w` is in slices", "numpy.savez"]);
    expect(refused(&header, &[8, 1, 24, 1]), &["`w` is in data file 1 of 1"]);
    expect(
        refused(&header, &[8, 1, 18, 4, 18, 2, 8, 3, 40, 8]),
        &["data-00000-of-00001", "`w` has shape [3]", "8 bytes"],
    );
    expect(refused(&header, &[8, 1, 40, 200, 1]), &["truncated", "64 bytes", "`w`"]);
    expect(refused(&header, &[8, 1, 32, 60, 40, 8]), &["64 bytes"]);
    expect(refused(&header, &float), &["`w` does not match its checksum"]);
    expect(refused(&header, &[8]), &["`w`: a number ends too early"]);
    expect(refused(&[8], &float), &["ends too early"]);
    let both =
        |first: &[u8], second: &[u8]| [(0, first.to_vec(), header.to_vec()), (0, second.to_vec(), float.to_vec())];
    expect(refused_index(&index_of(&[(0, entries_of(&both(b"", b"")))])), &["not in order"]);
    expect(refused_index(&index_of(&[(0, entries_of(&both(b"a", b"b")))])), &["no header"]);
    expect(refused_index(&index_of(&[(0, entries_of(&both(b"", b"\xff\xfe")))])), &["no text"]);
    expect(refused_index(&index_of(&[])), &["no header"]);
    expect(refused_index(&index_of(&[(2, entries_of(&both(b"", b"w")))])), &["unknown way 2"]);
    expect(refused_index(&index_of(&[(1, entries_of(&both(b"", b"w")))])), &["cannot be unpacked"]);
    expect(refused_index(b"{}"), &["no footer"]);
    expect(refused_index(&[7; 100]), &["does not end as an index does"]);
}

#[test]
fn lengths_in_a_file_take_no_room() {
    let header = vec![8, 1, 26, 2, 8, 1];
    // A block that claims to unpack to 4 GB.
    let claims = [varint(u64::from(u32::MAX)), vec![0; 40]].concat();
    assert!(refused_index(&index_of(&[(1, claims)])).contains("claims to unpack to 4294967295 bytes"));
    // Blocks that unpack to more than they may, and truly would.
    let zeros = snap::raw::Encoder::new().compress_vec(&vec![0; 1 << 20]).unwrap();
    assert!(refused_index(&index_of(&[(1, zeros)])).contains("claims to unpack to 1048576 bytes"));
    // Long names that each take a few bytes of the file.
    let mut pairs: Vec<Pair> = vec![(0, vec![], header.clone()), (0, vec![b'a'; 1000], vec![8, 3])];
    pairs.extend((0..1000_u64).map(|k| (1000 + k, b"b".to_vec(), vec![8, 3])));
    assert!(refused_index(&index_of(&[(0, entries_of(&pairs))])).contains("names take more room"));
    // More tensors than a network has.
    let mut pairs: Vec<Pair> = vec![(0, vec![], header.clone())];
    pairs.extend((0..5000).map(|k| (0, format!("{k:05}").into_bytes(), vec![8, 3])));
    assert!(refused_index(&index_of(&[(0, entries_of(&pairs))])).contains("more than 4096 tensors"));
    // One block again and again, and tensors on top of each other.
    let block = entries_of(&[(0, vec![], header.clone()), (0, b"w".to_vec(), vec![8, 3])]);
    let mut twice = index_of(&[(0, block.clone())]);
    let place = [varint(0), varint(block.len() as u64)].concat();
    twice.truncate(block.len() + 5);
    let index = entries_of(&[(0, b"w".to_vec(), place.clone()), (0, b"x".to_vec(), place)]);
    let start = twice.len();
    twice.extend(&index);
    twice.push(0);
    let checksum = crc32c::masked(&twice[start..]);
    twice.extend(checksum.to_le_bytes());
    let handle = [varint(start as u64), varint(index.len() as u64)].concat();
    let mut footer = [handle.clone(), handle].concat();
    footer.resize(40, 0);
    twice.extend(footer);
    twice.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
    assert!(refused_index(&twice).contains("not in order"));
    let checksum = crc32c::masked(&[0; 64]).to_le_bytes();
    let all = [&[8, 3, 18, 4, 18, 2, 8, 16, 40, 64, 53][..], &checksum].concat();
    let pairs = [(0, vec![], header), (0, b"v".to_vec(), all.clone()), (0, b"w".to_vec(), all)];
    assert!(refused_index(&index_of(&[(0, entries_of(&pairs))])).contains("`w` begins within another tensor"));
}

#[test]
fn blocks_that_are_wrong_under_right_checksums_are_refused_or_read_and_nothing_else() {
    let copy = Copy::of("adam5");
    let mut pairs: Vec<Pair> = Vec::new();
    let keep = |key: &[u8], value: &[u8]| {
        pairs.push((0, key.to_vec(), value.to_vec()));
        Ok(())
    };
    table::visit(&std::fs::read(bundle("adam5")).unwrap(), keep).unwrap();
    let block = entries_of(&pairs);
    let mut state = 1_u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut whole, mut refused) = (0, 0);
    for _ in 0..20_000 {
        let mut spoiled = block.clone();
        for _ in 0..=draw(3) {
            let place = draw(spoiled.len());
            match draw(4) {
                0 => drop(spoiled.remove(place)),
                1 => spoiled.insert(place, draw(256) as u8),
                2 => spoiled[place] = [0, 1, 127, 128, 255][draw(5)],
                _ => spoiled[place] ^= 1 << draw(8),
            }
        }
        let packed = match draw(2) {
            0 => (0, spoiled),
            _ => (1, snap::raw::Encoder::new().compress_vec(&spoiled).unwrap()),
        };
        copy.write("model.ckpt.index", &index_of(&[packed]));
        match copy.read() {
            Ok(_) => whole += 1,
            Err(error) => {
                assert!(error.to_string().contains("model.ckpt."), "{error}");
                refused += 1;
            }
        }
    }
    // A name or an unused field may have been what changed.
    assert!(whole > 500 && refused > 10_000, "{whole} {refused}");
}
