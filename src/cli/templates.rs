//! What labels are put into: an option that commands share.

use std::path::PathBuf;

use vcoca_gpu::labels::Templates;

use super::Stop;

#[derive(clap::Args)]
pub struct TemplateArgs {
    /// Texts that labels are put into, one a line with {} for the label [default: the label alone]
    #[arg(long, value_name = "FILE")]
    templates: Option<PathBuf>,
}

impl TemplateArgs {
    pub fn read(&self) -> Result<Templates, Stop> {
        Ok(match &self.templates {
            Some(path) => Templates::read(path)?,
            None => Templates::default(),
        })
    }
}
