//! What clients report of watching, each element checked alone.

use chrono::Duration;
use estrade_db::watching::NewViewerEvent;
use estrade_domain::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

/// An event may be dated this far ahead of the server's clock; it then counts as now.
const AHEAD_MAX: Duration = Duration::minutes(10);
/// Older events are refused: what was watched offline is sent within a week.
const AGE_MAX: Duration = Duration::days(7);
/// Longest id, characters.
const ID_MAX_CHARS: usize = 64;
/// Most media time in one serving, milliseconds (a day).
const WATCH_MAX_MS: i32 = 86_400_000;
/// Most passes in one serving.
const LOOPS_MAX: i32 = 100_000;
/// Largest number in a quality report.
const QUALITY_MAX: f64 = 1e9;
/// Longest error in a quality report, characters.
const ERROR_MAX_CHARS: usize = 200;

/// What kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ViewerEventType)]
pub(crate) enum EventType {
    /// At least half of the clip was visible for a second.
    Impression,
    /// Sent on leaving and every 30 s: running totals of the serving.
    View,
    /// 95 % were reached.
    Completion,
    /// Left before 1.5 s.
    Skip,
    /// The clip was shared.
    Share,
    /// Less like this, please.
    NotInterested,
    /// How playback went, for operators.
    Quality,
}

impl EventType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Impression => "impression",
            Self::View => "view",
            Self::Completion => "completion",
            Self::Skip => "skip",
            Self::Share => "share",
            Self::NotInterested => "not_interested",
            Self::Quality => "quality",
        }
    }
}

/// One event. The fields from `startup_ms` on belong to `quality` alone.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = ViewerEvent)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventBody {
    /// The client's own id for it; the same id again is a duplicate and changes nothing.
    #[schema(min_length = 1, max_length = 64, example = "b7f0c2f4-7a5e-4f0e-9f61-3f1c2a9d8e10")]
    id: String,
    /// What happened.
    #[serde(rename = "type")]
    kind: EventType,
    /// When, by the client's clock: at most 10 minutes ahead and 7 days back.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    at: Time,
    /// The clip.
    #[schema(min_length = 20, max_length = 20, example = "7k2m9x0q4v8n3c5t1w6z")]
    clip_id: String,
    /// The serving, as the feed named it. One that was not to this viewer counts as none.
    #[schema(max_length = 64)]
    served_id: Option<String>,
    /// Media time seen while visible so far in this serving.
    #[schema(minimum = 0, maximum = 86_400_000, example = 5200)]
    watch_ms: Option<i32>,
    /// Position in the clip.
    #[schema(minimum = 0, maximum = 86_400_000, example = 5200)]
    position_ms: Option<i32>,
    /// Passes so far in this serving.
    #[schema(minimum = 0, maximum = 100_000, example = 0)]
    loops: Option<i32>,
    /// Time from the wish to see the clip to its first frame.
    startup_ms: Option<f64>,
    /// The clip had been prefetched.
    warm: Option<bool>,
    /// Time stood still.
    rebuffer_ms: Option<f64>,
    /// How often.
    rebuffer_count: Option<f64>,
    /// Changes to a higher rung.
    switches_up: Option<f64>,
    /// Changes to a lower rung.
    switches_down: Option<f64>,
    /// Mean height shown.
    mean_height: Option<f64>,
    /// Frames not shown in time.
    dropped_frames: Option<f64>,
    /// Frames in all.
    total_frames: Option<f64>,
    /// What went wrong.
    #[schema(max_length = 200)]
    error: Option<String>,
}

/// A quality report as it is kept.
#[derive(Debug, Serialize)]
struct Quality<'a> {
    #[serde(flatten)]
    figures: std::collections::BTreeMap<&'static str, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl EventBody {
    fn figures(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let named = [
            ("startup_ms", self.startup_ms),
            ("rebuffer_ms", self.rebuffer_ms),
            ("rebuffer_count", self.rebuffer_count),
            ("switches_up", self.switches_up),
            ("switches_down", self.switches_down),
            ("mean_height", self.mean_height),
            ("dropped_frames", self.dropped_frames),
            ("total_frames", self.total_frames),
        ];
        named.into_iter().filter_map(|(name, figure)| figure.map(|figure| (name, figure)))
    }

    /// What a quality report says; none for every other type, which may not say any of it.
    fn quality(&self) -> Result<Option<Value>, &'static str> {
        if self.kind != EventType::Quality {
            let is_bare = self.figures().next().is_none() && self.warm.is_none() && self.error.is_none();
            return if is_bare { Ok(None) } else { Err("unexpected_field") };
        }
        if !self.figures().all(|(_, figure)| (0.0..=QUALITY_MAX).contains(&figure)) {
            return Err("out_of_range");
        }
        let is_plain = |text: &str| text.chars().count() <= ERROR_MAX_CHARS && !text.chars().any(char::is_control);
        if !self.error.as_deref().is_none_or(is_plain) {
            return Err("invalid_error");
        }
        let quality = Quality { figures: self.figures().collect(), warm: self.warm, error: self.error.as_deref() };
        serde_json::to_value(quality).map(Some).map_err(|_| "invalid")
    }
}

