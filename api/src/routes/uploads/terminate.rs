use axum::extract::State;
use axum::http::StatusCode;
use estrade_domain::AccountId;
use estrade_http::problem::ProblemBody;
use estrade_http::{Account, Path, Result};

use super::answer;
use crate::ApiState;

/// Gives an upload up; its bytes and its draft clip are deleted
#[utoipa::path(delete, path = "/v1/uploads/{id}", tag = "uploads", security(("session" = [])),
    params(
        ("id" = String, Path, description = "Upload id"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
    ),
    responses(
        (status = 204, description = "Given up"),
        (status = 401, description = "Nobody is signed in", body = ProblemBody),
        (status = 403, description = "The page is foreign", body = ProblemBody),
        (status = 404, description = "No such upload of yours", body = ProblemBody),
        (status = 409, description = "It has ended; delete its clip instead", body = ProblemBody),
        (status = 412, description = "Another protocol version", body = ProblemBody),
        (status = 423, description = "An older request does not leave; try again", body = ProblemBody),
        (status = 503, description = "Try again", body = ProblemBody),
    ))]
pub(super) async fn terminate_upload(
    State(api): State<ApiState>,
    Account(holder): Account,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    terminate(&api, &id, holder.account_id).await
}

pub(super) async fn terminate(api: &ApiState, id: &str, caller: AccountId) -> Result<StatusCode> {
    let upload = answer::find(api, id, caller).await?;
    api.uploads.terminate(&upload).await?;
    Ok(StatusCode::NO_CONTENT)
}
