use std::collections::HashSet;

use estrade_domain::{AccountId, SlateId, Time};

use crate::viewers::ViewerState;
use crate::world::Row;

/// What a slate is asked for, the same for every viewer.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Now.
    pub now: Time,
    /// The slate that is made longer.
    pub slate_id: SlateId,
    /// When its scroll began.
    pub started_at: Time,
    /// Which clips the viewer's history leaves open.
    pub round: Round,
    /// Clips that are part of the slate already.
    pub served: &'a HashSet<Row>,
    /// The creators of its last places, latest last.
    pub previous: &'a [AccountId],
    /// The first place to fill, counted from 0.
    pub position: u32,
    /// Places to fill at most.
    pub limit: usize,
}

/// Which clips a viewer's history leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Those never served.
    Unserved,
    /// When none of these is left: those served in an earlier scroll that never came onto the screen.
    Unwatched,
}

/// Whether a pipeline knows its viewer.
pub trait Mode: 'static {
    /// What it knows.
    type Viewer: Watcher;
}

/// Somebody who may have seen clips.
pub trait Watcher {
    /// Whether the viewer's history closes the clip to this request.
    fn has_seen(&self, row: Row, request: &Request<'_>) -> bool;
}

/// Without profiling: nothing is known of the viewer.
#[derive(Debug)]
pub enum Open {}

/// With profiling: the viewer's state is at hand.
#[derive(Debug)]
pub enum Personal {}

/// Nobody in particular.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Mode for Open {
    type Viewer = Nobody;
}

impl Mode for Personal {
    type Viewer = ViewerState;
}

impl Watcher for Nobody {
    fn has_seen(&self, _: Row, _: &Request<'_>) -> bool {
        false
    }
}

/// What a pipeline is asked.
#[derive(Debug)]
pub struct Query<'a, M: Mode> {
    /// The same for every viewer.
    pub request: Request<'a>,
    /// What is known of the viewer.
    pub viewer: &'a M::Viewer,
}

impl<M: Mode> Query<'_, M> {
    /// Whether the clip may not come again: part of this slate, or seen by the viewer.
    pub fn is_seen(&self, row: Row) -> bool {
        self.request.served.contains(&row) || self.viewer.has_seen(row, &self.request)
    }
}

#[cfg(test)]
impl<'a> Request<'a> {
    /// A first page's request at the start of the tests' time.
    pub fn example(served: &'a HashSet<Row>) -> Self {
        let start = crate::world::test_clips::start_of_time();
        Self {
            now: start + chrono::Duration::days(1),
            slate_id: SlateId(uuid::Uuid::from_u128(7)),
            started_at: start + chrono::Duration::days(1),
            round: Round::Unserved,
            served,
            previous: &[],
            position: 0,
            limit: 200,
        }
    }
}
