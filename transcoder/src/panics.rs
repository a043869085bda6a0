//! What went wrong in the child where nothing should: nobody reads what it writes of its own accord, so the last panic is
//! kept for the report.

use std::{
    panic,
    sync::{Mutex, PoisonError},
};

/// Longest note, in characters.
const NOTE_MAX_CHARS: usize = 300;

static LAST: Mutex<String> = Mutex::new(String::new());

/// From now on panics are noted instead of written to standard error.
pub(crate) fn note_them() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or(String::new(), |at| format!(" at {}:{}", at.file(), at.line()));
        let what = info.payload_as_str().unwrap_or("no text").chars().take(NOTE_MAX_CHARS).collect::<String>();
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = format!("{what}{place}");
    }));
}

/// What the last one was, for operators.
pub(crate) fn last() -> String {
    format!("a thread panicked: {}", LAST.lock().unwrap_or_else(PoisonError::into_inner))
}
