//! The same ids as OpenCLIP's tokenizer, on the texts of `tools/tokenizer_reference.py` and on every
//! code point: the hashes that it committed under `tests/data/tokenizer`.

mod texts;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use texts::Texts;
use vcoca_gpu::tokenizer::Tokenizer;

const DIGEST: &str = include_str!("../data/tokenizer/digest.txt");

/// A block of texts of one category, with the hashes of the texts and of their ids.
struct Block {
    category: &'static str,
    block: usize,
    texts: u64,
    ids: u64,
}

/// The committed blocks, and the texts that the hashes of ids leave out.
fn digest() -> (Vec<Block>, HashSet<(&'static str, usize)>) {
    let mut blocks = Vec::new();
    let mut left_out = HashSet::new();
    for line in DIGEST.lines().filter(|line| !line.starts_with('#')) {
        match line.split('\t').collect::<Vec<_>>()[..] {
            ["left out", category, text] => {
                left_out.insert((category, text.parse().unwrap()));
            }
            [category, block, texts, ids] => blocks.push(Block {
                category,
                block: block.parse().unwrap(),
                texts: u64::from_str_radix(texts, 16).unwrap(),
                ids: u64::from_str_radix(ids, 16).unwrap(),
            }),
            _ => panic!("{line:?}"),
        }
    }
    (blocks, left_out)
}

/// FNV-1a, on whole values, with one behind them that no text has.
struct Hash(u64);

impl Hash {
    fn add(&mut self, values: impl Iterator<Item = u32>) {
        for value in values.chain([u32::MAX]) {
            self.0 = (self.0 ^ u64::from(value)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

#[test]
fn ids_are_those_of_openclip() {
    let (blocks, left_out) = digest();
    let texts = Texts::read();
    let counts: HashMap<_, usize> = blocks.iter().fold(HashMap::new(), |mut counts, block| {
        *counts.entry(block.category).or_default() += 1;
        counts
    });
    for (category, count) in texts.categories() {
        assert_eq!(counts[category], count, "blocks of {category}");
    }

    let tokenizer = Tokenizer::clip(76).unwrap();
    let next = AtomicUsize::new(0);
    // What is wrong with the blocks that a thread takes.
    let check = || {
        let mut wrong = Vec::new();
        while let Some(block) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (mut of_texts, mut of_ids) = (Hash(0xcbf29ce484222325), Hash(0xcbf29ce484222325));
            for n in texts.of_block(block.category, block.block) {
                let text = texts.text(block.category, n);
                of_texts.add(text.chars().map(u32::from));
                if !left_out.contains(&(block.category, n)) {
                    of_ids.add(tokenizer.encode(&text).unwrap().into_iter());
                }
            }
            let which = format!("{:?} {}", block.category, block.block);
            if of_texts.0 != block.texts {
                wrong.push(format!("the texts of {which} are others"));
            } else if of_ids.0 != block.ids {
                wrong.push(format!(
                    "tools/tokenizer_reference.py compare {which} prints what differs"
                ));
            }
        }
        wrong
    };
    let wrong = thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(check)).collect();
        let wrong = threads.into_iter().map(|thread| thread.join().unwrap());
        wrong.collect::<Vec<_>>().concat()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_hundred_thousand_texts_and_more_are_compared() {
    let (blocks, left_out) = digest();
    let texts = Texts::read();
    let generated = blocks
        .iter()
        .filter(|block| block.category != texts::CODE_POINTS);
    let compared: usize = generated
        .map(|block| texts.of_block(block.category, block.block).len())
        .sum();
    assert!(compared - left_out.len() >= 100_000, "{compared}");
}
