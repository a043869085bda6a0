//! Which clips get a second family, and when: a rule over what was watched of late, and a replay that shows
//! what it would have saved. Pure.

mod day;
mod replay;
mod rule;

pub use day::{made_day, read_day};
pub use replay::{Day, DayClip, Replay, View, replay};
pub use rule::{Demand, HALF_LIFE, Offer, Price, ROUND, offers};
