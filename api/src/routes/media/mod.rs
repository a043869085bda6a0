//! Playback: playlists from the database, segments and posters from the object store.

mod captions;
mod etag;
pub mod get;
mod range;
mod target;

/// The number in a segment's name, such as `s00012.m4s`.
fn segment_number(name: &str, extension: &str) -> Option<i32> {
    let digits = name.strip_prefix('s')?.strip_suffix(extension)?;
    let is_number = digits.len() == 5 && digits.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}
