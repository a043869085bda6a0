//! One moment of a source as a poster, seen from the parent.

use std::path::Path;

use tokio::fs;

use super::{TranscodeError, place_source, verify::Verifier};
use crate::{
    media::{POSTER_FILE, PosterReport},
    plan::{Limits, TranscodePlan},
    sandbox::{Child, ChildCommand, ChildError, Event, Request, SOURCE_FILE},
};

/// Makes the poster of the picture shown `at_ms` after the start of the clip that `plan` describes.
///
/// `work` is an empty folder on the file system of `source`, for this job alone. Returns the checked
/// JPEG and what it is.
///
/// # Errors
/// See [`TranscodeError`]; also when the moment lies behind the end.
pub async fn make_poster(
    work: &Path,
    source: &Path,
    command: &ChildCommand,
    limits: &Limits,
    plan: &TranscodePlan,
    at_ms: u64,
) -> Result<(Vec<u8>, PosterReport), TranscodeError> {
    if !plan.is_consistent() {
        return Err(TranscodeError::Untrue("the stored plan contradicts itself".into()));
    }
    let slot = plan.slot_at_ms(at_ms);
    let work = fs::canonicalize(work).await?;
    place_source(source, &work.join(SOURCE_FILE)).await?;
    let mut child = Child::start(command, &work).await?;
    child.ask(&Request::Poster { plan: Box::new(plan.clone()), limits: limits.clone(), slot }).await?;
    match child.next().await? {
        Event::Poster { poster } => {
            let (_, bytes) = Verifier::new(work).check_poster(&poster, POSTER_FILE).await?;
            Ok((bytes, poster))
        }
        Event::Refused { refusal } => Err(refusal.into()),
        Event::Failed { detail } => Err(ChildError::Failed(detail).into()),
        other => Err(ChildError::Protocol(format!("{other:?}")).into()),
    }
}
