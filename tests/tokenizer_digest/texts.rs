//! The texts of `tools/tokenizer_reference.py`, whose head tells how they are made.

use std::collections::HashMap;
use std::ops::Range;

use serde::Deserialize;

pub const CODE_POINTS: &str = "code points";

/// `parts.json`.
#[derive(Deserialize)]
pub struct Texts {
    block: usize,
    block_of_code_points: usize,
    contexts: Vec<String>,
    lists: HashMap<String, Vec<String>>,
    ranges: HashMap<String, Vec<(u32, u32)>>,
    /// What bytes from 80 on stand for.
    codecs: HashMap<String, String>,
    categories: Vec<Category>,
    #[serde(skip)]
    code_points: Vec<char>,
}

#[derive(Deserialize)]
struct Category {
    name: String,
    sources: Vec<String>,
    joins: String,
    least: usize,
    most: usize,
    count: usize,
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % limit as u64) as usize
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

impl Texts {
    pub fn read() -> Self {
        let parts = include_str!("../data/tokenizer/parts.json");
        let mut texts: Self = serde_json::from_str(parts).unwrap();
        let assigned = texts.ranges["assigned"].iter();
        let code_points = assigned.flat_map(|&(first, last)| first..=last);
        texts.code_points = code_points.filter_map(char::from_u32).collect();
        texts
    }

    /// Each category and its number of blocks.
    pub fn categories(&self) -> impl Iterator<Item = (&str, usize)> {
        let generated =
            (self.categories.iter()).map(|c| (c.name.as_str(), c.count.div_ceil(self.block)));
        let code_points = self.code_points.len() * self.contexts.len();
        generated.chain([(CODE_POINTS, code_points.div_ceil(self.block_of_code_points))])
    }

    /// The numbers of a block's texts.
    pub fn of_block(&self, category: &str, block: usize) -> Range<usize> {
        let (size, count) = match self.category(category) {
            Some((_, category)) => (self.block, category.count),
            None => (
                self.block_of_code_points,
                self.code_points.len() * self.contexts.len(),
            ),
        };
        block * size..count.min((block + 1) * size)
    }

    /// Text `n` of a category.
    pub fn text(&self, category: &str, n: usize) -> String {
        let Some((place, category)) = self.category(category) else {
            return self.code_point(n);
        };
        let mut random = Random(((place as u64) << 32) + n as u64);
        let mut text = String::new();
        for _ in 0..category.least + random.below(category.most - category.least + 1) {
            for recipe in random.pick(&category.sources).split('+') {
                text += &self.term(&mut random, recipe);
            }
            let join: &String = random.pick(&self.lists[&category.joins]);
            text += join;
        }
        text
    }

    fn category(&self, name: &str) -> Option<(usize, &Category)> {
        self.categories
            .iter()
            .enumerate()
            .find(|(_, category)| category.name == name)
    }

    fn code_point(&self, n: usize) -> String {
        let c = self.code_points[n / self.contexts.len()];
        self.contexts[n % self.contexts.len()].replace("{}", c.encode_utf8(&mut [0; 4]))
    }

    fn term(&self, random: &mut Random, recipe: &str) -> String {
        let mut steps = recipe.split('>');
        let name = steps.next().unwrap();
        let mut text = match self.lists.get(name) {
            Some(list) => random.pick(list).clone(),
            None => self.characters(random, name),
        };
        for step in steps {
            text = match step {
                "lose" => self.lose(random, &text),
                codec => self.misread(&text, codec),
            };
        }
        text
    }

    fn characters(&self, random: &mut Random, name: &str) -> String {
        let mut text = String::new();
        for _ in 0..1 + random.below(8) {
            let &(first, last) = random.pick(&self.ranges[name]);
            let code = first + random.below((last - first + 1) as usize) as u32;
            text.push(char::from_u32(code).unwrap());
        }
        text
    }

    fn lose(&self, random: &mut Random, text: &str) -> String {
        let (at, lost) = text
            .char_indices()
            .nth(random.below(text.chars().count()))
            .unwrap();
        let instead = random.pick(&self.lists["lost"]);
        format!("{}{instead}{}", &text[..at], &text[at + lost.len_utf8()..])
    }

    fn misread(&self, text: &str, codec: &str) -> String {
        let upper: Vec<char> = self.codecs[codec].chars().collect();
        let character = |byte| {
            if byte < 0x80 {
                char::from(byte)
            } else {
                upper[usize::from(byte) - 0x80]
            }
        };
        text.bytes().map(character).collect()
    }
}
