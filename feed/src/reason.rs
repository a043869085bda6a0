//! Why a clip was served, for people.

use crate::pipeline::SourceKind;

/// Why a clip was served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its creator is followed.
    FollowedCreator,
    /// Those who liked what this viewer liked liked it too.
    SimilarViewers,
    /// Popular.
    Popular,
    /// New.
    Fresh,
    /// On trial.
    Trial,
    /// The feed of what is followed.
    Following,
    /// The feed of what is popular.
    Trending,
}

impl Reason {
    /// Every reason.
    pub const ALL: &[Self] = &[
        Self::FollowedCreator,
        Self::SimilarViewers,
        Self::Popular,
        Self::Fresh,
        Self::Trial,
        Self::Following,
        Self::Trending,
    ];

    /// Why a clip from this source is in the for-you feed.
    pub fn of_source(source: SourceKind) -> Self {
        match source {
            SourceKind::Followed => Self::FollowedCreator,
            SourceKind::Neighbours => Self::SimilarViewers,
            SourceKind::Popular => Self::Popular,
            SourceKind::Fresh => Self::Fresh,
            SourceKind::Trial => Self::Trial,
        }
    }

    /// Stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FollowedCreator => "followed_creator",
            Self::SimilarViewers => "similar_viewers",
            Self::Popular => "popular",
            Self::Fresh => "fresh",
            Self::Trial => "trial",
            Self::Following => "following",
            Self::Trending => "trending",
        }
    }

    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == code)
    }

    /// A sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::FollowedCreator => "From a creator you follow",
            Self::SimilarViewers => "Liked by people who liked what you liked",
            Self::Popular => "Popular right now",
            Self::Fresh => "Just published",
            Self::Trial => "New: shown to a few people first",
            Self::Following => "You follow its creator",
            Self::Trending => "Trending",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip() {
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.as_str()), Some(reason));
        }
    }
}
