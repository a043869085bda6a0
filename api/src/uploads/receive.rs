//! One body into the spool. Whatever ends it, what came until then is made durable first, unless a
//! checksum says that all of it counts or nothing.

use std::time::{Duration, Instant};

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderValue, StatusCode, header};
use bytes::Bytes;
use estrade_db::uploads::{self, Append, Commit, Rejection, SpooledPart};
use estrade_domain::limits::UPLOAD_PART_BYTES;
use estrade_domain::{Time, UploadId};
use estrade_http::Problem;
use futures::StreamExt;

use super::append::UPLOAD_OFFSET;
use super::sniff::{SNIFF_BYTES, Sniffed, sniff};
use super::spool::{SpoolFile, is_full};
use super::takeover::Turn;
use super::{Checksum, STOP_GRACE, UploadError, Uploads, empty_rejection, no_space};

/// On a slow line bytes are made durable at least this often.
const COMMIT_PERIOD: Duration = Duration::from_secs(30);
/// The rate of a body is judged over this time.
const RATE_PERIOD: Duration = Duration::from_mins(1);

/// Why a body ended before its end.
#[derive(Debug)]
pub(super) enum End {
    /// A newer request has the upload.
    TakenOver,
    /// The client went away.
    Cut,
    /// Nothing came for too long.
    Idle,
    /// Too little came.
    Slow,
    /// The server stops.
    Stopping,
    /// More came than the upload is long.
    TooLong,
    /// The digest is not that of the body.
    ChecksumMismatch,
    /// The disk is full.
    NoSpace,
    /// It is no video.
    Rejected(Rejection),
    /// Something failed on our side.
    Failed(Problem),
}

/// How a body ended.
#[derive(Debug)]
pub(super) struct Received {
    /// Bytes durable now.
    pub(super) offset: u64,
    /// When the upload expires unless more bytes come.
    pub(super) expires_at: Time,
    /// Whether all bytes of the upload are durable.
    pub(super) is_whole: bool,
    /// Why it ended early, if it did.
    pub(super) end: Option<End>,
    /// What of the body was not read.
    pub(super) rest: Option<Body>,
}

/// Receives one body.
pub(super) struct Receiver {
    uploads: Uploads,
    id: UploadId,
    turn: Turn,
    file: SpoolFile,
    append: Append,
    checksum: Option<Checksum>,
    /// Bytes written.
    position: u64,
    /// CRC-32C of those after the last whole part.
    tail: u32,
    /// Parts that became whole since the last commit.
    parts: Vec<SpooledPart>,
    /// Bytes durable.
    committed: u64,
    committed_at: Instant,
    expires_at: Time,
    is_sniffed: bool,
}

impl Receiver {
    pub(super) fn new(
        uploads: Uploads,
        id: UploadId,
        turn: Turn,
        file: SpoolFile,
        append: Append,
        offset: u64,
        checksum: Option<Checksum>,
    ) -> Self {
        Self {
            expires_at: uploads.args.expiry(append.created_at, uploads.now()),
            uploads,
            id,
            turn,
            file,
            checksum,
            position: offset,
            tail: append.tail_crc32c,
            parts: Vec::new(),
            committed: offset,
            committed_at: Instant::now(),
            // Whoever appended the byte that completed the head has looked at it.
            is_sniffed: offset >= SNIFF_BYTES,
            append,
        }
    }

    /// Receives until the body or something else ends it.
    pub(super) async fn run(mut self: Box<Self>, body: Body) -> Received {
        let mut stream = body.into_data_stream();
        let ended = self.read(&mut stream).await;
        let is_read = ended.is_ok();
        let end = self.conclude(ended).await.err();
        let is_lingering =
            !is_read && !matches!(end, Some(End::TakenOver | End::Cut | End::Stopping | End::Idle | End::Slow));
        Received {
            offset: self.committed,
            expires_at: self.expires_at,
            is_whole: self.append.length == Some(self.committed),
            end,
            rest: is_lingering.then(|| Body::from_stream(stream)),
        }
    }

    async fn read(&mut self, stream: &mut BodyDataStream) -> Result<(), End> {
        let soft = self.uploads.soft.clone();
        let stop = async move {
            soft.cancelled().await;
            tokio::time::sleep(STOP_GRACE).await;
        };
        let cut = self.turn.cut().clone();
        let (idle, mut pace) = (self.uploads.args.idle(), Pace::new(self.uploads.args.min_rate_bytes));
        tokio::pin!(stop);
        loop {
            let next = tokio::select! {
                biased;
                () = cut.cancelled() => return Err(End::TakenOver),
                () = &mut stop => return Err(End::Stopping),
                next = tokio::time::timeout(idle, stream.next()) => next.map_err(|_| End::Idle)?,
            };
            match next {
                None => return Ok(()),
                Some(Err(_)) => return Err(End::Cut),
                Some(Ok(bytes)) => {
                    self.take(&bytes).await?;
                    pace.check(bytes.len() as u64)?;
                }
            }
        }
    }

