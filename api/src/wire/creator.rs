//! Creators as others see them.

use estrade_db::social::{Creator, CreatorCounts};
use estrade_domain::Time;
use serde::Serialize;
use utoipa::ToSchema;

/// A creator's page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreatorProfile)]
pub(crate) struct ProfileBody {
    /// Opaque id.
    #[schema(example = "7k2m9x0q4v8n3c5t1w6z")]
    pub id: String,
    /// Handle, unique.
    #[schema(example = "ada")]
    pub handle: String,
    /// Display name.
    #[schema(example = "Ada L.")]
    pub name: String,
    /// When the account was made.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub created_at: Time,
    /// Public counts.
    pub counts: ProfileCountsBody,
    /// What the asking viewer did.
    pub viewer: ProfileViewerBody,
}

/// What a creator's page counts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreatorCounts)]
pub(crate) struct ProfileCountsBody {
    /// Clips everyone may see.
    pub clips: i64,
    /// Likes of those clips.
    pub likes: i64,
    /// Who follows them.
    pub followers: i64,
    /// Whom they follow.
    pub following: i64,
}

/// What the asking viewer did.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreatorViewer)]
pub(crate) struct ProfileViewerBody {
    /// Follows them.
    pub following: bool,
}

impl ProfileBody {
    /// Puts the page together.
    pub(crate) fn new(creator: Creator, counts: CreatorCounts) -> Self {
        Self {
            id: creator.public_id.to_string(),
            handle: creator.handle,
            name: creator.name,
            created_at: creator.created_at,
            counts: ProfileCountsBody {
                clips: counts.clips,
                likes: counts.likes,
                followers: counts.followers,
                following: counts.following,
            },
            viewer: ProfileViewerBody { following: creator.is_following },
        }
    }
}
