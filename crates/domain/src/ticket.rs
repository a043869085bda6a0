//! Media tickets: for a few minutes, one class of viewers may fetch one clip's media.
//! They stand in the path, so that relative playlist addresses keep working.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration};

use crate::limits::TICKET_MAX_SECS;
use crate::secret::{SIGNATURE_BYTES, SigningKey};
use crate::{Audience, PublicId, Time};

const PURPOSE: &str = "media-ticket";

/// Why a ticket was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTicket {
    /// Not made by this server, or changed.
    #[error("this media ticket is not valid")]
    Forged,
    /// Its time is over.
    #[error("this media ticket has expired")]
    Expired,
}

/// What a ticket allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The clip whose media it opens.
    pub clip: PublicId,
    /// The viewer class it was made for: the narrowest audience the holder belongs to.
    pub class: Audience,
    /// The end of its life.
    pub expires_at: Time,
}

/// Makes a ticket that lives [`TICKET_MAX_SECS`].
pub fn issue(key: &SigningKey, clip: &PublicId, class: Audience, now: Time) -> String {
    let expires = (now + Duration::seconds(TICKET_MAX_SECS)).timestamp();
    let body = format!("{clip}.{}.{expires}", class.as_str());
    let mut signed = key.sign(PURPOSE, body.as_bytes()).to_vec();
    signed.extend(body.as_bytes());
    URL_SAFE_NO_PAD.encode(signed)
}

/// Reads a ticket and checks signature and time.
pub fn verify(key: &SigningKey, ticket: &str, now: Time) -> Result<Ticket, InvalidTicket> {
    let ticket = parse(key, ticket).ok_or(InvalidTicket::Forged)?;
    if ticket.expires_at <= now {
        return Err(InvalidTicket::Expired);
    }
    Ok(ticket)
}

fn parse(key: &SigningKey, ticket: &str) -> Option<Ticket> {
    if ticket.len() > 200 {
        return None;
    }
    let signed = URL_SAFE_NO_PAD.decode(ticket).ok()?;
    let (signature, body) = signed.split_at_checked(SIGNATURE_BYTES)?;
    if !key.is_signed(PURPOSE, body, signature) {
        return None;
    }
    let mut fields = std::str::from_utf8(body).ok()?.split('.');
    Some(Ticket {
        clip: fields.next()?.parse().ok()?,
        class: Audience::from_name(fields.next()?)?,
        expires_at: DateTime::from_timestamp(fields.next()?.parse().ok()?, 0)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_ticket_holds_for_its_time_and_clip_only() {
        let key = SigningKey::new([9; 32]);
        let clip = PublicId::from_random([4; 20]);
        let now = Time::UNIX_EPOCH;
        let ticket = issue(&key, &clip, Audience::Followers, now);
        let read = verify(&key, &ticket, now).expect("fresh ticket");
        assert_eq!((read.clip, read.class), (clip, Audience::Followers));
        let later = now + Duration::seconds(TICKET_MAX_SECS);
        assert_eq!(verify(&key, &ticket, later), Err(InvalidTicket::Expired));
        assert_eq!(verify(&SigningKey::new([8; 32]), &ticket, now), Err(InvalidTicket::Forged));
        assert_eq!(verify(&key, "nonsense", now), Err(InvalidTicket::Forged));
    }

    const CLASSES: [Audience; 3] = [Audience::Followers, Audience::Creator, Audience::Nobody];

    proptest! {
        #[test]
        fn a_ticket_is_read_back_and_a_changed_one_is_refused(
            bytes: [u8; 20], class in prop::sample::select(CLASSES.to_vec()), at in 0i64..4_000_000_000,
            index: prop::sample::Index, replacement in "[A-Za-z0-9_-]",
        ) {
            let (key, clip) = (SigningKey::new([9; 32]), PublicId::from_random(bytes));
            let now = DateTime::from_timestamp(at, 0).expect("a time");
            let ticket = issue(&key, &clip, class, now);
            let read = verify(&key, &ticket, now).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!((&read.clip, read.class), (&clip, class));
            let mut changed = ticket.clone();
            let index = index.index(ticket.len());
            changed.replace_range(index..=index, &replacement);
            // The last character may carry padding bits only.
            let same = URL_SAFE_NO_PAD.decode(&changed) == URL_SAFE_NO_PAD.decode(&ticket);
            prop_assert!(same || verify(&key, &changed, now) == Err(InvalidTicket::Forged));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,240}", body in "[a-z0-9.+-]{0,80}", at: i64) {
            let key = SigningKey::new([9; 32]);
            let _ = verify(&key, &text, Time::UNIX_EPOCH);
            // Even with a signature of ours.
            for body in [body.clone(), format!("{}.creator.{at}", PublicId::from_random([4; 20])), format!("{body}.{at}.{at}")] {
                let mut signed = key.sign(PURPOSE, body.as_bytes()).to_vec();
                signed.extend(body.as_bytes());
                let _ = verify(&key, &URL_SAFE_NO_PAD.encode(signed), Time::UNIX_EPOCH);
            }
        }
    }
}
