use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use estrade_db::uploads::{self, Append, Rejection, Upload, UploadState};
use estrade_domain::limits::UPLOAD_PART_BYTES;
use estrade_domain::{Time, UploadId};
use estrade_http::{Problem, Result};
use futures::StreamExt;

use super::receive::{End, Received, Receiver};
use super::spool::{Opened, SpoolFile};
use super::takeover::Turn;
use super::{Checksum, UploadError, Uploads, no_space, rejected_problem};

/// Once all bytes are durable, the answer waits this long for the store to have them, too.
const STORED_PATIENCE: Duration = Duration::from_secs(2);
/// After an error the rest of a body is read and dropped for so long: a client that only reads the
/// answer after it has sent everything would otherwise see a reset instead.
const LINGER_DEADLINE: Duration = Duration::from_secs(10);
/// Bytes read and dropped at most.
const LINGER_BYTES: usize = 64 << 20;

/// The header that carries the offset.
pub const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");

/// Bytes somebody wants to append.
#[derive(Debug)]
pub struct AppendRequest {
    /// Where the client believes the upload stands, bytes.
    pub offset: u64,
    /// The upload's size, when this request declares it, bytes; within the limit.
    pub length: Option<u64>,
    /// The size of the body, when it is declared, bytes.
    pub body_length: Option<u64>,
    /// The digest the body must have.
    pub checksum: Option<Checksum>,
}

/// Where an upload stands after a request.
#[derive(Debug, Clone, Copy)]
pub struct Appended {
    /// Bytes durable now.
    pub offset: u64,
    /// When the upload expires unless more bytes come.
    pub expires_at: Time,
}

impl Uploads {
    /// Appends a body to an upload: takes it over, receives into the spool, and answers with the
    /// offset that is durable, whatever ended the body.
    pub async fn append(&self, upload: &Upload, request: AppendRequest, body: Body) -> Result<Appended> {
        match self.begin(upload, &request).await {
            Ok(Begun::Appending(receiver)) => self.receive(upload.id, receiver, body).await,
            Ok(Begun::Whole(appended)) => Ok(appended),
            Err(problem) => {
                self.linger(body);
                Err(problem)
            }
        }
    }

    async fn begin(&self, upload: &Upload, request: &AppendRequest) -> Result<Begun> {
        if let Some(appended) = self.check_state(upload, request)? {
            return Ok(Begun::Whole(appended));
        }
        check_declared(upload, request)?;
        self.require_room(upload, request).await?;
        let turn = self.takeovers.take(upload.id).await?;
        if turn.cut().is_cancelled() {
            return Err(End::TakenOver.problem(upload.offset));
        }
        let append = self.take_epoch(upload, request).await?;
        check_body_length(&append, request)?;
        let file = self.open_spool_file(upload.id, request.offset).await?;
        Ok(Begun::Appending(Box::new(self.receiver(upload.id, request, append, turn, file))))
    }

    fn receiver(&self, id: UploadId, request: &AppendRequest, append: Append, turn: Turn, file: SpoolFile) -> Receiver {
        Receiver::new(self.clone(), id, turn, file, append, request.offset, request.checksum.clone())
    }

    /// An answer at once for what has ended or has all its bytes.
    fn check_state(&self, upload: &Upload, request: &AppendRequest) -> Result<Option<Appended>> {
        let here = Appended { offset: upload.offset, expires_at: upload.expires_at };
        match (upload.state, &upload.rejection) {
            (UploadState::Rejected, Some(rejection)) => return Err(rejected_problem(rejection)),
            (UploadState::Expired, _) => return Err(gone()),
            (UploadState::Terminated, _) => return Err(Problem::not_found("there is no such upload")),
            _ => {}
        }
        let is_whole = upload.length == Some(upload.offset);
        // A client that lost the last answer asks again with nothing to add.
        if is_whole && request.offset == upload.offset && request.body_length == Some(0) {
            return Ok(Some(here));
        }
        if upload.state == UploadState::Stored {
            return Err(mismatch(upload.offset));
        }
        if !is_whole && upload.expires_at <= self.now() {
            return Err(gone());
        }
        if upload.spool_id != self.spool.id {
            return Err(Problem::unavailable("upload_elsewhere", "another server receives this upload; try again"));
        }
        Ok(None)
    }

    async fn take_epoch(&self, upload: &Upload, request: &AppendRequest) -> Result<Append> {
        let mut conn = self.conn().await?;
        let now = self.now();
        let append = uploads::begin_append(&mut conn, upload.id, request.offset, request.length, now).await?;
        if let Some(append) = append {
            return Ok(append);
        }
        let stands = uploads::find_offset(&mut conn, upload.id).await?;
        Err(mismatch(stands.unwrap_or(upload.offset)))
    }