    /// Writes the next bytes of the body.
    async fn take(&mut self, bytes: &Bytes) -> Result<(), End> {
        let length_max = self.append.length.unwrap_or(self.uploads.args.max_bytes);
        if bytes.len() as u64 > length_max - self.position {
            return Err(End::TooLong);
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let room = UPLOAD_PART_BYTES - self.position % UPLOAD_PART_BYTES;
            let (piece, after) = rest.split_at(rest.len().min(usize::try_from(room).unwrap_or(usize::MAX)));
            self.write(piece)?;
            rest = after;
        }
        self.uploads.metrics.received.inc_by(bytes.len() as u64);
        if self.checksum.is_some() {
            return Ok(());
        }
        if self.position >= SNIFF_BYTES {
            self.sniff()?;
        }
        if !self.parts.is_empty() || self.committed_at.elapsed() >= COMMIT_PERIOD {
            self.commit().await?;
            self.require_room().await?;
        }
        Ok(())
    }

    /// Writes a piece that ends within the part, or with it.
    fn write(&mut self, piece: &[u8]) -> Result<(), End> {
        self.file.write_at(self.position, piece).map_err(spool_end)?;
        self.tail = crc32c::crc32c_append(self.tail, piece);
        if let Some(checksum) = &mut self.checksum {
            checksum.update(piece);
        }
        self.position += piece.len() as u64;
        if self.position.is_multiple_of(UPLOAD_PART_BYTES) {
            let number = u32::try_from(self.position / UPLOAD_PART_BYTES).unwrap_or(u32::MAX);
            self.parts.push(SpooledPart { number, size: UPLOAD_PART_BYTES, crc32c: self.tail });
            self.tail = 0;
        }
        Ok(())
    }

    /// After the body: what counts is made durable, the rest is dropped.
    async fn conclude(&mut self, ended: Result<(), End>) -> Result<(), End> {
        let counts = self.judge(&ended);
        match counts {
            Counts::All => self.make_durable().await.and(ended),
            Counts::Committed(end) => {
                self.discard();
                end.map_or(ended, Err)
            }
        }
    }

    /// Whether what was written since the last commit counts.
    fn judge(&mut self, ended: &Result<(), End>) -> Counts {
        let checksum = self.checksum.take();
        let is_partial = checksum.is_some() && ended.is_err();
        let is_other = checksum.is_some_and(|checksum| !checksum.matches());
        match ended {
            Ok(()) if is_other => Counts::Committed(Some(End::ChecksumMismatch)),
            Err(_) if is_partial => Counts::Committed(None),
            Err(End::TooLong | End::Rejected(_) | End::Failed(_)) => Counts::Committed(None),
            _ => Counts::All,
        }
    }

    async fn make_durable(&mut self) -> Result<(), End> {
        let is_whole = self.append.length == Some(self.position);
        if is_whole && self.position == 0 {
            return Err(End::Rejected(empty_rejection()));
        }
        if is_whole || self.position >= SNIFF_BYTES {
            self.sniff().inspect_err(|_| self.discard())?;
        }
        if self.position > self.committed {
            self.commit().await.inspect_err(|_| self.discard())?;
        }
        Ok(())
    }

    /// Looks at the first bytes, once.
    fn sniff(&mut self) -> Result<(), End> {
        if self.is_sniffed {
            return Ok(());
        }
        self.is_sniffed = true;
        let head = self.file.head().map_err(spool_end)?;
        match sniff(&head) {
            Sniffed::Container(_) => Ok(()),
            Sniffed::Other(what) => Err(End::Rejected(not_a_video(what))),
        }
    }

    /// Makes everything written durable and says so in the database, if no newer request has the upload.
    async fn commit(&mut self) -> Result<(), End> {
        self.file.sync().await.map_err(spool_end)?;
        let now = self.uploads.now();
        let expires_at = self.uploads.args.expiry(self.append.created_at, now);
        let commit = Commit {
            id: self.id,
            epoch: self.append.epoch,
            offset: self.position,
            tail_crc32c: self.tail,
            parts: &self.parts,
            at: now,
            expires_at,
        };
        if !self.save(&commit).await.map_err(|error| End::Failed(error.into()))? {
            return Err(End::TakenOver);
        }
        (self.committed, self.committed_at, self.expires_at) = (self.position, Instant::now(), expires_at);
        if !self.parts.is_empty() {
            self.parts.clear();
            self.uploads.store_soon(self.id);
        }
        Ok(())
    }

