//! Sources that must not become clips, each with its reason.

use crate::{Case, media::bytes, run::refuse};

pub const CASES: &[Case] = &[("text_is_not_a_video", text_is_not_a_video)];

fn text_is_not_a_video() {
    assert_eq!(refuse(&bytes("clip.mp4", b"this is not a video at all")).code(), "not_a_video");
}
