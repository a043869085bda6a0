//! From a source to the plan for it, seen from the parent: probe, plan, look, adapt.

use super::TranscodeError;
use crate::{
    plan::{Adapted, Limits, Look, MediaInfo, TopRung, TranscodePlan, adapt, make_plan},
    sandbox::{Child, ChildError, Event, Request},
};

/// What the source is.
pub(super) async fn probe(child: &mut Child, limits: &Limits) -> Result<MediaInfo, TranscodeError> {
    child.ask(&Request::Probe { limits: limits.clone() }).await?;
    match child.next().await? {
        Event::Probed { info } if info.is_credible() => Ok(*info),
        Event::Probed { .. } => Err(ChildError::Protocol("it says what no file can be".into()).into()),
        Event::Refused { refusal } => Err(refusal.into()),
        Event::Failed { detail } => Err(ChildError::Failed(detail).into()),
        other => Err(ChildError::Protocol(format!("{other:?}")).into()),
    }
}

/// What is made of it, after a look at some of its pictures where that can change anything.
pub(super) async fn plan_for(child: &mut Child, info: &MediaInfo, limits: &Limits) -> Result<Adapted, TranscodeError> {
    let plan = make_plan(info, limits)?;
    if let TopRung::Encoded { why } = &plan.top_rung {
        tracing::debug!(clip.top_rung = "encoded", clip.why = %why, "the plan is made");
    }
    let look = if plan.is_worth_a_look() { look(child, &plan, limits).await? } else { None };
    let adapted = adapt(plan, look.as_ref());
    if let Some(look) = look {
        tracing::debug!(
            look.samples = ?look.samples,
            clip.ladder = adapted.ladder.as_str(),
            "the plan is adapted"
        );
    }
    Ok(adapted)
}

/// Figures only, and within bounds: the child decides nothing. Where it cannot look, the plan stays as it is; whether the
/// source is at fault shows when it is transcoded.
async fn look(child: &mut Child, plan: &TranscodePlan, limits: &Limits) -> Result<Option<Look>, TranscodeError> {
    child.ask(&Request::Look { plan: Box::new(plan.clone()), limits: limits.clone() }).await?;
    let detail = match child.next().await? {
        Event::Looked { look } if look.is_believable(plan.top()) => return Ok(Some(look)),
        Event::Looked { .. } => return Err(TranscodeError::Untrue("no look has such figures".into())),
        Event::Refused { refusal } => refusal.to_string(),
        Event::Failed { detail } => detail,
        other => return Err(ChildError::Protocol(format!("{other:?}")).into()),
    };
    tracing::debug!(error = %detail, "the source cannot be looked at; the plan stays as it is");
    Ok(None)
}
