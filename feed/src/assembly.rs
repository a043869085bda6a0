//! Which components make up which feed.

use crate::filters::{Seen, Visibility};
use crate::hydrators::{Affinity, Figures};
use crate::parameters;
use crate::pipeline::{Open, Personal, Pipeline};
use crate::scorers::Value;
use crate::selectors::Slots;
use crate::sources::{Followed, Fresh, Horizon, Neighbours, Popular, Trial};

/// The pipelines of the ranked feeds.
pub struct Pipelines {
    /// For-you, for a viewer with profiling on.
    pub personal: Pipeline<Personal>,
    /// For-you without profiling: the same for everybody.
    pub open: Pipeline<Open>,
    /// Trending: the same for everybody.
    pub trending: Pipeline<Open>,
}

impl Default for Pipelines {
    fn default() -> Self {
        Self { personal: personal(), open: open(), trending: trending() }
    }
}

fn personal() -> Pipeline<Personal> {
    Pipeline {
        sources: vec![
            Box::new(Followed),
            Box::new(Neighbours),
            Box::new(Popular(Horizon::Lately)),
            Box::new(Popular(Horizon::Now)),
            Box::new(Fresh),
            Box::new(Trial),
        ],
        hydrators: vec![Box::new(Figures), Box::new(Affinity)],
        filters: vec![Box::new(Visibility), Box::new(Seen)],
        scorers: vec![Box::new(Value(parameters::FOR_YOU))],
        selector: Box::new(Slots),
    }
}

fn open() -> Pipeline<Open> {
    Pipeline {
        sources: vec![
            Box::new(Popular(Horizon::Lately)),
            Box::new(Popular(Horizon::Now)),
            Box::new(Fresh),
            Box::new(Trial),
        ],
        hydrators: vec![Box::new(Figures)],
        filters: vec![Box::new(Visibility), Box::new(Seen)],
        scorers: vec![Box::new(Value(parameters::FOR_YOU))],
        selector: Box::new(Slots),
    }
}

fn trending() -> Pipeline<Open> {
    Pipeline {
        sources: vec![Box::new(Popular(Horizon::Now))],
        hydrators: vec![Box::new(Figures)],
        filters: vec![Box::new(Visibility), Box::new(Seen)],
        scorers: vec![Box::new(Value(parameters::TRENDING))],
        selector: Box::new(Slots),
    }
}
