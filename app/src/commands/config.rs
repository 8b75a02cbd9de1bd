//! `postrider config show` and `postrider config explain`.

use std::io::{self, Write};

use crate::settings::{Loaded, show};

#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
pub enum Output {
    #[default]
    Text,
    Json,
}

pub fn show(mut loaded: Loaded, output: Output, out: &mut dyn Write) -> io::Result<()> {
    let text = match output {
        Output::Text => show::text(&mut loaded),
        Output::Json => show::json(&mut loaded),
    };
    out.write_all(text.as_bytes())
}

pub fn explain(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(show::explain().as_bytes())
}
