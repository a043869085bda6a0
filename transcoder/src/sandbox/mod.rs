//! The child process that touches the file, and the parent's side of the conversation with it.
//!
//! The parent never parses media; the child never holds a secret. They talk in lines of JSON over
//! the child's standard input and output.

mod capabilities;
mod child;
mod confine;
mod file_rights;
mod limits;
mod misdeeds;
mod parent;
mod protocol;
mod room;
mod syscalls;
mod usage;

pub(crate) use child::SOURCE_FILE;
pub use child::{CHILD_ARGUMENT, child_main};
pub use confine::ConfineError;
pub use limits::{ChildLimits, Confinement, Layer};
pub use parent::{Child, ChildCommand, ChildError};
pub use protocol::{Attempt, Event, MAX_LINE_BYTES, Misdeed, Request, SandboxReport};
pub use room::Room;
pub use usage::{Usage, UsageListener};
