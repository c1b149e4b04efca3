//! sqlx's own format: `NNNN_name.sql`, `NNNN_name.up.sql`, `_sqlx_migrations`.

use std::path::Path;

use crate::formats::{Format, FormatError, History};
use crate::model::migration::Bundle;

/// The native format.
pub struct Sqlx;

impl Format for Sqlx {
    fn name(&self) -> &'static str {
        "sqlx"
    }

    fn detect(&self, _folder: &Path) -> Option<String> {
        None
    }

    fn read(&self, folder: &Path) -> Result<Bundle, FormatError> {
        Err(FormatError::NoFolder { folder: folder.to_owned() })
    }

    fn history(&self) -> &'static History {
        unreachable!()
    }
}
