use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use estrade_domain::PublicId;
use estrade_domain::limits::REPORT_DETAIL_MAX_CHARS;
use estrade_http::{Json, Path, Problem, Result, Viewer};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::access::{ensure_viewer, find_visible};
use crate::app::{self, NewClipReport};
use crate::wire::problems::{Always, Limited, Missing, WithBody};
use crate::wire::query::NoQuery;
use estrade_http::rate::Network;

/// What is wrong with a clip.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReportReason {
    /// Sold, faked or repeated.
    Spam,
    /// Bullying or harassment.
    Harassment,
    /// Hate.
    Hate,
    /// Violence or threats.
    Violence,
    /// Nudity or sex.
    Sexual,
    /// A child is in danger.
    ChildSafety,
    /// Suicide or self-harm.
    SelfHarm,
    /// Something dangerous to imitate.
    Dangerous,
    /// Goods or acts the law forbids.
    Illegal,
    /// False in a way that harms.
    Misinformation,
    /// Somebody else's work.
    Copyright,
    /// Somebody's private matters.
    Privacy,
    /// Poses as somebody else.
    Impersonation,
    /// Something else; say what in `detail`.
    Other,
}

impl ReportReason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Spam => "spam",
            Self::Harassment => "harassment",
            Self::Hate => "hate",
            Self::Violence => "violence",
            Self::Sexual => "sexual",
            Self::ChildSafety => "child_safety",
            Self::SelfHarm => "self_harm",
            Self::Dangerous => "dangerous",
            Self::Illegal => "illegal",
            Self::Misinformation => "misinformation",
            Self::Copyright => "copyright",
            Self::Privacy => "privacy",
            Self::Impersonation => "impersonation",
            Self::Other => "other",
        }
    }
}

/// A report.
#[derive(Deserialize, ToSchema)]
#[schema(as = NewReport)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReportClipBody {
    /// What is wrong.
    reason: ReportReason,
    /// In your own words, up to 2,000 characters.
    #[schema(max_length = 2000, example = "from 0:12 on")]
    detail: Option<String>,
}

/// A report that was taken.
#[derive(Serialize, ToSchema)]
#[schema(as = Report)]
pub(crate) struct ReportBody {
    /// Opaque id.
    #[schema(example = "7k2m9x0q4v8n3c5t1w6z")]
    id: String,
}

fn check_detail(detail: Option<String>) -> Result<Option<String>> {
    let Some(detail) = detail else { return Ok(None) };
    let refused = |code, why: String| Err(Problem::invalid_field("detail", code, why));
    if detail.chars().count() > REPORT_DETAIL_MAX_CHARS {
        return refused("too_long", format!("a report has at most {REPORT_DETAIL_MAX_CHARS} characters"));
    }
    if detail.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return refused("invalid_characters", "control characters are not allowed here".into());
    }
    Ok(Some(detail).filter(|detail| !detail.trim().is_empty()))
}

/// Report a clip
///
/// With an account or as a guest. The same report twice answers the id of the first.
#[utoipa::path(post, path = "/v1/clips/{id}/reports", tag = "moderation", request_body = ReportClipBody,
    params(("id" = String, Path, description = "Clip id")),
    responses((status = 202, description = "Taken", body = ReportBody), Always, WithBody, Missing, Limited))]
pub(crate) async fn report_clip(
    State(api): State<ApiState>,
    network: Network,
    viewer: Viewer,
    Path(id): Path<PublicId>,
    _: NoQuery,
    Json(body): Json<ReportClipBody>,
) -> Result<Response> {
    let detail = check_detail(body.detail)?;
    let account = viewer.account_id();
    api.attempts.report(network, api.now())?;
    // Nobody becomes a guest over a clip that is not there.
    find_visible(&mut *api.conn().await?, &id, account).await?;
    let (reporter, headers) = ensure_viewer(&api, &viewer, network).await?;
    let new = NewClipReport { clip: id, reporter, account, reason: body.reason.as_str(), detail };
    let id = app::report_clip(&api, new).await?;
    Ok((StatusCode::ACCEPTED, headers, Json(ReportBody { id: id.to_string() })).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_bounded_and_plain() {
        assert_eq!(
            check_detail(Some("from 0:12 on\nand later".into())).expect("plain").as_deref(),
            Some("from 0:12 on\nand later")
        );
        assert_eq!(check_detail(Some("  ".into())).expect("empty"), None);
        assert_eq!(check_detail(Some("a\0".into())).expect_err("control").status(), 422);
        assert!(check_detail(Some("é".repeat(2000))).is_ok());
        assert_eq!(check_detail(Some("é".repeat(2001))).expect_err("long").status(), 422);
    }
}
