use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use estrade_db::clips::ClipRow;
use estrade_domain::{AccountId, Processing, PublicId};
use estrade_http::clip_body::FailureBody;
use estrade_http::{Account, Path, Problem, Result};
use futures::stream;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::ApiState;
use crate::access::find_own;
use crate::clip_streams::Subscription;
use crate::wire::clip::{ClipState, failure_body};
use crate::wire::problems::{Always, Limited, Missing};
use crate::wire::query::NoQuery;

/// A silent stream says this often that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A stream ends after this long; clients come back if they still care.
const STREAM_MAX: Duration = Duration::from_mins(30);
/// The id of a stream's last event. A browser that comes back with it is told to stay away.
const END: &str = "end";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Proxies that buffer would hold events back.
const NO_BUFFERING: (HeaderName, &str) = (HeaderName::from_static("x-accel-buffering"), "no");

/// The data of `event: clip`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ClipProgress)]
pub(crate) struct ProgressBody {
    /// `draft`, `processing`, `ready` or `failed`.
    #[schema(example = "processing")]
    state: &'static str,
    /// Of the processing, 0 to 1.
    progress: f32,
    /// The whole ladder stands.
    complete: bool,
    /// Why it failed.
    #[schema(value_type = Option<FailureBody>)]
    failure: Option<Failure>,
}

/// A failure that can be compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Failure {
    code: String,
    message: String,
    retryable: bool,
}

impl ProgressBody {
    fn of(row: &ClipRow) -> Self {
        let failure = failure_body(row);
        Self {
            state: ClipState::from(row.processing).as_str(),
            progress: row.progress,
            complete: row.media.as_ref().is_some_and(|media| media.is_complete),
            failure: failure.map(|FailureBody { code, message, retryable }| Failure { code, message, retryable }),
        }
    }

    /// Nothing more will happen by itself.
    fn is_final(&self) -> bool {
        self.state == Processing::Failed.as_str() || (self.state == Processing::Ready.as_str() && self.complete)
    }

    fn event(&self) -> Event {
        let event = Event::default().event("clip");
        let event = if self.is_final() { event.id(END) } else { event };
        // Strings, numbers and booleans always serialise.
        event.json_data(self).unwrap_or_default()
    }
}

/// One open stream.
struct ClipStream {
    api: ApiState,
    creator: AccountId,
    clip: PublicId,
    changes: Subscription,
    last: Option<ProgressBody>,
    ends_at: Instant,
}

impl ClipStream {
    /// The next thing to tell; none ends the stream.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if self.last.as_ref().is_some_and(ProgressBody::is_final) {
                return None;
            }
            let progress = self.look().await?;
            if self.last.as_ref() != Some(&progress) {
                let event = progress.event();
                self.last = Some(progress);
                return Some((Ok(event), self));
            }
            let changed = tokio::time::timeout_at(self.ends_at, self.changes.changed(&self.clip)).await;
            if !changed.unwrap_or(false) {
                return None;
            }
        }
    }

    /// How the clip stands; none when it is gone, or the database is: the client comes back.
    async fn look(&self) -> Option<ProgressBody> {
        let mut conn = self.api.conn().await.ok()?;
        let found = find_own(&mut conn, &self.clip, self.creator).await.ok()?;
        Some(ProgressBody::of(&found.row))
    }
}

/// Watch a clip being processed
///
/// Server-sent events for its creator: `event: clip` with the present state at once and with every
/// change, comments in between. The stream ends after the last change; a browser that comes back
/// for more (`Last-Event-ID: end`) gets 204.
#[utoipa::path(get, path = "/v1/clips/{id}/events", tag = "clips", security(("session" = [])),
    params(("id" = String, Path, description = "Clip id")),
    responses((status = 200, description = "The stream", content_type = "text/event-stream", body = ProgressBody),
        (status = 204, description = "Nothing more will happen"), Always, Missing, Limited))]
pub(crate) async fn stream_clip(
    State(api): State<ApiState>,
    Account(me): Account,
    Path(id): Path<PublicId>,
    _: NoQuery,
    headers: HeaderMap,
) -> Result<Response> {
    // Subscribed before the first look: nothing falls between.
    let changes = api
        .streams
        .subscribe(me.account_id)
        .map_err(|error| Problem::too_many("too_many_streams", error.to_string(), 10))?;
    let found = find_own(&mut *api.conn().await?, &id, me.account_id).await?;
    let has_ended = headers.get(LAST_EVENT_ID).is_some_and(|id| id.as_bytes() == END.as_bytes());
    if has_ended && ProgressBody::of(&found.row).is_final() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let stream =
        ClipStream { api, creator: me.account_id, clip: id, changes, last: None, ends_at: Instant::now() + STREAM_MAX };
    let events = stream::unfold(stream, ClipStream::next);
    Ok(([NO_BUFFERING], Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_go_on_by_itself_is_final() {
        let progress = |state, complete| ProgressBody { state, progress: 1.0, complete, failure: None };
        assert!(progress("failed", false).is_final());
        assert!(progress("ready", true).is_final());
        assert!(!progress("ready", false).is_final());
        assert!(!progress("processing", false).is_final());
        assert!(!progress("draft", false).is_final());
    }
}
