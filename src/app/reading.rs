//! The migrations that we carry, as far as they are read: what only a tool applies stops nobody. Asks no database.

use std::path::Path;

use crate::error::Error;
use crate::formats::{self, Format, FormatError};
use crate::model::event::Event;
use crate::model::migration::Bundle;
use crate::report::Report;

/// Migrations, and the format that they are in.
pub type Understood = (Bundle, &'static dyn Format);

/// What a command, or a format's own tool, applies is only compared: what of it cannot be read is unread.
pub fn read(format: Option<&str>, folder: &Path, for_command: bool) -> Result<Understood, FormatError> {
    let (format, _) = formats::find(format, folder)?;
    let bundle = match for_command || format.writer().is_none() {
        true => formats::compare(format, folder)?,
        false => format.read(folder)?,
    };
    Ok((bundle, format))
}

/// A command's migrations may be of a format that we cannot read: then what is pending is unknown, and the ledger decides.
pub fn admitted(
    read: Result<Understood, FormatError>,
    for_command: bool,
    report: &dyn Report,
) -> Result<Option<Understood>, Error> {
    let unknown = |what: String| {
        report.event(&Event::Notice { message: format!("what is pending stays unknown: {what}") });
    };
    match read {
        // the tool itself will say what is wrong with it
        Err(error @ (FormatError::BadName { .. } | FormatError::Unsupported { .. })) if for_command => {
            unknown(error.to_string());
            Ok(None)
        }
        read => {
            let (bundle, format) = read?;
            if let Some(part) = bundle.unread.first().filter(|_| !bundle.is_told_apart()) {
                unknown(format!("{} {}", part.name, part.why));
            }
            Ok(Some((bundle, format)))
        }
    }
}
