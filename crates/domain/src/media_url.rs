//! Where media is fetched: public media by clip and version, the rest through a ticket.

use url::Url;

use crate::{Audience, PublicId, SigningKey, Time, VersionId, ticket};

/// Makes absolute media addresses.
#[derive(Debug, Clone)]
pub struct MediaUrls {
    base: String,
    key: SigningKey,
}

impl MediaUrls {
    /// `base` is the CDN in front of the media when there is one, else the public URL of the API.
    pub fn new(base: &Url, key: SigningKey) -> Self {
        Self { base: base.as_str().trim_end_matches('/').to_owned(), key }
    }

    /// The folder of one media version, without a slash at the end, for a viewer of class `class`.
    /// Media open to everyone or to those with the link needs no ticket.
    pub fn folder(&self, clip: &PublicId, version: VersionId, class: Audience, now: Time) -> String {
        let version = version.0.simple();
        match class {
            Audience::Everyone | Audience::Link => format!("{}/media/{clip}/{version}", self.base),
            Audience::Followers | Audience::Creator | Audience::Nobody => {
                let ticket = ticket::issue(&self.key, clip, class, now);
                format!("{}/media/t/{ticket}/{clip}/{version}", self.base)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_restricted_media_carries_a_ticket() {
        let urls = MediaUrls::new(&Url::parse("http://host/").expect("url"), SigningKey::new([1; 32]));
        let clip = PublicId::from_random([0; 20]);
        let folder = |class| urls.folder(&clip, VersionId(uuid::Uuid::nil()), class, Time::UNIX_EPOCH);
        assert_eq!(
            folder(Audience::Everyone),
            "http://host/media/00000000000000000000/00000000000000000000000000000000"
        );
        assert!(folder(Audience::Creator).starts_with("http://host/media/t/"));
    }
}