    async fn open_spool_file(&self, id: UploadId, offset: u64) -> Result<SpoolFile> {
        match self.spool.open_file(id, offset).await {
            Ok(Opened::Ready(file)) => Ok(file),
            Ok(Opened::Lost) => {
                self.restart(id).await?;
                Err(mismatch(0))
            }
            Err(error) if super::spool::is_full(&error) => Err(no_space()),
            Err(error) => Err(UploadError::Spool(error).into()),
        }
    }

    /// Receives in a task of its own: what a client sent before it went away is kept, even though
    /// nobody waits for the answer any more.
    async fn receive(&self, id: UploadId, writer: Box<Receiver>, body: Body) -> Result<Appended> {
        let task = self.tasks.spawn(writer.run(body));
        let received = task.await.map_err(|error| Problem::internal(&error))?;
        let Received { offset, expires_at, is_whole, end, rest } = received;
        if let Some(rest) = rest {
            self.linger(rest);
        }
        match end {
            Some(End::Rejected(rejection)) => Err(self.refuse_source(id, &rejection).await?),
            Some(end) => Err(end.problem(offset)),
            None => {
                if is_whole {
                    let stored = self.store_soon(id);
                    // Durable is enough: the rest goes on without the client.
                    let _ = tokio::time::timeout(STORED_PATIENCE, stored.cancelled()).await;
                }
                Ok(Appended { offset, expires_at })
            }
        }
    }

    async fn refuse_source(&self, id: UploadId, rejection: &Rejection) -> Result<Problem> {
        self.reject(id, rejection).await?;
        Ok(rejected_problem(rejection))
    }

    /// Whether the disk has room for more of an upload. One that declared its size at creation was
    /// promised its bytes and may use half of the reserve: the rest keeps the server alive.
    pub(super) fn has_promised_room(&self) -> Result<bool, UploadError> {
        Ok(self.spool.free_bytes()? > self.args.disk_reserve_bytes / 2)
    }

    /// Whether the disk has room for `bytes` nobody was promised: beside the reserve and all promises.
    pub(super) async fn has_spare_room(&self, bytes: u64) -> Result<bool, UploadError> {
        let mut conn = self.conn().await?;
        let promised = uploads::sum_promised(&mut conn, self.spool.id, self.now()).await?;
        Ok(self.spool.free_bytes()? > self.args.disk_reserve_bytes.saturating_add(promised).saturating_add(bytes))
    }

    async fn require_room(&self, upload: &Upload, request: &AppendRequest) -> Result<()> {
        let has_room = match (upload.length, request.length) {
            (Some(_), _) => self.has_promised_room()?,
            (None, Some(declared)) => self.has_spare_room(declared.saturating_sub(request.offset)).await?,
            (None, None) => self.has_spare_room(UPLOAD_PART_BYTES).await?,
        };
        if has_room { Ok(()) } else { Err(no_space()) }
    }

    fn linger(&self, body: Body) {
        let soft = self.soft.clone();
        self.tasks.spawn(async move {
            let mut body = body.into_data_stream();
            let mut left = LINGER_BYTES;
            let drain = async {
                while let Some(Ok(bytes)) = body.next().await {
                    left = left.saturating_sub(bytes.len());
                    if left == 0 {
                        return;
                    }
                }
            };
            tokio::select! {
                () = soft.cancelled() => {}
                _ = tokio::time::timeout(LINGER_DEADLINE, drain) => {}
            }
        });
    }
}

/// How a request to append began.
enum Begun {
    /// Bytes may come.
    Appending(Box<Receiver>),
    /// There is nothing to append.
    Whole(Appended),
}

fn check_declared(upload: &Upload, request: &AppendRequest) -> Result<()> {
    let Some(declared) = request.length else { return Ok(()) };
    let field = |code, detail: &str| {
        Err(Problem::bad_request("invalid_header", detail).with_field("Upload-Length", code, detail))
    };
    match upload.length {
        Some(known) if known != declared => {
            field("already_declared", "the length of an upload does not change once declared")
        }
        None if declared < request.offset => field("too_small", "the length is below what was received already"),
        _ => Ok(()),
    }
}

/// A body that says it is longer than the rest is refused before a byte of it is read.
fn check_body_length(append: &Append, request: &AppendRequest) -> Result<()> {
    match (append.length, request.body_length) {
        (Some(length), Some(body)) if body > length.saturating_sub(request.offset) => {
            Err(End::TooLong.problem(request.offset))
        }
        _ => Ok(()),
    }
}

/// 410: nobody finished it in time.
pub fn gone() -> Problem {
    Problem::new(StatusCode::GONE, "upload_expired", "this upload has expired; begin a new one")
}

/// 409 with the offset that is true.
pub(super) fn mismatch(offset: u64) -> Problem {
    let detail = format!("the upload stands at {offset} bytes; go on from there");
    Problem::conflict("offset_mismatch", detail)
        .with_field("Upload-Offset", "mismatch", "not where the upload stands")
        .with_header(UPLOAD_OFFSET, HeaderValue::from(offset))
}
