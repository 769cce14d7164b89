//! What labels are put into: an option that commands share.

use std::path::Path;

use vcoca_gpu::labels::Templates;

use super::Stop;

#[derive(clap::Args)]
pub struct TemplateArgs {
    /// Texts that labels are put into: "kinetics" or "openai", CLIP's own for actions and for things, or
    /// a file with one a line and {} for the label [default: the label alone]
    #[arg(long, value_name = "WHICH")]
    templates: Option<String>,
}

impl TemplateArgs {
    pub fn read(&self) -> Result<Templates, Stop> {
        let Some(name) = &self.templates else {
            return Ok(Templates::default());
        };
        if let Some(templates) = Templates::named(name) {
            return Ok(templates);
        }
        Templates::read(Path::new(name)).map_err(|error| {
            let known = Templates::NAMES.join(" and ");
            Stop::misused(anyhow::anyhow!(
                "--templates: {error} ({known} are known by name)"
            ))
        })
    }
}
