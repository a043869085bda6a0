//! The contract's limits. Those an operator may change are defaults of settings.

/// Longest clip, seconds.
pub const CLIP_MAX_SECS: u32 = 180;
/// Largest source, bytes (4 GiB).
pub const SOURCE_MAX_BYTES: u64 = 4 << 30;
/// Times the creator of a failed clip may have it tried again.
pub const CLIP_RETRIES_MAX: i32 = 3;
/// Size of one stored upload part, bytes (8 MiB).
pub const UPLOAD_PART_BYTES: u64 = 8 << 20;
/// Uploads one creator may have open at a time.
pub const OPEN_UPLOADS_MAX: u32 = 20;
/// Uploads one creator may create in a minute.
pub const UPLOAD_CREATIONS_PER_MINUTE: u32 = 30;
/// An upload expires this long after its last byte, hours.
pub const UPLOAD_IDLE_EXPIRY_HOURS: i64 = 24;
/// An upload expires this long after its creation whatever happens, days.
pub const UPLOAD_MAX_EXPIRY_DAYS: i64 = 7;
/// `Upload-Metadata` header, bytes.
pub const UPLOAD_METADATA_MAX_BYTES: usize = 8 << 10;
/// JSON request body, bytes.
pub const JSON_BODY_MAX_BYTES: usize = 64 << 10;
/// Caption, characters.
pub const CAPTION_MAX_CHARS: usize = 2200;
/// Hashtags of one clip.
pub const HASHTAGS_MAX: usize = 30;
/// One hashtag, characters.
pub const HASHTAG_MAX_CHARS: usize = 60;
/// Handle, characters: shortest and longest.
pub const HANDLE_CHARS: std::ops::RangeInclusive<usize> = 3..=30;
/// Display name, characters.
pub const NAME_MAX_CHARS: usize = 50;
/// Password, bytes: shortest and longest.
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 10..=256;
/// Free text of a report, characters.
pub const REPORT_DETAIL_MAX_CHARS: usize = 2000;
/// Items of one page.
pub const PAGE_MAX: u32 = 50;
/// Items of one page when the client names no limit.
pub const PAGE_DEFAULT: u32 = 10;
/// Clips of one slate.
pub const SLATE_MAX: usize = 200;
/// Events of one batch.
pub const EVENTS_PER_BATCH_MAX: usize = 100;
/// A media ticket lives at most this long, seconds.
pub const TICKET_MAX_SECS: i64 = 600;
/// A session lives this long after its creation, days.
pub const SESSION_DAYS: i64 = 90;
/// A captions file as sent, bytes.
pub const CAPTIONS_MAX_BYTES: usize = 256 << 10;
/// Captions as they are kept and served, bytes: writing them anew may make them longer.
pub const CAPTIONS_KEPT_MAX_BYTES: usize = 512 << 10;
/// Lines of a captions file.
pub const CAPTIONS_LINES_MAX: usize = 20_000;
/// One line of a captions file, bytes.
pub const CAPTIONS_LINE_MAX_BYTES: usize = 4096;
/// Cues of a captions file.
pub const CUES_MAX: usize = 3000;
/// Text of one cue, characters.
pub const CUE_MAX_CHARS: usize = 600;
/// Lines of one cue.
pub const CUE_LINES_MAX: usize = 12;
/// A cue may end so long after its clip, milliseconds.
pub const CUE_SLACK_MS: u64 = 5000;
/// A cue ends by then when its clip's length is not known yet, milliseconds.
pub const CUE_END_MAX_MS: u64 = 3_600_000;
/// Captions of one clip, one a language.
pub const CAPTIONS_PER_CLIP_MAX: usize = 20;
