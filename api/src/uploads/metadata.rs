//! `Upload-Metadata`: what a client says about the file and the clip it becomes. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use estrade_domain::Visibility;
use estrade_domain::limits::UPLOAD_METADATA_MAX_BYTES;
use estrade_domain::text::{Caption, Hashtag, InvalidText, Language, parse_hashtags};

/// Longest file name kept, characters.
const FILENAME_MAX_CHARS: usize = 255;

/// What a client said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The header as sent, returned by HEAD; keys nobody here knows are kept in it.
    pub header: String,
    /// The last part of the file's name, for showing only: never a path, never a key.
    pub filename: Option<String>,
    /// Caption.
    pub caption: String,
    /// Hashtags.
    pub hashtags: Vec<String>,
    /// Language.
    pub language: Option<String>,
    /// For whom.
    pub visibility: Visibility,
    /// Whether to publish the clip once it is ready.
    pub publish: bool,
    /// Whether people may take the clip with them as a file.
    pub allow_download: bool,
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            header: String::new(),
            filename: None,
            caption: String::new(),
            hashtags: Vec::new(),
            language: None,
            visibility: Visibility::Public,
            publish: true,
            allow_download: false,
        }
    }
}

/// Why the header was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMetadata {
    /// Not `KEY BASE64,KEY BASE64,…`.
    #[error("{0}")]
    Malformed(String),
    /// A known key has a value it cannot have.
    #[error("{reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// Why.
        reason: InvalidText,
    },
}

impl std::str::FromStr for Metadata {
    type Err = InvalidMetadata;

    fn from_str(header: &str) -> Result<Self, InvalidMetadata> {
        let mut metadata = Self { header: header.to_owned(), ..Self::default() };
        for (key, value) in parse_pairs(header)? {
            metadata.set(key, &value)?;
        }
        Ok(metadata)
    }
}

impl Metadata {
    fn set(&mut self, key: &str, value: &[u8]) -> Result<(), InvalidMetadata> {
        match key {
            "filename" => self.filename = shown_name(&String::from_utf8_lossy(value)),
            "caption" => self.caption = text::<Caption>("caption", value)?.into(),
            "hashtags" => self.hashtags = parse_tags(value)?,
            "language" => self.language = Some(text::<Language>("language", value)?.into()),
            "visibility" => self.visibility = parse_visibility(value)?,
            "publish" => self.publish = parse_bool("publish", value)?,
            "allow_download" => self.allow_download = parse_bool("allow_download", value)?,
            _ => {}
        }
        Ok(())
    }
}

fn malformed<T>(detail: impl Into<String>) -> Result<T, InvalidMetadata> {
    Err(InvalidMetadata::Malformed(detail.into()))
}

fn invalid<T>(key: &'static str, code: &'static str, detail: impl Into<String>) -> Result<T, InvalidMetadata> {
    Err(InvalidMetadata::Value { key, reason: InvalidText { code, detail: detail.into() } })
}

/// The pairs of the header: keys are visible ASCII and unique, values base64, or absent and so empty.
fn parse_pairs(header: &str) -> Result<Vec<(&str, Vec<u8>)>, InvalidMetadata> {
    if header.len() > UPLOAD_METADATA_MAX_BYTES {
        return malformed(format!("Upload-Metadata has at most {UPLOAD_METADATA_MAX_BYTES} bytes"));
    }
    let mut pairs: Vec<(&str, Vec<u8>)> = Vec::new();
    if header.trim().is_empty() {
        return Ok(pairs);
    }
    for pair in header.split(',') {
        let (key, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return malformed("a key of Upload-Metadata is empty or has other characters than visible ASCII");
        }
        if pairs.iter().any(|(known, _)| *known == key) {
            return malformed(format!("the key {key} stands twice in Upload-Metadata"));
        }
        match STANDARD.decode(value.trim()) {
            Ok(value) => pairs.push((key, value)),
            Err(_) => return malformed(format!("the value of {key} in Upload-Metadata is not base64")),
        }
    }
    Ok(pairs)
}

fn utf8<'a>(key: &'static str, value: &'a [u8]) -> Result<&'a str, InvalidMetadata> {
    std::str::from_utf8(value).or_else(|_| invalid(key, "not_utf8", format!("{key} is not UTF-8")))
}

fn text<T: std::str::FromStr<Err = InvalidText>>(key: &'static str, value: &[u8]) -> Result<T, InvalidMetadata> {
    utf8(key, value)?.parse().map_err(|reason| InvalidMetadata::Value { key, reason })
}

