//! The clip as the API and the feeds show it: one shape, made in one place.

use estrade_domain::media_url::MediaUrls;
use estrade_domain::subtitles::{CAPTIONS_FILE, Track};
use estrade_domain::{Audience, PublicId, Time, VersionId};
use serde::Serialize;
use utoipa::ToSchema;

/// A creator as shown beside a clip.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CreatorBody {
    /// Opaque id.
    #[schema(example = "7k2m9x0q4v8n3c5t1w6z")]
    pub id: String,
    /// Handle, unique.
    #[schema(example = "ada")]
    pub handle: String,
    /// Display name.
    #[schema(example = "Ada L.")]
    pub name: String,
    /// Picture, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

/// Public counts.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct CountsBody {
    /// Distinct servings watched for 2 s or one pass.
    pub views: i64,
    /// Likes.
    pub likes: i64,
    /// Comments.
    pub comments: i64,
    /// Shares.
    pub shares: i64,
}

/// What the asking viewer did.
#[derive(Debug, Clone, Copy, Default, Serialize, ToSchema)]
pub struct ViewerFlags {
    /// Likes the clip.
    pub liked: bool,
    /// Follows its creator.
    pub following: bool,
}

/// Why a clip failed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FailureBody {
    /// Stable code in snake case.
    #[schema(example = "not_a_video")]
    pub code: String,
    /// A sentence for its creator.
    pub message: String,
    /// Whether trying again may succeed.
    pub retryable: bool,
}

/// A text track.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct CaptionsBody {
    /// Language tag.
    #[schema(example = "en")]
    pub language: String,
    /// What a player calls it.
    #[schema(example = "English")]
    pub label: String,
    /// `captions` (everything heard) or `subtitles` (what is said).
    #[schema(example = "captions")]
    pub kind: String,
    /// Made by a machine.
    pub auto: bool,
    /// Address of the `WebVTT` file, there once the clip is playable. What is at it never changes;
    /// new captions have a new address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        example = "https://estrade.example/media/7k2m9x0q4v8n3c5t1w6z/01936f2e7d4b7c3a9f102b6c8d0e4a57/2f8h1k6r9v0c3m5t7x4z/captions.vtt"
    )]
    pub url: Option<String>,
}

/// Captions of a clip.
#[derive(Debug, Clone)]
pub struct Captions {
    track: Track,
    is_auto: bool,
}

impl Captions {
    /// The captions of this track.
    pub fn new(track: Track, is_auto: bool) -> Self {
        Self { track, is_auto }
    }

    /// `folder` is the address of the media version shown.
    fn body(&self, folder: Option<&str>) -> CaptionsBody {
        CaptionsBody {
            language: self.track.language.clone(),
            label: self.track.label.clone(),
            kind: self.track.kind.as_str().to_owned(),
            auto: self.is_auto,
            url: folder.map(|folder| format!("{folder}/{}/{CAPTIONS_FILE}", self.track.id)),
        }
    }
}

/// What is playable of a clip.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "facts of a row, independent of one another")]
pub struct Media {
    /// The version shown.
    pub version: VersionId,
    /// File name of the poster below the version, when there is one.
    pub poster_name: Option<String>,
    /// Thumbhash, base64.
    pub thumbhash: Option<String>,
    /// Length.
    pub duration_ms: i32,
    /// Width as shown.
    pub width: i32,
    /// Height as shown.
    pub height: i32,
    /// Whether there is sound.
    pub has_audio: bool,
    /// The whole ladder stands.
    pub is_complete: bool,
    /// There is a storyboard.
    pub has_storyboard: bool,
    /// There is an animated preview.
    pub has_preview: bool,
    /// There is a file to share.
    pub has_download: bool,
}

/// What of a clip is the same for every viewer.
#[derive(Debug, Clone)]
pub struct ClipFacts {
    /// Public id.
    pub public_id: PublicId,
    /// Its creator.
    pub creator: CreatorBody,
    /// Caption.
    pub caption: String,
    /// Hashtags.
    pub hashtags: Vec<String>,
    /// Language tag.
    pub language: Option<String>,
    /// When the draft was made.
    pub created_at: Time,
    /// When it became visible.
    pub published_at: Option<Time>,
    /// Name of the visibility.
    pub visibility: &'static str,
    /// `draft`, `processing`, `ready` or `failed`.
    pub state: &'static str,
    /// 0 to 1.
    pub progress: f32,
    /// Why it failed.
    pub failure: Option<FailureBody>,
    /// Whether its creator lets people take it with them as a file.
    pub allow_download: bool,
    /// A poster its creator chose is still to be made.
    pub is_poster_pending: bool,
    /// What is playable.
    pub media: Option<Media>,
    /// Captions, by language.
    pub captions: Vec<Captions>,
}

