//! What can go wrong between libav and us.

use ffmpeg_next as ff;

use crate::{
    package::{Av1Error, AvcError},
    plan::Refusal,
};

/// A failure while reading or making media.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The source is at fault, and trying again will not help.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// libav reported an error.
    #[error("{step}: {source}")]
    Av {
        /// What was being done.
        step: &'static str,
        /// What libav said.
        source: ff::Error,
    },
    /// A file could not be read or written.
    #[error("{step}: {source}")]
    Io {
        /// What was being done.
        step: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The encoder's header could not be understood.
    #[error(transparent)]
    Avc(#[from] AvcError),
    /// The same, of AV1.
    #[error(transparent)]
    Av1(#[from] Av1Error),
    /// The pictures cannot be repackaged after all, which only decoding them could show.
    #[error("cannot be repackaged: {0}")]
    NotRepackaged(String),
    /// Our own books do not balance.
    #[error("{0}")]
    Inconsistent(String),
}

impl MediaError {
    /// An error of libav with what was being done.
    pub(super) fn av(step: &'static str, source: ff::Error) -> Self {
        Self::Av { step, source }
    }

    /// An error of the system with what was being done.
    pub(super) fn io(step: &'static str, source: std::io::Error) -> Self {
        Self::Io { step, source }
    }
}

/// The three answers libav gives when asked for the next piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Here it is.
    Ready,
    /// Not before more is put in.
    Again,
    /// Never again.
    End,
}

/// Sorts a result of libav into its three answers, or an error.
pub(super) fn next(step: &'static str, result: Result<(), ff::Error>) -> Result<Next, MediaError> {
    match result {
        Ok(()) => Ok(Next::Ready),
        Err(ff::Error::Other { errno: libc::EAGAIN }) => Ok(Next::Again),
        Err(ff::Error::Eof) => Ok(Next::End),
        Err(source) => Err(MediaError::av(step, source)),
    }
}
