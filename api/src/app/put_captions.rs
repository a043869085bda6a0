use estrade_db::DbError;
use estrade_db::captions::{NewCaptions, count_other_captions, replace_captions};
use estrade_db::clip_changes::hold_clip;
use estrade_db::sessions::SessionHolder;
use estrade_domain::limits::{CAPTIONS_PER_CLIP_MAX, CUE_END_MAX_MS, CUE_SLACK_MS};
use estrade_domain::subtitles::{CaptionsKind, Track};
use estrade_domain::text::{CaptionsLabel, Language};
use estrade_domain::webvtt::{Captions, Fault, Format};
use estrade_domain::{ClipId, PublicId};
use estrade_events::Event;
use estrade_http::{Problem, Result};
use estrade_jobs::purge_copies;

use crate::ApiState;
use crate::access::{VisibleClip, find_own, require_open};

/// Captions as somebody sent them.
#[derive(Debug)]
pub(crate) struct NewClipCaptions<'a> {
    pub language: Language,
    pub label: CaptionsLabel,
    pub kind: CaptionsKind,
    pub format: Format,
    pub file: &'a [u8],
}

/// Keeps captions of a clip of its creator in place of those in the same language; the clip then.
pub(crate) async fn put_captions(
    api: &ApiState,
    owner: &SessionHolder,
    id: &PublicId,
    new: NewClipCaptions<'_>,
) -> Result<VisibleClip> {
    require_open(owner)?;
    let own = find_own(&mut *api.conn().await?, id, owner.account_id).await?.row;
    // Read between two uses of the database: it takes a moment, and nobody waits for it.
    let captions = Captions::parse(new.file, new.format, end_max_ms(own.media.map(|media| media.duration_ms)));
    let text = captions.map_err(|faults| refused(&faults))?.to_string();
    let track =
        Track { id: api.entropy().public_id(), language: new.language.into(), label: new.label.into(), kind: new.kind };
    let mut tx = api.begin().await?;
    hold_clip(&mut tx, own.id).await?.ok_or_else(|| Problem::not_found("this clip was just deleted"))?;
    require_room(&mut tx, own.id, &track.language).await?;
    if replace_captions(&mut tx, own.id, &NewCaptions { track: &track, text: &text, at: api.now() }).await? {
        purge_copies(&mut tx, own.id, api.now(), api.entropy()).await?;
    }
    let changed = find_own(&mut tx, id, owner.account_id).await?;
    estrade_events::append(&mut tx, &Event::ClipChanged { clip_id: own.id }).await?;
    tx.commit().await.map_err(DbError::from)?;
    Ok(changed)
}

async fn require_room(tx: &mut estrade_db::Transaction, clip_id: ClipId, language: &str) -> Result<()> {
    let others = count_other_captions(tx, clip_id, language).await?;
    if usize::try_from(others).is_ok_and(|others| others < CAPTIONS_PER_CLIP_MAX) {
        return Ok(());
    }
    let detail = format!("a clip has captions in at most {CAPTIONS_PER_CLIP_MAX} languages");
    Err(Problem::conflict("too_many_captions", detail))
}

/// A clip's length is known once it was looked into; until then cues are bounded by what clips may be.
fn end_max_ms(duration_ms: Option<i32>) -> u64 {
    let known = duration_ms.and_then(|duration| u64::try_from(duration).ok());
    known.map_or(CUE_END_MAX_MS, |duration| duration + CUE_SLACK_MS)
}

fn refused(faults: &[Fault]) -> Problem {
    let detail = match faults {
        [fault] => format!("line {}: {}", fault.line, fault.detail),
        _ => "this file cannot be read as captions; `errors` names the lines".to_owned(),
    };
    let problem = Problem::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "invalid_captions", detail);
    faults.iter().fold(problem, |problem, fault| problem.with_line(fault.line, fault.code, fault.detail.clone()))
}