/// A clip.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Clip)]
pub struct ClipBody {
    /// Opaque id.
    #[schema(example = "7k2m9x0q4v8n3c5t1w6z")]
    pub id: String,
    /// Its creator.
    pub creator: CreatorBody,
    /// Caption, up to 2,200 characters.
    pub caption: String,
    /// Hashtags without `#`.
    pub hashtags: Vec<String>,
    /// Language tag.
    pub language: Option<String>,
    /// When the draft was made.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    pub created_at: Time,
    /// When it became visible.
    #[schema(value_type = Option<chrono::DateTime<chrono::Utc>>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Time>,
    /// `public`, `unlisted`, `followers` or `private`.
    #[schema(example = "public")]
    pub visibility: String,
    /// `draft`, `processing`, `ready` (playable) or `failed`.
    #[schema(example = "ready")]
    pub state: String,
    /// Of the processing, 0 to 1.
    pub progress: f32,
    /// The whole ladder stands.
    pub complete: bool,
    /// Why it failed.
    pub failure: Option<FailureBody>,
    /// Multivariant playlist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hls_url: Option<String>,
    /// Poster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poster_url: Option<String>,
    /// Thumbhash of the poster, base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbhash: Option<String>,
    /// The poster its creator chose is being made; until then `poster_url` is the one before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub poster_pending: bool,
    /// `WebVTT` index of the storyboard: each cue names its part of a picture with `#xywh=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storyboard_url: Option<String>,
    /// A few seconds that move, as animated `WebP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview_url: Option<String>,
    /// Whether its creator lets people take it with them as a file.
    pub allow_download: bool,
    /// That file, MP4, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mp4_url: Option<String>,
    /// Length, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i32>,
    /// Width as shown, pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<i32>,
    /// Height as shown, pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<i32>,
    /// Whether there is sound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_audio: Option<bool>,
    /// Text tracks, by language.
    #[schema(max_items = 20)]
    pub captions: Vec<CaptionsBody>,
    /// Public counts.
    pub counts: CountsBody,
    /// What the asking viewer did.
    pub viewer: ViewerFlags,
}

/// The file name of the multivariant playlist below a version.
pub const MULTIVARIANT_NAME: &str = "index.m3u8";
/// The folder of the storyboard below a version.
pub const STORYBOARD_FOLDER: &str = "storyboard";
/// The storyboard's index below a version.
pub const STORYBOARD_NAME: &str = "storyboard/index.vtt";
/// The animated preview below a version.
pub const PREVIEW_NAME: &str = "preview.webp";
/// The file to share below a version.
pub const DOWNLOAD_NAME: &str = "clip.mp4";

/// The id in the file name of a chosen poster, `poster-` and 32 hexadecimal digits; the name is put
/// together where posters are loaded.
pub fn chosen_poster_id(file: &str) -> Option<&str> {
    let id = file.strip_prefix("poster-")?.strip_suffix(".jpg")?;
    (id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))).then_some(id)
}

impl ClipBody {
    /// Puts a clip together for one viewer; `class` is the narrowest audience the viewer belongs to.
    pub fn new(
        facts: &ClipFacts,
        counts: CountsBody,
        viewer: ViewerFlags,
        class: Audience,
        urls: &MediaUrls,
        now: Time,
    ) -> Self {
        let media = facts.media.as_ref();
        let folder = media.map(|media| urls.folder(&facts.public_id, media.version, class, now));
        let address = |name: &str| folder.as_ref().map(|folder| format!("{folder}/{name}"));
        Self {
            id: facts.public_id.to_string(),
            creator: facts.creator.clone(),
            caption: facts.caption.clone(),
            hashtags: facts.hashtags.clone(),
            language: facts.language.clone(),
            created_at: facts.created_at,
            published_at: facts.published_at,
            visibility: facts.visibility.to_owned(),
            state: facts.state.to_owned(),
            progress: facts.progress,
            complete: media.is_some_and(|media| media.is_complete),
            failure: facts.failure.clone(),
            hls_url: address(MULTIVARIANT_NAME),
            poster_url: media.and_then(|media| media.poster_name.as_deref()).and_then(address),
            thumbhash: media.and_then(|media| media.thumbhash.clone()),
            poster_pending: facts.is_poster_pending,
            storyboard_url: media.filter(|media| media.has_storyboard).and_then(|_| address(STORYBOARD_NAME)),
            preview_url: media.filter(|media| media.has_preview).and_then(|_| address(PREVIEW_NAME)),
            allow_download: facts.allow_download,
            mp4_url: media
                .filter(|media| facts.allow_download && media.has_download)
                .and_then(|_| address(DOWNLOAD_NAME)),
            duration_ms: media.map(|media| media.duration_ms),
            width: media.map(|media| media.width),
            height: media.map(|media| media.height),
            has_audio: media.map(|media| media.has_audio),
            captions: facts.captions.iter().map(|captions| captions.body(folder.as_deref())).collect(),
            counts,
            viewer,
        }
    }
}
