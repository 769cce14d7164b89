//! The datasets by name: what each is annotated for, and which files it takes.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{
    Items, activitynet, charades, hmdb51, ivqa, kinetics, msrvtt, questions, ucf101, vatex,
    youcook2,
};
use crate::{Error, Result};

/// What can be measured on a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// Which of the classes a clip shows.
    Classification,
    /// Which clip a text is about, and which text is about a clip.
    Retrieval,
    /// A sentence about a clip.
    Captioning,
    /// An answer to a question about a clip.
    Qa,
}

/// A public benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dataset {
    /// `MSRVTT_data.json` (or another file of its layout), or the csv of the 1k-A test split.
    MsrVtt,
    /// `val_1.json`, `val_2.json`: captions of events; retrieval joins those of a video.
    ActivityNet,
    /// `vatex_validation_v1.0.json` and its like; English captions.
    Vatex,
    /// `youcookii_annotations_trainval.json`, and lists of videos if only those are wanted.
    YouCook2,
    /// `test_qa.json` and, if files have the names of MSVD's clips, `youtube_mapping.txt`.
    MsvdQa,
    /// `test_qa.json`.
    MsrvttQa,
    /// `test_q.json` and `test_a.json`.
    ActivityNetQa,
    /// A csv of `test`; its layout is unconfirmed.
    Ivqa,
    /// The csv of a split of Kinetics-400, 600 or 700.
    Kinetics,
    /// `classInd.txt` and `testlist01.txt`.
    Ucf101,
    /// The files `NAME_test_split1.txt`, or the folder that has them.
    Hmdb51,
    /// `Charades_v1_test.csv` and `Charades_v1_classes.txt`.
    Charades,
}

/// All names, as messages and the command line give them.
const NAMES: [(&str, Dataset); 12] = [
    ("msrvtt", Dataset::MsrVtt),
    ("activitynet", Dataset::ActivityNet),
    ("vatex", Dataset::Vatex),
    ("youcook2", Dataset::YouCook2),
    ("msvd-qa", Dataset::MsvdQa),
    ("msrvtt-qa", Dataset::MsrvttQa),
    ("activitynet-qa", Dataset::ActivityNetQa),
    ("ivqa", Dataset::Ivqa),
    ("kinetics", Dataset::Kinetics),
    ("ucf101", Dataset::Ucf101),
    ("hmdb51", Dataset::Hmdb51),
    ("charades", Dataset::Charades),
];

impl Dataset {
    /// The names of all datasets.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// What the dataset is annotated for.
    pub fn tasks(self) -> &'static [Task] {
        match self {
            Self::MsrVtt | Self::ActivityNet | Self::Vatex | Self::YouCook2 => {
                &[Task::Captioning, Task::Retrieval]
            }
            Self::MsvdQa | Self::MsrvttQa | Self::ActivityNetQa | Self::Ivqa => &[Task::Qa],
            Self::Kinetics | Self::Ucf101 | Self::Hmdb51 | Self::Charades => {
                &[Task::Classification]
            }
        }
    }

    /// Whether a clip may show several classes, so that average precision is the measure.
    pub fn has_many_labels(self) -> bool {
        self == Self::Charades
    }

    /// Reads what the annotation files say for a task. `split` chooses a part of a file that has several:
    /// of MSR-VTT (`test` if none is said), YouCook2 (`validation`), Kinetics (all), HMDB51 (`1`).
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] for a task that the dataset is not annotated for, a split that it does not
    /// have, and too few or too many files; [`Error::Dataset`], which names the record and the field, for
    /// what is missing or malformed; [`Error::Io`] and [`Error::NotAFile`] for what cannot be read.
    pub fn read(self, task: Task, files: &[PathBuf], split: Option<&str>) -> Result<Items> {
        if !self.tasks().contains(&task) {
            let tasks: Vec<_> = self.tasks().iter().map(Task::to_string).collect();
            return Err(Error::Argument {
                what: "task",
                expected: format!("what {self} is annotated for: {}", tasks.join(" or ")),
                found: task.to_string(),
            });
        }
        let takes_split = matches!(
            self,
            Self::MsrVtt | Self::YouCook2 | Self::Kinetics | Self::Hmdb51
        );
        if let Some(split) = split.filter(|_| !takes_split) {
            return Err(Error::Argument {
                what: "split",
                expected: format!("none: each split of {self} is a file of its own"),
                found: split.into(),
            });
        }
        let items = match self {
            Self::MsrVtt => {
                msrvtt::read(one(files, "MSRVTT_data.json, or the csv of 1k-A")?, split)
            }
            Self::ActivityNet => activitynet::read(some(files, "val_1.json")?, task),
            Self::Vatex => vatex::read(some(files, "vatex_validation_v1.0.json")?),
            Self::YouCook2 => {
                let expected = "youcookii_annotations_trainval.json";
                youcook2::read(some(files, expected)?, split)
            }
            Self::MsvdQa => questions::msvd(some(files, "test_qa.json")?),
            Self::MsrvttQa => questions::msrvtt(one(files, "test_qa.json")?),
            Self::ActivityNetQa => {
                activitynet::questions(two(files, "test_q.json and test_a.json")?)
            }
            Self::Ivqa => ivqa::read(one(files, "the csv of the test split")?),
            Self::Kinetics => kinetics::read(some(files, "the csv of a split")?, split),
            Self::Ucf101 => ucf101::read(some(files, "classInd.txt and testlist01.txt")?),
            Self::Hmdb51 => {
                let expected = "the folder of NAME_test_split1.txt";
                hmdb51::read(some(files, expected)?, split)
            }
            Self::Charades => {
                let expected = "Charades_v1_test.csv and Charades_v1_classes.txt";
                charades::read(two(files, expected)?)
            }
        }?;
        match items.is_empty() {
            true => Err(Error::dataset(&files[0], "names no video")),
            false => Ok(items),
        }
    }
}

