use axum::extract::State;
use axum::response::{IntoResponse, Response};
use estrade_db::watching::NewViewerEvent;
use estrade_domain::limits::EVENTS_PER_BATCH_MAX;
use estrade_http::{Json, Problem, Result, Viewer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::ApiState;
use crate::access::ensure_viewer;
use crate::app::{self, Outcome};
use crate::wire::event::{EventBody, parse_event};
use crate::wire::problems::{Always, Limited, WithBody};
use crate::wire::query::NoQuery;
use estrade_http::rate::Network;

/// A batch of events.
#[derive(Deserialize, ToSchema)]
#[schema(as = ViewerEvents)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordEventsBody {
    /// 1–100 events, each checked alone.
    #[schema(value_type = Vec<EventBody>, min_items = 1, max_items = 100)]
    events: Vec<Box<RawValue>>,
}

/// What became of a batch.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ViewerEventsResult)]
pub(crate) struct RecordedBody {
    /// Events that were new.
    accepted: usize,
    /// Events whose id was known; they changed nothing.
    duplicates: usize,
    /// Events that were refused.
    rejected: Vec<RejectedBody>,
}

/// An event that was refused.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RejectedViewerEvent)]
pub(crate) struct RejectedBody {
    /// Its place in the batch, from 0.
    index: usize,
    /// Stable code.
    #[schema(example = "unknown_clip")]
    code: &'static str,
}

/// Report what was watched
///
/// With an account or as a guest; whoever comes without identity becomes a guest. Send batches on
/// leaving a clip, every 30 s, and when the page is hidden (`fetch` with `keepalive`, or
/// `sendBeacon` with a Blob of type `application/json`).
///
/// One bad event never rejects the batch. Codes: `invalid`, `invalid_id`, `invalid_served_id`,
/// `invalid_error`, `at_in_future`, `at_too_old`, `out_of_range`, `unexpected_field`, `unknown_clip`.
#[utoipa::path(post, path = "/v1/events", tag = "events", request_body = RecordEventsBody,
    responses((status = 200, description = "What became of the events", body = RecordedBody), Always, WithBody, Limited))]
pub(crate) async fn record_events(
    State(api): State<ApiState>,
    network: Network,
    viewer: Viewer,
    _: NoQuery,
    Json(body): Json<RecordEventsBody>,
) -> Result<Response> {
    if !(1..=EVENTS_PER_BATCH_MAX).contains(&body.events.len()) {
        let detail = format!("a batch has 1 to {EVENTS_PER_BATCH_MAX} events");
        return Err(Problem::invalid_field("events", "wrong_length", detail));
    }
    let now = api.now();
    let batch = Batch::new(body.events.iter().map(|element| parse_event(element, now)));
    if batch.events.is_empty() {
        // Nobody becomes a guest over nothing.
        return Ok(Json(batch.result(&[])).into_response());
    }
    let (viewer_id, headers) = ensure_viewer(&api, &viewer, network).await?;
    api.attempts.event_batch(viewer_id, now)?;
    let outcomes = app::record_events(&api, viewer_id, viewer.account_id(), viewer.is_profiled, &batch.events).await?;
    Ok((headers, Json(batch.result(&outcomes))).into_response())
}

/// The good events of a batch, where they stood, and what was wrong with the others.
struct Batch {
    events: Vec<NewViewerEvent>,
    places: Vec<usize>,
    rejected: Vec<RejectedBody>,
}

impl Batch {
    fn new(parsed: impl Iterator<Item = Result<NewViewerEvent, &'static str>>) -> Self {
        let mut batch = Self { events: Vec::new(), places: Vec::new(), rejected: Vec::new() };
        for (index, event) in parsed.enumerate() {
            match event {
                Ok(event) => {
                    batch.events.push(event);
                    batch.places.push(index);
                }
                Err(code) => batch.rejected.push(RejectedBody { index, code }),
            }
        }
        batch
    }

    fn result(self, outcomes: &[Outcome]) -> RecordedBody {
        let count = |which| outcomes.iter().filter(|outcome| **outcome == which).count();
        let unknown = outcomes.iter().zip(&self.places).filter(|(outcome, _)| **outcome == Outcome::UnknownClip);
        let unknown = unknown.map(|(_, index)| RejectedBody { index: *index, code: "unknown_clip" });
        let mut rejected = self.rejected;
        rejected.extend(unknown);
        rejected.sort_by_key(|event| event.index);
        RecordedBody { accepted: count(Outcome::Accepted), duplicates: count(Outcome::Duplicate), rejected }
    }
}

#[cfg(test)]
mod tests {
    use estrade_domain::{PublicId, Time};

    use super::*;

    fn event() -> NewViewerEvent {
        NewViewerEvent {
            event_id: "e".into(),
            kind: "view",
            clip: PublicId::from_random([0; 20]),
            served_id: None,
            at: Time::UNIX_EPOCH,
            watch_ms: 0,
            position_ms: 0,
            loops: 0,
            quality: None,
        }
    }

    #[test]
    fn every_event_of_a_batch_is_answered_at_its_place() {
        let batch = Batch::new([Ok(event()), Ok(event()), Err("invalid"), Ok(event())].into_iter());
        let result = batch.result(&[Outcome::Accepted, Outcome::UnknownClip, Outcome::Duplicate]);
        let rejected =
            vec![RejectedBody { index: 1, code: "unknown_clip" }, RejectedBody { index: 2, code: "invalid" }];
        assert_eq!(result, RecordedBody { accepted: 1, duplicates: 1, rejected });
    }
}
