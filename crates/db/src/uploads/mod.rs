//! `uploads`, `upload_parts`: receiving, and the ends an upload comes to.
//!
//! `receiving → stored | rejected | expired | terminated`. The offset is what is durable. Every
//! request that writes raises the epoch, and commits carry it: an older one changes nothing.

use estrade_domain::{AccountId, ClipId, PublicId, Time, UploadId};
use uuid::Uuid;

mod receiving;
mod storing;

pub use receiving::*;
pub use storing::*;

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadState {
    /// More bytes may come, or they are on their way into the store.
    Receiving,
    /// The whole source is in the store.
    Stored,
    /// Refused; the reason stands beside.
    Rejected,
    /// Not finished in time.
    Expired,
    /// Given up by its creator.
    Terminated,
}

impl UploadState {
    /// Its name in the database and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Stored => "stored",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Terminated => "terminated",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Receiving, Self::Stored, Self::Rejected, Self::Expired, Self::Terminated]
            .into_iter()
            .find(|state| state.as_str() == name)
    }
}

/// Why an upload was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Stable code in snake case.
    pub code: String,
    /// A sentence for its creator.
    pub message: String,
}

/// An upload as its creator sees it.
#[derive(Debug, Clone)]
pub struct Upload {
    /// Internal id.
    pub id: UploadId,
    /// Public id.
    pub public_id: PublicId,
    /// Public id of its clip.
    pub clip_public_id: PublicId,
    /// What became of it.
    pub state: UploadState,
    /// Its size, once declared, bytes.
    pub length: Option<u64>,
    /// How much of it is durable, bytes.
    pub offset: u64,
    /// The `Upload-Metadata` header as sent.
    pub metadata: String,
    /// Digest of the whole source.
    pub sha256: Option<Vec<u8>>,
    /// Why it was refused, if it was.
    pub rejection: Option<Rejection>,
    /// The spool that has its bytes.
    pub spool_id: Uuid,
    /// When it expires unless more bytes come.
    pub expires_at: Time,
}

/// An upload and its draft clip, to be inserted if the quotas allow it.
#[derive(Debug)]
pub struct NewUpload<'a> {
    /// Its id.
    pub id: UploadId,
    /// Its public id.
    pub public_id: &'a PublicId,
    /// Who uploads.
    pub creator_id: AccountId,
    /// Its size, unless it is declared later, bytes.
    pub length: Option<u64>,
    /// The `Upload-Metadata` header as sent.
    pub metadata: &'a str,
    /// The name the file had, for showing only.
    pub filename: Option<&'a str>,
    /// Where the source will be.
    pub object_key: &'a str,
    /// The spool that will have its bytes.
    pub spool_id: Uuid,
    /// Its draft clip.
    pub clip: NewDraft<'a>,
    /// Now.
    pub at: Time,
    /// When it expires unless bytes come.
    pub expires_at: Time,
}

/// The clip an upload is for.
#[derive(Debug)]
pub struct NewDraft<'a> {
    /// Its id.
    pub id: ClipId,
    /// Its public id.
    pub public_id: &'a PublicId,
    /// Caption.
    pub caption: &'a str,
    /// Hashtags.
    pub hashtags: &'a [String],
    /// Language, if given.
    pub language: Option<&'a str>,
    /// For whom.
    pub visibility: &'a str,
    /// Whether to publish it once it is ready.
    pub publish: bool,
    /// Whether people may take it with them as a file.
    pub allow_download: bool,
}

/// How much one creator and one spool may hold.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    /// Open uploads of one creator.
    pub open_max: u32,
    /// Creations by one creator in a minute.
    pub creations_per_minute: u32,
    /// Bytes the spool's disk has free for uploads.
    pub room_bytes: u64,
    /// Bytes that all open uploads of one creator may still bring.
    pub own_bytes: u64,
}

/// Whether an upload was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Inserted, with its clip.
    Admitted,
    /// The creator has too many open.
    TooManyOpen,
    /// The creator's open uploads would promise too many bytes together.
    TooMuchOpen,
    /// The creator made too many within a minute.
    TooManyRecent,
    /// The disk has no room beside what is promised to others.
    NoRoom,
}

/// The right to append, until the epoch is raised again.
#[derive(Debug, Clone)]
pub struct Append {
    /// Fences what this request commits.
    pub epoch: i64,
    /// The upload's size, once declared, bytes.
    pub length: Option<u64>,
    /// CRC-32C of the durable bytes after the last whole part.
    pub tail_crc32c: u32,
    /// When the upload was created.
    pub created_at: Time,
}

/// A part: whole and durable in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpooledPart {
    /// From 1.
    pub number: u32,
    /// Its size, bytes.
    pub size: u64,
    /// Its CRC-32C.
    pub crc32c: u32,
}

/// Bytes that became durable.
#[derive(Debug)]
pub struct Commit<'a> {
    /// The upload.
    pub id: UploadId,
    /// The epoch of the request that wrote them.
    pub epoch: i64,
    /// Bytes durable now.
    pub offset: u64,
    /// CRC-32C of those after the last whole part.
    pub tail_crc32c: u32,
    /// Parts that became whole.
    pub parts: &'a [SpooledPart],
    /// Now.
    pub at: Time,
    /// When the upload expires unless more bytes come.
    pub expires_at: Time,
}

/// What moving an upload into the store needs.
#[derive(Debug, Clone)]
pub struct Storable {
    /// Where the source goes.
    pub object_key: String,
    /// Its size, once declared, bytes.
    pub length: Option<u64>,
    /// Bytes durable in the spool.
    pub offset: u64,
    /// The multipart upload, once begun.
    pub s3_upload_id: Option<String>,
    /// When the last byte came.
    pub last_byte_at: Time,
    /// Its whole parts, in order; once all bytes are there, the shorter last one, too.
    pub parts: Vec<StorablePart>,
}

/// A part and whether the store has it.
#[derive(Debug, Clone)]
pub struct StorablePart {
    /// The part.
    pub part: SpooledPart,
    /// The entity tag the store gave it.
    pub etag: Option<String>,
}

/// An upload whose source is in the store now.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its clip.
    pub clip_id: ClipId,
    /// Its creator.
    pub creator_id: AccountId,
    /// Where the source is.
    pub object_key: String,
}

/// A multipart upload nobody will complete.
#[derive(Debug, Clone)]
pub struct Leftover {
    /// Whose.
    pub id: UploadId,
    /// Where its object would have been.
    pub object_key: String,
    /// The multipart upload.
    pub s3_upload_id: String,
}

/// Sizes are far below 2⁶³; one that is not fits no column and is refused by its CHECK.
fn bigint(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn bytes(bigint: i64) -> u64 {
    u64::try_from(bigint).unwrap_or_default()
}

fn crc(bigint: i64) -> u32 {
    u32::try_from(bigint).unwrap_or_default()
}
