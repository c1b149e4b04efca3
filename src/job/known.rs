//! How our run ended, while that is being recorded.

use std::sync::{Mutex, PoisonError};

use crate::error::Error;
use crate::job::Success;

/// From when the end of our run is known until all is put away: what a process ends with that is ended meanwhile.
#[derive(Default)]
pub struct Known(Mutex<Option<Result<Success, Error>>>);

impl Known {
    /// It is known now.
    pub fn put(&self, ended: Result<Success, Error>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    }

    /// For who ends with it, or knows more.
    pub fn take(&self) -> Option<Result<Success, Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
