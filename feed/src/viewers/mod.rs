//! What the feed remembers of viewers: what they may see, and, where profiling is on, what they
//! have seen. Two values, so that the second can be left out.

mod state;
mod store;

pub use state::{Act, ViewerState};
pub use state::{NOT_INTERESTED_MAX, SEEN_LOAD_MAX};
pub use store::{Relations, Viewer, Viewers, lock};