/// The one file that a dataset takes.
fn one<'f>(files: &'f [PathBuf], expected: &str) -> Result<&'f Path> {
    match files {
        [file] => Ok(file),
        _ => Err(wrong_number(files, expected)),
    }
}

/// The two files that a dataset takes, in any order.
fn two<'f>(files: &'f [PathBuf], expected: &str) -> Result<&'f [PathBuf; 2]> {
    files.try_into().map_err(|_| wrong_number(files, expected))
}

/// At least one file.
fn some<'f>(files: &'f [PathBuf], expected: &str) -> Result<&'f [PathBuf]> {
    match files {
        [] => Err(wrong_number(files, expected)),
        _ => Ok(files),
    }
}

fn wrong_number(files: &[PathBuf], expected: &str) -> Error {
    Error::Argument {
        what: "annotations",
        expected: expected.into(),
        found: match files.len() {
            1 => "one file".into(),
            count => format!("{count} files"),
        },
    }
}

impl FromStr for Dataset {
    type Err = Error;

    /// Takes names in any case, with hyphens, blanks or nothing between their parts, and the sizes of
    /// Kinetics: `MSR-VTT`, `Kinetics-400`.
    fn from_str(name: &str) -> Result<Self> {
        let plain = |name: &str| -> String {
            let letters = name.chars().filter(|c| c.is_ascii_alphanumeric());
            letters.map(|c| c.to_ascii_lowercase()).collect()
        };
        let asked = match plain(name).as_str() {
            "kinetics400" | "kinetics600" | "kinetics700" => "kinetics".into(),
            "activitynetcaptions" => "activitynet".into(),
            "youcookii" => "youcook2".into(),
            other => other.to_owned(),
        };
        let found = NAMES.iter().find(|(known, _)| plain(known) == asked);
        found.map(|(_, dataset)| *dataset).ok_or_else(|| {
            let names: Vec<_> = Self::names().collect();
            Error::Argument {
                what: "dataset",
                expected: names.join(", "),
                found: name.into(),
            }
        })
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = NAMES.iter().find(|(_, dataset)| dataset == self);
        out.pad(named.expect("every dataset has a name").0)
    }
}

impl FromStr for Task {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "classification" => Ok(Self::Classification),
            "retrieval" => Ok(Self::Retrieval),
            "captioning" => Ok(Self::Captioning),
            "qa" => Ok(Self::Qa),
            _ => Err(Error::Argument {
                what: "task",
                expected: "classification, retrieval, captioning or qa".into(),
                found: name.into(),
            }),
        }
    }
}

impl fmt::Display for Task {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Classification => "classification",
            Self::Retrieval => "retrieval",
            Self::Captioning => "captioning",
            Self::Qa => "qa",
        })
    }
}
