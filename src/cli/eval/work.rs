//! An evaluation from the model on: the walk over the clips, the figures, the files.

use std::io;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Map, Value, json};
use vcoca_gpu::ModelSource;
use vcoca_gpu::datasets::Task;
use vcoca_gpu::engine::Engine;
use vcoca_gpu::eval::{self, Counts, Event, Failed, Located, Manifest, Measures, Plan, Store};

use super::Args;
use crate::cli::output::count;
use crate::cli::{FAILED, Stop, output, progress, report};

/// An evaluation that is ready to run.
pub struct Work<'a> {
    pub args: &'a Args,
    pub plan: Plan,
    pub located: Located,
    pub source: ModelSource,
    pub engine: Engine,
    pub quiet: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    results: Value,
    manifest: &'a Manifest,
}

impl Work<'_> {
    pub fn run(self) -> Result<ExitCode, Stop> {
        let Self {
            args,
            plan,
            located,
            engine,
            ..
        } = &self;
        let settings = eval::Settings::new(
            plan,
            &args.annotations,
            args.split.as_deref(),
            &self.source,
            engine,
        )?;
        let mut store = match &args.out {
            Some(folder) => Store::open(folder, &settings)?,
            None => Store::in_memory(),
        };
        let mut manifest = self.begin(settings)?;
        let failed = self.walk(&mut store)?;
        let measured = (0..located.items.len())
            .filter(|&i| store.get(&located.items.clip(i).id).is_some())
            .count();
        manifest.counts = Counts {
            clips: located.files.len() + located.missing.len(),
            truths: (located.items).truths(|clip| store.get(&clip.id).is_some()),
            measured,
            missing: located.missing.len(),
            failed: failed.len(),
        };
        manifest.missing = located.missing.iter().map(|clip| clip.id.clone()).collect();
        manifest.failed = failed;
        let measures = match measured {
            0 => None,
            _ => Some(self.measure(&store)?),
        };
        if let Some(session) = manifest.sessions.last_mut() {
            session.ended = Some(eval::now());
        }
        let results = measures.as_ref().map(|measures| self.results(measures));
        if let Some(folder) = &args.out {
            if let Some(results) = &results {
                eval::write_results(folder, results)?;
            }
            eval::export(folder, plan, &located.items, &store)?;
            manifest.write(folder)?;
        }
        let Some((measures, results)) = measures.zip(results) else {
            return Err(Stop::Fault(
                FAILED,
                anyhow::anyhow!("no video could be read"),
            ));
        };
        match args.json {
            true => output::json(&Report {
                results,
                manifest: &manifest,
            })?,
            false => self.show(&measures, &manifest)?,
        }
        self.tell_of_other_tools();
        Ok(ExitCode::from(if manifest.failed.is_empty() {
            0
        } else {
            FAILED
        }))
    }

    /// The manifest of this session, on disk before the first record.
    fn begin(&self, settings: eval::Settings) -> Result<Manifest, Stop> {
        let caps = self.engine.model().gpu().caps();
        let session = eval::Session::start(caps, &self.args.videos);
        let earlier = match &self.args.out {
            Some(folder) => Manifest::read(folder)?,
            None => None,
        };
        let mut manifest = earlier.unwrap_or_else(|| Manifest::new(settings));
        manifest.sessions.push(session);
        if let Some(folder) = &self.args.out {
            manifest.write(folder)?;
        }
        Ok(manifest)
    }

    fn walk(&self, store: &mut Store) -> Result<Vec<Failed>, Stop> {
        let bar = progress::bar(self.located.files.len(), self.quiet);
        let mut kept = 0;
        let failed = eval::run(
            &self.engine,
            &self.plan,
            &self.located.items,
            &self.located.files,
            store,
            &mut |event| {
                match event {
                    Event::Kept(_) => kept += 1,
                    Event::Done(clip) => bar.set_message(output::plain(&clip.id).into_owned()),
                    Event::Failed(_, error) => bar.suspend(|| report(error)),
                }
                bar.inc(1);
            },
        );
        bar.finish_and_clear();
        log::info!("{kept} clips were there from an earlier run");
        Ok(failed?)
    }

    fn measure(&self, store: &Store) -> Result<Vec<Measures>, Stop> {
        let bar = progress::bar(self.located.items.truths(|_| true), self.quiet);
        bar.set_message("texts");
        let measures = eval::measure(
            &self.engine,
            &self.plan,
            &self.located.items,
            store,
            &mut |done| bar.set_position(done as u64),
        );
        bar.finish_and_clear();
        Ok(measures?)
    }

    /// The figures by way of pooling.
    fn results(&self, measures: &[Measures]) -> Value {
        let ways = self.plan.ways.iter().map(ToString::to_string);
        let by_way = ways.zip(measures.iter().map(|measures| json!(measures)));
        Value::Object(by_way.collect::<Map<_, _>>())
    }

    /// A table: a row for each figure, a column for each way of pooling.
    fn show(&self, measures: &[Measures], manifest: &Manifest) -> io::Result<()> {
        let Counts {
            clips, measured, ..
        } = manifest.counts;
        let clips = match measured == clips {
            true => count(clips, "clip"),
            false => format!("{measured} of {}", count(clips, "clip")),
        };
        output::line(format_args!(
            "{} {}, {clips}, {} each, {} in {}",
            self.plan.dataset,
            self.plan.task,
            count(self.plan.frames, "frame"),
            self.source.name(),
            self.engine.model().dtype(),
        ))?;
        let head = std::iter::once(String::new());
        let mut rows = vec![
            head.chain(self.plan.ways.iter().map(ToString::to_string))
                .collect(),
        ];
        let columns: Vec<_> = measures.iter().map(Measures::figures).collect();
        for (i, figure) in columns[0].iter().enumerate() {
            let values = columns
                .iter()
                .map(|column| format!("{:.1}", column[i].value));
            let row: Vec<String> = std::iter::once(figure.name.into()).chain(values).collect();
            rows.push(row);
        }
        let left: Vec<bool> = (0..rows[0].len()).map(|column| column == 0).collect();
        output::table(&rows, left)
    }

    /// No figure is left out without a word.
    fn tell_of_other_tools(&self) {
        if self.plan.task != Task::Captioning {
            return;
        }
        let files = match &self.args.out {
            Some(folder) => format!(
                "give {}/captions-*.json and references.json to pycocoevalcap",
                folder.display()
            ),
            None => "--out DIR writes the files that pycocoevalcap takes".into(),
        };
        log::warn!("METEOR and SPICE are not measured here, for they are Java programs: {files}");
    }
}