/// Checks one element of a batch; what is wrong with it as a stable code.
pub(crate) fn parse_event(element: &RawValue, now: Time) -> Result<NewViewerEvent, &'static str> {
    // serde would take the values of an array for the fields in their order.
    if !element.get().starts_with('{') {
        return Err("invalid");
    }
    let body: EventBody = serde_json::from_str(element.get()).map_err(|_| "invalid")?;
    let is_id = (1..=ID_MAX_CHARS).contains(&body.id.len()) && body.id.bytes().all(|b| b.is_ascii_graphic());
    if !is_id {
        return Err("invalid_id");
    }
    if body.at > now + AHEAD_MAX {
        return Err("at_in_future");
    }
    if body.at < now - AGE_MAX {
        return Err("at_too_old");
    }
    let served_id = body.served_id.as_deref().map(Uuid::try_parse).transpose().map_err(|_| "invalid_served_id")?;
    Ok(NewViewerEvent {
        quality: body.quality()?,
        kind: body.kind.as_str(),
        clip: body.clip_id.parse().map_err(|_| "unknown_clip")?,
        served_id,
        at: body.at.min(now),
        watch_ms: bounded(body.watch_ms, WATCH_MAX_MS)?,
        position_ms: bounded(body.position_ms, WATCH_MAX_MS)?,
        loops: bounded(body.loops, LOOPS_MAX)?,
        event_id: body.id,
    })
}

fn bounded(number: Option<i32>, max: i32) -> Result<i32, &'static str> {
    let number = number.unwrap_or_default();
    if (0..=max).contains(&number) { Ok(number) } else { Err("out_of_range") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn now() -> Time {
        "2026-11-22T12:00:00Z".parse().expect("time")
    }

    fn raw(element: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(element).expect("JSON")
    }

    fn parse(changes: &Value) -> Result<NewViewerEvent, &'static str> {
        let mut element = json!({
            "id": "e1", "type": "view", "at": "2026-11-22T11:59:00Z", "clip_id": "7k2m9x0q4v8n3c5t1w6z", "watch_ms": 2500,
        });
        for (name, value) in changes.as_object().expect("object") {
            element[name] = value.clone();
        }
        parse_event(&raw(&element), now())
    }

    #[test]
    fn a_good_event_is_taken_as_it_is() {
        let event = parse(&json!({ "served_id": "0190163d8694739baea5966c26f8ad91", "loops": 2 })).expect("event");
        assert_eq!((event.kind, event.watch_ms, event.loops), ("view", 2500, 2));
        assert!(event.served_id.is_some() && event.quality.is_none());
    }

    #[test]
    fn each_fault_has_its_code() {
        for (changes, code) in [
            (json!({ "type": "applause" }), "invalid"),
            (json!({ "watch_ms": 1.5 }), "invalid"),
            (json!({ "country": "de" }), "invalid"),
            (json!({ "id": "" }), "invalid_id"),
            (json!({ "id": "a\0" }), "invalid_id"),
            (json!({ "id": "x".repeat(65) }), "invalid_id"),
            (json!({ "at": "2026-11-22T12:10:01Z" }), "at_in_future"),
            (json!({ "at": "2026-11-15T11:59:59Z" }), "at_too_old"),
            (json!({ "clip_id": "../../etc/passwd" }), "unknown_clip"),
            (json!({ "served_id": "7" }), "invalid_served_id"),
            (json!({ "watch_ms": -1 }), "out_of_range"),
            (json!({ "loops": 100_001 }), "out_of_range"),
            (json!({ "startup_ms": 5 }), "unexpected_field"),
            (json!({ "type": "quality", "startup_ms": -1 }), "out_of_range"),
            (json!({ "type": "quality", "error": "a\u{0}b" }), "invalid_error"),
        ] {
            assert_eq!(parse(&changes).expect_err("refused"), code, "{changes}");
        }
        assert_eq!(parse_event(&raw(&json!(7)), now()).expect_err("refused"), "invalid");
    }

    #[test]
    fn a_clock_that_is_ahead_counts_as_now() {
        assert_eq!(parse(&json!({ "at": "2026-11-22T12:10:00Z" })).expect("event").at, now());
    }

    #[test]
    fn quality_keeps_what_was_said() {
        let event =
            parse(&json!({ "type": "quality", "startup_ms": 120, "warm": true, "error": "stalled" })).expect("event");
        assert_eq!(event.quality, Some(json!({ "startup_ms": 120.0, "warm": true, "error": "stalled" })));
    }

    proptest! {
        #[test]
        fn no_element_makes_it_panic(text in "\\PC{0,120}", name in "[a-z_]{1,12}", number: i64, word in "\\PC{0,40}") {
            if let Ok(element) = RawValue::from_string(text) {
                let _ = parse_event(&element, now());
            }
            for name in [name.as_str(), "id", "type", "at", "clip_id", "served_id", "watch_ms", "loops", "startup_ms", "error"] {
                let _ = (parse(&json!({ name: number })), parse(&json!({ name: word })));
            }
        }
    }
}
