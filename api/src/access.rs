//! Who may do what: looked up once here, so that every operation answers alike.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use estrade_db::PgConnection;
use estrade_db::clips::{ClipRow, find_clip};
use estrade_db::sessions::SessionHolder;
use estrade_db::social::{Creator, find_creator};
use estrade_domain::text::Handle;
use estrade_domain::{AccountId, Audience, PublicId, Standing, ViewerId};
use estrade_http::{Problem, Result, Viewer};

use crate::ApiState;
use estrade_http::rate::Network;

/// A clip the asker may see, and the class they belong to.
#[derive(Debug)]
pub(crate) struct VisibleClip {
    pub row: ClipRow,
    pub class: Audience,
}

fn no_such_clip() -> Problem {
    Problem::not_found("there is no such clip")
}

/// The clip, if the asker may see it; 404 otherwise.
pub(crate) async fn find_visible(
    conn: &mut PgConnection,
    id: &PublicId,
    asker: Option<AccountId>,
) -> Result<VisibleClip> {
    let row = find_clip(conn, id, asker).await?.ok_or_else(no_such_clip)?;
    let class = row.class_for(asker).ok_or_else(no_such_clip)?;
    Ok(VisibleClip { row, class })
}

/// The clip, if it is the asker's own; 403 when it is somebody else's that they may see.
pub(crate) async fn find_own(conn: &mut PgConnection, id: &PublicId, asker: AccountId) -> Result<VisibleClip> {
    let found = find_visible(conn, id, Some(asker)).await?;
    if found.row.creator_id != asker {
        return Err(Problem::forbidden("not_your_clip", "only its creator may do this"));
    }
    Ok(found)
}

/// The creator with this handle; 404 when there is none or their account is closed, except to
/// themselves.
pub(crate) async fn find_open_creator(
    conn: &mut PgConnection,
    handle: &str,
    asker: Option<AccountId>,
) -> Result<Creator> {
    let missing = || Problem::not_found("there is no such creator");
    let handle: Handle = handle.parse().map_err(|_| missing())?;
    let creator = find_creator(conn, &handle, asker).await?.ok_or_else(missing)?;
    let is_closed = matches!(creator.standing, Standing::Suspended | Standing::Banned);
    if is_closed && asker != Some(creator.id) {
        return Err(missing());
    }
    Ok(creator)
}

/// Refuses those whose account is suspended what others would notice; they may still look, and
/// change and delete what is theirs.
pub(crate) fn require_open(account: &SessionHolder) -> Result<()> {
    if matches!(account.standing, Standing::Suspended | Standing::Banned) {
        return Err(Problem::forbidden("account_suspended", "your account is suspended"));
    }
    Ok(())
}

/// The viewer behind the request; a new guest when there is none, as often as one address may make
/// guests. The headers belong on the answer.
pub(crate) async fn ensure_viewer(api: &ApiState, viewer: &Viewer, network: Network) -> Result<(ViewerId, HeaderMap)> {
    api.identity.ensure_viewer(viewer, network).await
}

/// The guest who is about to sign in. A token that is no longer valid does not keep them from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SigningGuest(pub Option<ViewerId>);

impl FromRequestParts<ApiState> for SigningGuest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &ApiState) -> Result<Self> {
        match Viewer::from_request_parts(parts, api).await {
            Ok(viewer) => Ok(Self(viewer.guest())),
            Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => Ok(Self(None)),
            Err(problem) => Err(problem),
        }
    }
}
