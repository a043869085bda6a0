//! Who may see a clip: computed from four separate axes, in this one place.
//!
//! The axes are never folded into one column: lifting a restriction must not publish what its
//! creator made private, and changing the visibility must not lift a restriction. The SQL function
//! `clip_audience` computes the same for queries; a test holds the two equal over every input.

use serde::{Deserialize, Serialize};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in the database and on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

named! {
    /// Axis 1, processing: what the transcoder made of the source.
    Processing {
        /// No whole source yet.
        Waiting = "waiting",
        /// The transcoder is at work.
        Processing = "processing",
        /// Playable.
        Ready = "ready",
        /// Ended without a playable result.
        Failed = "failed",
    }
}

named! {
    /// Axis 2, publication: whom the creator wants to see it.
    Visibility {
        /// The creator alone.
        Private = "private",
        /// Those who follow the creator.
        Followers = "followers",
        /// Everyone who has the link.
        Unlisted = "unlisted",
        /// Everyone; may be recommended.
        Public = "public",
    }
}

named! {
    /// Axis 3, restrictions: what a moderation decision in force does.
    RestrictionEffect {
        /// Shown, but not recommended.
        ReachLimited = "reach_limited",
        /// Hidden while the decision stands.
        Disabled = "disabled",
        /// Taken down.
        Removed = "removed",
    }
}

named! {
    /// Axis 4, the creator's account standing.
    Standing {
        /// Nothing against it.
        Good = "good",
        /// May publish, is not recommended.
        Limited = "limited",
        /// Closed for a time; what it published is hidden.
        Suspended = "suspended",
        /// Closed.
        Banned = "banned",
    }
}

named! {
    /// Who may see a clip, from nobody to everyone.
    Audience {
        /// Nobody: deleted, taken down, or the creator's account is closed.
        Nobody = "nobody",
        /// Its creator.
        Creator = "creator",
        /// Its creator and the creator's followers.
        Followers = "followers",
        /// Everyone who has the link.
        Link = "link",
        /// Everyone.
        Everyone = "everyone",
    }
}

/// The four axes of one clip, as they stand now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axes {
    /// Deleted by its creator.
    pub is_deleted: bool,
    /// Axis 1.
    pub processing: Processing,
    /// Axis 2: published at all (drafts are not).
    pub is_published: bool,
    /// Axis 2: for whom.
    pub visibility: Visibility,
    /// Axis 3: the effects of all restrictions in force, on the clip or its creator.
    pub restrictions: Vec<RestrictionEffect>,
    /// Axis 4.
    pub standing: Standing,
}

impl Axes {
    /// Who may see the clip.
    pub fn audience(&self) -> Audience {
        let is_hidden = self
            .restrictions
            .iter()
            .any(|effect| matches!(effect, RestrictionEffect::Disabled | RestrictionEffect::Removed));
        let is_closed = matches!(self.standing, Standing::Suspended | Standing::Banned);
        if self.is_deleted || is_hidden || is_closed {
            return Audience::Nobody;
        }
        if self.processing != Processing::Ready || !self.is_published {
            return Audience::Creator;
        }
        match self.visibility {
            Visibility::Private => Audience::Creator,
            Visibility::Followers => Audience::Followers,
            Visibility::Unlisted => Audience::Link,
            Visibility::Public => Audience::Everyone,
        }
    }

    /// Whether a feed may offer the clip to people who did not ask for it.
    pub fn is_recommendable(&self) -> bool {
        self.audience() == Audience::Everyone && self.standing == Standing::Good && self.restrictions.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public_clip() -> Axes {
        Axes {
            is_deleted: false,
            processing: Processing::Ready,
            is_published: true,
            visibility: Visibility::Public,
            restrictions: vec![],
            standing: Standing::Good,
        }
    }

    #[test]
    fn a_published_public_clip_is_for_everyone() {
        assert_eq!(public_clip().audience(), Audience::Everyone);
        assert!(public_clip().is_recommendable());
    }

    #[test]
    fn no_other_axis_overrides_a_takedown() {
        for &visibility in Visibility::ALL {
            for &standing in Standing::ALL {
                let clip = Axes {
                    visibility,
                    standing,
                    restrictions: vec![RestrictionEffect::ReachLimited, RestrictionEffect::Removed],
                    ..public_clip()
                };
                assert_eq!(clip.audience(), Audience::Nobody);
            }
        }
    }

    #[test]
    fn lifting_a_restriction_does_not_publish_a_private_clip() {
        let clip = Axes { visibility: Visibility::Private, ..public_clip() };
        assert_eq!(clip.audience(), Audience::Creator);
    }

    #[test]
    fn limited_reach_keeps_the_clip_visible_but_unrecommended() {
        let clip = Axes { restrictions: vec![RestrictionEffect::ReachLimited], ..public_clip() };
        assert_eq!(clip.audience(), Audience::Everyone);
        assert!(!clip.is_recommendable());
    }

    #[test]
    fn names_round_trip() {
        for &audience in Audience::ALL {
            assert_eq!(Audience::from_name(audience.as_str()), Some(audience));
        }
        assert_eq!(Audience::from_name("somebody"), None);
    }
}