    /// Whether the disk takes another part.
    async fn require_room(&self) -> Result<(), End> {
        let has_room = match self.append.length {
            Some(length) if length == self.position => Ok(true),
            Some(_) => self.uploads.has_promised_room(),
            None => self.uploads.has_spare_room(UPLOAD_PART_BYTES).await,
        };
        if has_room.map_err(|error| End::Failed(error.into()))? { Ok(()) } else { Err(End::NoSpace) }
    }

    async fn save(&self, commit: &Commit<'_>) -> Result<bool, UploadError> {
        let mut conn = self.uploads.conn().await?;
        Ok(uploads::commit_append(&mut conn, commit).await?)
    }

    /// Bytes after the durable ones are cut off again when the file is next opened, if not now.
    fn discard(&mut self) {
        self.position = self.committed;
        self.parts.clear();
        if let Err(error) = self.file.cut_back(self.committed) {
            tracing::warn!(upload.id = %self.id, %error, "bytes that do not count stay in the spool for now");
        }
    }
}

/// What of the written bytes counts.
enum Counts {
    /// All.
    All,
    /// Those already durable; why, when the body itself ended well.
    Committed(Option<End>),
}

/// Judges a body's rate.
struct Pace {
    since: Instant,
    bytes: u64,
    least: u64,
}

impl Pace {
    fn new(rate_bytes: u64) -> Self {
        Self { since: Instant::now(), bytes: 0, least: rate_bytes * RATE_PERIOD.as_secs() }
    }

    fn check(&mut self, bytes: u64) -> Result<(), End> {
        self.bytes += bytes;
        if self.since.elapsed() < RATE_PERIOD {
            return Ok(());
        }
        if self.bytes < self.least {
            return Err(End::Slow);
        }
        (self.since, self.bytes) = (Instant::now(), 0);
        Ok(())
    }
}

fn spool_end(error: std::io::Error) -> End {
    if is_full(&error) { End::NoSpace } else { End::Failed(UploadError::Spool(error).into()) }
}

fn not_a_video(what: Option<&str>) -> Rejection {
    let looks = what.map_or_else(String::new, |what| format!(": it looks like {what}"));
    Rejection {
        code: "not_a_video".to_owned(),
        message: format!("This file is not a video{looks}. Upload an MP4, MOV, WebM or MKV file."),
    }
}

impl End {
    /// The answer, with the offset that is durable.
    pub(super) fn problem(self, offset: u64) -> Problem {
        let problem = match self {
            Self::TakenOver => Problem::conflict("taken_over", "a newer request has taken this upload over"),
            Self::Cut => Problem::bad_request("body_incomplete", "the body ended early"),
            Self::Idle => timeout("idle", "nothing came for too long; go on with a new request"),
            Self::Slow => timeout("too_slow", "too little came over a minute; go on with a new request"),
            Self::Stopping => Problem::unavailable("stopping", "the server restarts; go on with a new request"),
            Self::TooLong => Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "longer_than_declared",
                "the body goes past the length of the upload; nothing past it was kept",
            ),
            Self::ChecksumMismatch => checksum_mismatch(),
            Self::NoSpace => no_space(),
            Self::Rejected(rejection) => super::rejected_problem(&rejection),
            Self::Failed(problem) => problem,
        };
        problem.with_header(UPLOAD_OFFSET, HeaderValue::from(offset))
    }
}

fn timeout(code: &str, detail: &str) -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, code, detail)
        .with_header(header::CONNECTION, HeaderValue::from_static("close"))
}

/// tus has a status of its own for this.
fn checksum_mismatch() -> Problem {
    let detail = "the body does not have the digest of Upload-Checksum; nothing of it was kept";
    let status = StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST);
    Problem::new(status, "checksum_mismatch", detail).with_field("Upload-Checksum", "mismatch", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_judged_by_its_rate_only_after_a_minute() {
        let mut pace = Pace::new(1024);
        assert!(pace.check(1).is_ok());
        pace.since = Instant::now().checked_sub(RATE_PERIOD).expect("uptime");
        assert!(matches!(pace.check(1024), Err(End::Slow)));
        pace.bytes = 0;
        assert!(pace.check(61_440).is_ok());
        assert_eq!(pace.bytes, 0);
    }

    #[test]
    fn every_end_tells_the_offset() {
        for end in [
            End::TakenOver,
            End::Cut,
            End::Idle,
            End::Slow,
            End::Stopping,
            End::TooLong,
            End::ChecksumMismatch,
            End::NoSpace,
        ] {
            let problem = format!("{:?}", end.problem(4711));
            assert!(problem.contains("upload-offset") && problem.contains("4711"), "{problem}");
        }
    }
}