fn parse_tags(value: &[u8]) -> Result<Vec<String>, InvalidMetadata> {
    let tags: Vec<&str> = utf8("hashtags", value)?.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect();
    let tags = parse_hashtags(&tags).map_err(|reason| InvalidMetadata::Value { key: "hashtags", reason })?;
    Ok(tags.into_iter().map(Hashtag::into).collect())
}

fn parse_visibility(value: &[u8]) -> Result<Visibility, InvalidMetadata> {
    match Visibility::from_name(utf8("visibility", value)?) {
        Some(visibility) => Ok(visibility),
        None => invalid("visibility", "unknown_value", "visibility is public, unlisted, followers or private"),
    }
}

fn parse_bool(key: &'static str, value: &[u8]) -> Result<bool, InvalidMetadata> {
    match value {
        b"true" => Ok(true),
        b"false" => Ok(false),
        _ => invalid(key, "unknown_value", format!("{key} is true or false")),
    }
}

/// What of a file name may be shown: its last part, without control characters.
fn shown_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|c| !c.is_control()).take(FILENAME_MAX_CHARS).collect();
    Some(shown).filter(|shown| !shown.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(pairs: &[(&str, &str)]) -> String {
        let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key} {}", STANDARD.encode(value))).collect();
        pairs.join(",")
    }

    fn parse(pairs: &[(&str, &str)]) -> Result<Metadata, InvalidMetadata> {
        header(pairs).parse()
    }

    #[test]
    fn known_keys_become_the_clip_and_unknown_ones_are_kept() {
        let pairs = [
            ("filename", "Menü-日本.mp4"),
            ("filetype", "video/mp4"),
            ("caption", "hello"),
            ("hashtags", "#Dance, été,,dance"),
            ("language", "pt-BR"),
            ("visibility", "followers"),
            ("publish", "false"),
            ("allow_download", "true"),
            ("x-app", "1"),
        ];
        let metadata = parse(&pairs).expect("valid");
        assert_eq!(metadata.header, header(&pairs));
        assert_eq!(metadata.filename.as_deref(), Some("Menü-日本.mp4"));
        assert_eq!(metadata.caption, "hello");
        assert_eq!(metadata.hashtags, ["dance", "été"]);
        assert_eq!(metadata.language.as_deref(), Some("pt-BR"));
        assert_eq!(metadata.visibility, Visibility::Followers);
        assert!(!metadata.publish && metadata.allow_download);
    }

    #[test]
    fn nothing_said_is_a_public_clip() {
        assert_eq!("".parse::<Metadata>().expect("empty"), Metadata::default());
        assert_eq!("is_confidential".parse::<Metadata>().expect("no value").visibility, Visibility::Public);
    }

    #[test]
    fn known_keys_with_impossible_values_are_named() {
        let long = "x".repeat(2201);
        for (key, value) in [
            ("caption", long.as_str()),
            ("caption", "a\0b"),
            ("hashtags", "two words"),
            ("language", "english!"),
            ("visibility", "everybody"),
            ("publish", "yes"),
            ("allow_download", "1"),
        ] {
            match parse(&[(key, value)]) {
                Err(InvalidMetadata::Value { key: named, .. }) => assert_eq!(named, key),
                other => panic!("{key} {value}: {other:?}"),
            }
        }
    }

    #[test]
    fn malformed_headers_are_refused() {
        let long = header(&[("caption", &"x".repeat(UPLOAD_METADATA_MAX_BYTES))]);
        for bad in ["filename not!base64,,x", "a YQ==,,b YQ==", "a YQ==,a Yg==", "a YQ==,", "ключ YQ==", long.as_str()]
        {
            assert!(matches!(bad.parse::<Metadata>(), Err(InvalidMetadata::Malformed(_))), "{bad}");
        }
    }

    #[test]
    fn a_file_name_is_never_a_path() {
        for (name, shown) in [
            ("../../etc/passwd\0.mp4", Some("passwd.mp4")),
            ("C:\\Users\\a.mov", Some("a.mov")),
            ("clip\r\nSet-Cookie: a.mp4", Some("clipSet-Cookie: a.mp4")),
            ("/", None),
            ("\u{7f}", None),
        ] {
            assert_eq!(parse(&[("filename", name)]).expect("kept").filename.as_deref(), shown, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics_and_names_stay_short(text in "\\PC{0,200}", name in ".{0,400}") {
            let _ = text.parse::<Metadata>();
            let shown = parse(&[("filename", &name)]).expect("any name").filename.unwrap_or_default();
            prop_assert!(shown.chars().count() <= FILENAME_MAX_CHARS);
            prop_assert!(!shown.contains(['/', '\\', '\0', '\n']));
        }
    }
}
