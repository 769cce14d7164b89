//! The Penn Treebank tokens of a caption, as Stanford's `PTBTokenizer` gives them.

/// What pycocoevalcap drops of the tokens.
const PUNCTUATION: [&str; 17] = [
    "''", "'", "``", "`", "-lrb-", "-rrb-", "-lcb-", "-rcb-", ".", "?", "!", ",", ":", "-", "--",
    "...", ";",
];

pub fn tokenize(text: &str) -> Vec<String> {
    (text.to_lowercase().split_whitespace())
        .filter(|token| !PUNCTUATION.contains(token))
        .map(str::to_owned)
        .collect()
}
