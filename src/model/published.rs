//! Checkpoints of CoCa that are published, and those that are here.

use std::path::{Path, PathBuf};

use super::checkpoint::{ShardIndex, WEIGHTS};
use super::config::{CONFIG, Config};
use crate::files;
use crate::hub::{Hub, Repo, Wanted};

/// A published checkpoint.
#[derive(Debug)]
pub struct Published {
    /// `owner/name` on Hugging Face.
    pub repo: &'static str,
    pub parameters: u64,
    /// As its model card says.
    pub licence: &'static str,
    /// Whether it was trained on questions with answers.
    pub answers: bool,
    /// What to expect of it. Accuracies are zero-shot on ImageNet, as published.
    pub good_for: &'static str,
    /// The file of its weights.
    pub(super) weights: &'static str,
    /// What stands for the configuration where the repository has none.
    pub(super) config: &'static str,
}

/// The sizes that OpenCLIP itself knows these checkpoints by.
const B_32: &str = include_str!("../../models/published/coca_ViT-B-32.json");
const L_14: &str = include_str!("../../models/published/coca_ViT-L-14.json");

/// The checkpoints that OpenCLIP's authors trained.
pub const PUBLISHED: [Published; 4] = [
    Published {
        repo: "laion/mscoco_finetuned_CoCa-ViT-L-14-laion2B-s13B-b90k",
        parameters: 638_450_177,
        licence: "MIT",
        answers: false,
        good_for: "captions in sentences, labels (72.0 %)",
        weights: "open_clip_pytorch_model.safetensors",
        config: L_14,
    },
    Published {
        repo: "laion/CoCa-ViT-L-14-laion2B-s13B-b90k",
        parameters: 638_450_177,
        licence: "MIT",
        answers: false,
        good_for: "captions like alt texts, labels (75.6 %)",
        weights: "open_clip_pytorch_model.bin",
        config: L_14,
    },
    Published {
        repo: "laion/mscoco_finetuned_CoCa-ViT-B-32-laion2B-s13B-b90k",
        parameters: 253_560_065,
        licence: "MIT",
        answers: false,
        good_for: "captions in sentences, and nothing else (0.79 %)",
        weights: "open_clip_pytorch_model.bin",
        config: B_32,
    },
    Published {
        repo: "laion/CoCa-ViT-B-32-laion2B-s13B-b90k",
        parameters: 253_560_065,
        licence: "MIT",
        answers: false,
        good_for: "captions like alt texts, labels (63.3 %)",
        weights: "open_clip_pytorch_model.bin",
        config: B_32,
    },
];

/// The names that OpenCLIP gives to the sizes of its checkpoints.
pub const ARCHITECTURES: [&str; 2] = ["coca_ViT-B-32", "coca_ViT-L-14"];

/// The sizes that OpenCLIP knows by a name, if it is one of [`ARCHITECTURES`].
pub fn sizes(name: &str) -> Option<Config> {
    let at = ARCHITECTURES.iter().position(|known| *known == name)?;
    let parsed = Config::parse(Path::new(name), [B_32, L_14][at].as_bytes());
    Some(parsed.expect("built-in configurations are right"))
}

/// A checkpoint in the cache, ready for use without a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cached {
    pub repo: Repo,
    pub folder: PathBuf,
    /// Of all files that make up the model.
    pub bytes: u64,
}

/// The checkpoints of CoCa in the hub's cache, by name. Each name is there once, with the files that
/// opening it takes.
pub fn cached(hub: &Hub) -> Vec<Cached> {
    let mut found: Vec<Cached> = Vec::new();
    for (repo, folder) in hub.snapshots() {
        if found.last().is_some_and(|last| last.repo == repo) {
            continue;
        }
        let files = wanted(&repo).files_in(&folder);
        if let Some(files) = files.filter(|_| is_coca(&repo, &folder)) {
            let size = |name: &String| folder.join(name).metadata().map_or(0, |file| file.len());
            let bytes = files.iter().map(size).sum();
            found.push(Cached {
                repo,
                folder,
                bytes,
            });
        }
    }
    found
}

/// What is known of a repository.
pub fn find(repo: &Repo) -> Option<&'static Published> {
    PUBLISHED.iter().find(|known| known.repo == repo.id())
}

/// The files of a repository that make up its model.
pub(super) fn wanted(repo: &Repo) -> Wanted {
    const SMALL: [&str; 3] = [CONFIG, "tokenizer.json", "merges.txt"];
    const USUAL: &str = "open_clip_config.json, open_clip_model.safetensors or \
        open_clip_pytorch_model.bin, and tokenizer.json or merges.txt if there is one";
    let known = find(repo);
    let (required, optional) = SMALL.split_at(usize::from(known.is_none()));
    Wanted {
        required,
        weights: &WEIGHTS,
        optional,
        shards: |index| {
            let index = ShardIndex::read(index)?;
            Ok(index.files().into_iter().map(str::to_owned).collect())
        },
        in_words: known.map_or(USUAL, |known| known.weights),
    }
}

/// Tells CoCas from the other models that share the cache.
fn is_coca(repo: &Repo, folder: &Path) -> bool {
    /// Far above any configuration.
    const BYTES: u64 = 1 << 20;
    let config = files::read(&folder.join(CONFIG), "a configuration", BYTES);
    let parsed = config.map(|json| serde_json::from_slice::<serde_json::Value>(&json));
    match parsed {
        Ok(Ok(config)) => !config["model_cfg"]["multimodal_cfg"].is_null(),
        _ => find(repo).is_some(),
    }
}
