//! Slates: the ordered clips of a scroll, kept so that its pages neither repeat nor lose any.

mod cursor;
mod slate;
mod store;

pub use cursor::{FollowingCursor, SlateCursor};
pub use slate::{Extension, Page, Picked, Slate};
pub use store::SlateStore;
