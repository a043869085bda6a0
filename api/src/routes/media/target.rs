//! The closed list of names below a media version. Pure.

use estrade_domain::{PosterId, PublicId};
use estrade_http::clip_body::{
    DOWNLOAD_NAME, MULTIVARIANT_NAME, PREVIEW_NAME, STORYBOARD_FOLDER, STORYBOARD_NAME, chosen_poster_id,
};
use uuid::Uuid;

use super::{captions, segment_number};

/// Name of a rendition's media playlist.
const PLAYLIST_NAME: &str = "index.m3u8";
/// Name of the playlist of a rendition's key pictures.
const KEYS_PLAYLIST_NAME: &str = "keys.m3u8";
/// Names of automatic posters: the first of a version, and a better one of a later chunk.
const POSTER_NAMES: [&str; 2] = ["poster.jpg", "poster2.jpg"];
/// Name of a rendition's init segment.
const INIT_NAME: &str = "init.mp4";

/// What is asked for, below a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Multivariant,
    Playlist { rendition: String },
    KeysPlaylist { rendition: String },
    Storyboard,
    Sheet { chunk: i32, name: String },
    Poster { name: &'static str },
    ChosenPoster { id: PosterId },
    Preview { name: &'static str },
    Download,
    Init { rendition: String, name: String },
    Segment { rendition: String, number: i32, name: String },
    Captions { id: PublicId, file: captions::File },
}

impl Target {
    pub(super) fn parse(folder: Option<&str>, file: &str) -> Option<Self> {
        match folder {
            None => Self::of_version(file),
            Some(STORYBOARD_FOLDER) => Self::of_storyboard(file),
            // Renditions' names are shorter than ids.
            Some(folder) => match folder.parse() {
                Ok(id) => captions::File::parse(file).map(|file| Self::Captions { id, file }),
                Err(_) => Self::of_rendition(folder, file),
            },
        }
    }

    fn of_version(file: &str) -> Option<Self> {
        match file {
            MULTIVARIANT_NAME => Some(Self::Multivariant),
            PREVIEW_NAME => Some(Self::Preview { name: PREVIEW_NAME }),
            DOWNLOAD_NAME => Some(Self::Download),
            _ => {
                if let Some(name) = POSTER_NAMES.into_iter().find(|name| *name == file) {
                    return Some(Self::Poster { name });
                }
                let id = chosen_poster_id(file)?;
                Uuid::try_parse(id).ok().map(|id| Self::ChosenPoster { id: PosterId(id) })
            }
        }
    }

    fn of_storyboard(file: &str) -> Option<Self> {
        if format!("{STORYBOARD_FOLDER}/{file}") == STORYBOARD_NAME {
            return Some(Self::Storyboard);
        }
        let chunk = segment_number(file, ".jpg")?;
        Some(Self::Sheet { chunk, name: format!("{STORYBOARD_FOLDER}/{file}") })
    }

    fn of_rendition(rendition: &str, file: &str) -> Option<Self> {
        let is_name = (1..=16).contains(&rendition.len())
            && rendition.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if !is_name {
            return None;
        }
        match file {
            PLAYLIST_NAME => Some(Self::Playlist { rendition: rendition.to_owned() }),
            KEYS_PLAYLIST_NAME => Some(Self::KeysPlaylist { rendition: rendition.to_owned() }),
            INIT_NAME => Some(Self::Init { rendition: rendition.to_owned(), name: format!("{rendition}/{file}") }),
            _ => Some(Self::Segment {
                rendition: rendition.to_owned(),
                number: segment_number(file, ".m4s")?,
                name: format!("{rendition}/{file}"),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_names_we_make_are_served() {
        let poster = PosterId(Uuid::from_u128(0xab));
        for (folder, file, target) in [
            (None, "index.m3u8", Target::Multivariant),
            (None, "poster2.jpg", Target::Poster { name: "poster2.jpg" }),
            (None, "preview.webp", Target::Preview { name: "preview.webp" }),
            (None, "clip.mp4", Target::Download),
            (None, "poster-000000000000000000000000000000ab.jpg", Target::ChosenPoster { id: poster }),
            (
                Some("v540"),
                "s00012.m4s",
                Target::Segment { rendition: "v540".into(), number: 12, name: "v540/s00012.m4s".into() },
            ),
            (Some("v360"), "keys.m3u8", Target::KeysPlaylist { rendition: "v360".into() }),
            (Some("audio"), "init.mp4", Target::Init { rendition: "audio".into(), name: "audio/init.mp4".into() }),
            (Some("storyboard"), "index.vtt", Target::Storyboard),
            (Some("storyboard"), "s00003.jpg", Target::Sheet { chunk: 3, name: "storyboard/s00003.jpg".into() }),
        ] {
            assert_eq!(Target::parse(folder, file), Some(target));
        }
        for (rendition, file) in [
            (None, "source"),
            (None, "../x"),
            (None, "poster3.jpg"),
            (None, "poster-ab.jpg"),
            (None, "poster-{00000000000000000000000000000ab}.jpg"),
            (None, "index.vtt"),
            (Some(".."), "init.mp4"),
            (Some("V540"), "init.mp4"),
            (Some("v540"), "s1.m4s"),
            (Some("v540"), "s+0001.m4s"),
            (Some("v540"), "s00001.mp4"),
            (Some("v540"), "s00001.jpg"),
            (Some("v540"), "index.vtt"),
            (Some("v540"), "other"),
            (Some("v540"), "captions.vtt"),
            (Some("00000000000000000000"), "init.mp4"),
            (Some("0000000000000000000l"), "captions.vtt"),
            (Some("storyboard"), "s00001.m4s"),
            (Some("storyboard"), "index.m3u8"),
        ] {
            assert_eq!(Target::parse(rendition, file), None, "{rendition:?} {file}");
        }
    }

    proptest! {
        #[test]
        fn no_name_leads_out_of_a_version(folder in prop::option::of("\\PC{0,24}"), file in "(\\PC|[./sv0-9]){0,24}") {
            let name = match Target::parse(folder.as_deref(), &file) {
                Some(Target::Sheet { name, .. } | Target::Init { name, .. } | Target::Segment { name, .. }) => name,
                Some(Target::Playlist { rendition } | Target::KeysPlaylist { rendition }) => rendition,
                _ => return Ok(()),
            };
            let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'/';
            prop_assert!(name.bytes().all(is_plain) && !name.contains("..") && !name.starts_with('/'), "{}", name);
        }
    }
}
