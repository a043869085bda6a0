use std::collections::HashMap;
use std::sync::Arc;

use estrade_db::feed::{FeedClip, FeedCounts, FeedRendition};
use estrade_domain::{AccountId, Audience, ClipId, PublicId, Time, VersionId};
use estrade_http::clip_body::{Captions, ClipFacts, CreatorBody, Media};

use crate::learning::length_bucket;

/// Where playing a rendition starts, below the version's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The rendition's folder.
    pub name: String,
    /// Height, pixels.
    pub height: i32,
    /// Peak bandwidth, bits a second.
    pub bandwidth: i32,
    /// Size of the first segment, bytes.
    pub first_bytes: i32,
    /// Length of the first segment, milliseconds.
    pub first_ms: i32,
}

/// A published clip in memory.
#[derive(Debug, Clone)]
pub struct Clip {
    /// Its id.
    pub id: ClipId,
    /// Its creator.
    pub creator_id: AccountId,
    /// When it became visible.
    pub published_at: Time,
    /// Who may see it.
    pub audience: Audience,
    /// Whether feeds may offer it to people who did not ask for it.
    pub is_recommendable: bool,
    /// Its bucket of clips of like length.
    pub length_bucket: usize,
    /// Public counts.
    pub counts: FeedCounts,
    /// What is shown of it.
    pub facts: Arc<ClipFacts>,
    /// Where playing starts, lowest bandwidth first.
    pub starts: Arc<[Start]>,
}

impl Clip {
    /// Its public id.
    pub fn public_id(&self) -> &PublicId {
        &self.facts.public_id
    }

    /// Clips as loaded, with the renditions of their versions.
    pub fn from_rows(clips: Vec<FeedClip>, renditions: Vec<FeedRendition>) -> Vec<Self> {
        let mut starts: HashMap<VersionId, Vec<Start>> = HashMap::new();
        for rendition in renditions {
            starts.entry(rendition.version_id).or_default().push(Start {
                name: rendition.name,
                height: rendition.height,
                bandwidth: rendition.bandwidth,
                first_bytes: rendition.first_bytes,
                first_ms: rendition.first_ms,
            });
        }
        clips
            .into_iter()
            .map(|clip| {
                let starts = starts.remove(&clip.media.version_id).unwrap_or_default();
                Self::from_row(clip, starts)
            })
            .collect()
    }

    fn from_row(clip: FeedClip, starts: Vec<Start>) -> Self {
        let media = Media {
            version: clip.media.version_id,
            poster_name: clip.media.poster_name,
            thumbhash: clip.media.thumbhash,
            duration_ms: clip.media.duration_ms,
            width: clip.media.width,
            height: clip.media.height,
            has_audio: clip.media.has_audio,
            is_complete: clip.media.is_complete,
            has_storyboard: clip.media.has_storyboard,
            has_preview: clip.media.has_preview,
            has_download: clip.media.has_download,
        };
        let creator = CreatorBody {
            id: clip.creator_public_id.to_string(),
            handle: clip.creator_handle,
            name: clip.creator_name,
            avatar_url: None,
        };
        Self {
            id: clip.id,
            creator_id: clip.creator_id,
            published_at: clip.published_at,
            audience: clip.audience,
            is_recommendable: clip.is_recommendable,
            length_bucket: length_bucket(media.duration_ms),
            counts: clip.counts,
            starts: starts.into(),
            facts: Arc::new(ClipFacts {
                public_id: clip.public_id,
                creator,
                caption: clip.caption,
                hashtags: clip.hashtags,
                language: clip.language,
                created_at: clip.created_at,
                published_at: Some(clip.published_at),
                visibility: clip.visibility.as_str(),
                state: "ready",
                progress: clip.progress,
                failure: None,
                allow_download: clip.allow_download,
                // Only its creator waits for it, and they ask the API.
                is_poster_pending: false,
                media: Some(media),
                captions: clip.captions.into_iter().map(|found| Captions::new(found.track, found.is_auto)).collect(),
            }),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use chrono::{DateTime, Duration};
    use estrade_db::feed::FeedMedia;
    use estrade_domain::Visibility;
    use uuid::Uuid;

    use super::*;

    /// The first second of the tests' time.
    pub fn start_of_time() -> Time {
        DateTime::from_timestamp(1_750_000_000, 0).expect("in range")
    }

    pub fn creator(number: u32) -> AccountId {
        AccountId(Uuid::from_u128(0xA000_0000 + u128::from(number)))
    }

    pub fn public_id(number: u32) -> PublicId {
        let mut bytes = [0; 20];
        for (place, byte) in bytes.iter_mut().enumerate().take(6) {
            *byte = u8::try_from((number >> (place * 5)) & 31).expect("five bits");
        }
        PublicId::from_random(bytes)
    }

    /// The public clip with this number, published so many seconds after the start of time.
    pub fn clip(number: u32, creator_number: u32) -> Clip {
        let published_at = start_of_time() + Duration::seconds(number.into());
        let row = FeedClip {
            id: ClipId(Uuid::from_u128(u128::from(number) + 1)),
            public_id: public_id(number),
            creator_id: creator(creator_number),
            creator_public_id: public_id(creator_number),
            creator_handle: format!("creator_{creator_number}"),
            creator_name: format!("Creator {creator_number}"),
            caption: format!("Clip {number}"),
            hashtags: vec![],
            language: None,
            created_at: published_at,
            published_at,
            visibility: Visibility::Public,
            progress: 1.0,
            allow_download: false,
            media: FeedMedia {
                version_id: VersionId(Uuid::from_u128(u128::from(number) + 1)),
                poster_name: None,
                thumbhash: None,
                duration_ms: 12_000,
                width: 720,
                height: 1280,
                has_audio: true,
                is_complete: true,
                has_storyboard: true,
                has_preview: true,
                has_download: false,
            },
            captions: vec![],
            audience: Audience::Everyone,
            is_recommendable: true,
            counts: FeedCounts::default(),
        };
        Clip::from_rows(vec![row], vec![]).remove(0)
    }

    #[test]
    fn renditions_find_their_clip() {
        let rendition = FeedRendition {
            version_id: VersionId(Uuid::from_u128(2)),
            name: "v360".into(),
            height: 640,
            bandwidth: 700_000,
            first_bytes: 1000,
            first_ms: 1000,
        };
        let row = |version| FeedMedia { version_id: VersionId(Uuid::from_u128(version)), ..media() };
        let with = |version| FeedClip { media: row(version), ..loaded() };
        let clips = Clip::from_rows(vec![with(1), with(2)], vec![rendition]);
        assert_eq!((clips[0].starts.len(), clips[1].starts.len()), (0, 1));
        assert_eq!(clips[1].starts[0].name, "v360");
    }

    fn media() -> FeedMedia {
        FeedMedia {
            version_id: VersionId(Uuid::nil()),
            poster_name: None,
            thumbhash: None,
            duration_ms: 1,
            width: 1,
            height: 1,
            has_audio: false,
            is_complete: false,
            has_storyboard: false,
            has_preview: false,
            has_download: false,
        }
    }

    fn loaded() -> FeedClip {
        FeedClip {
            captions: Vec::new(),
            id: ClipId(Uuid::nil()),
            public_id: public_id(1),
            creator_id: creator(1),
            creator_public_id: public_id(1),
            creator_handle: "ada".into(),
            creator_name: "Ada".into(),
            caption: String::new(),
            hashtags: vec![],
            language: None,
            created_at: start_of_time(),
            published_at: start_of_time(),
            visibility: Visibility::Public,
            progress: 1.0,
            allow_download: false,
            media: media(),
            audience: Audience::Everyone,
            is_recommendable: true,
            counts: FeedCounts::default(),
        }
    }
}
