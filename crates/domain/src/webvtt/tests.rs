use proptest::prelude::*;

use super::*;
use crate::limits::{CAPTIONS_LINE_MAX_BYTES, CAPTIONS_LINES_MAX, CUE_LINES_MAX, CUE_MAX_CHARS, CUES_MAX};

const HOUR_MS: u64 = 3_600_000;

fn vtt(body: &str) -> Result<Captions, Vec<Fault>> {
    Captions::parse(format!("WEBVTT\n\n{body}").as_bytes(), Format::WebVtt, HOUR_MS)
}

/// The canonical text of one cue.
fn cue(text: &str) -> String {
    let captions = vtt(&format!("00:00.000 --> 00:10.000\n{text}\n")).expect(text).to_string();
    captions
        .strip_prefix(HEADER)
        .expect("a header")
        .trim_start()
        .split_once('\n')
        .expect("a text")
        .1
        .trim_end()
        .to_owned()
}

fn faults(bytes: &[u8], format: Format) -> Vec<(usize, &'static str)> {
    let found = Captions::parse(bytes, format, 12_000).expect_err("refused");
    found.iter().map(|fault| (fault.line, fault.code)).collect()
}

#[test]
fn a_file_is_written_anew_in_order() {
    let file = "\u{FEFF}WEBVTT - a title\r\nKind: captions\r\n\r\nNOTE\r\nnothing to see\r\n\r\nSTYLE\r\n::cue { background: url(http://evil) }\r\n\r\n\
                REGION\r\nid:a\r\n\r\nlast\r\n00:05.000 --> 00:06.000 align:start region:a\r\nsecond\r\n\r\n00:00.000 --> 00:05.500\rfirst <b>bold\rline</b>";
    let captions = Captions::parse(file.as_bytes(), Format::WebVtt, HOUR_MS).expect("captions");
    assert_eq!(
        captions.to_string(),
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n00:00:00.000 --> 00:00:05.500\nfirst <b>bold\nline</b>\n\n\
         00:00:05.000 --> 00:00:06.000 align:start\nsecond\n\n"
    );
    assert_eq!(captions.count(), 2);
}

#[test]
fn a_cue_may_follow_the_header_or_another_without_an_empty_line() {
    let file = b"WEBVTT\n00:00.000 --> 00:01.000\na\n00:01.000 --> 00:02.000\nb";
    assert_eq!(Captions::parse(file, Format::WebVtt, HOUR_MS).expect("captions").count(), 2);
}

#[test]
fn subrip_becomes_webvtt() {
    let file = "1\n00:00:01,000 --> 00:00:02,500 X1:0 X2:9\n{\\an8}I <3 you &amp; <font color=\"red\"><I>them</I></font>\n\n2\n00:00:03,000 --> 00:00:04,000\n- a\n- b\n";
    let captions = Captions::parse(file.as_bytes(), Format::SubRip, HOUR_MS).expect("captions").to_string();
    assert_eq!(
        captions.strip_prefix(HEADER).expect("a header"),
        "\n00:00:01.000 --> 00:00:02.500\nI &lt;3 you &amp; <i>them</i>\n\n00:00:03.000 --> 00:00:04.000\n- a\n- b\n\n"
    );
}

#[test]
fn only_known_tags_and_plain_characters_are_left() {
    for (source, canonical) in [
        ("<script>alert(1)</script>", "alert(1)"),
        ("<img src=x onerror=alert(1)>a", "a"),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("a & b &eacute; &#x202E;c", "a &amp; b &amp;eacute; c"),
        ("<b>a<i>b</b>c", "<b>a<i>bc</i></b>"),
        ("<b></b><i> </i>a", "a"),
        ("a<u> b </u>c", "a <u>b</u> c"),
        ("<v.loud.\u{E9} Ada  &amp; Bob>hi", "<v.loud Ada &amp; Bob>hi</v>"),
        ("<v>hi</v>", "hi"),
        ("<lang EN-gb>hi</lang><lang en_US>ho</lang>", "<lang en-GB>hi</lang>ho"),
        ("<ruby>漢<rt>kan</ruby>x", "<ruby>漢<rt>kan</rt></ruby>x"),
        ("<rt>x</rt>", "x"),
        (
            "<00:05.000>a <00:03.000>b <00:07.000><c>c</c> <00:11.000>d<00:08.000>",
            "<00:00:05.000>a b <00:00:07.000><c>c</c> d",
        ),
        ("a\n  \n<b>\n</b>\nb", "a\nb"),
        ("a\0b\u{202E}c\u{7}\u{200F}d\u{2028}\u{E000}", "a\u{FFFD}bc\u{200F}d"),
        ("a\u{300}\u{300}\u{300}\u{300}\u{300}", "a\u{300}\u{300}\u{300}"),
        ("tail <b", "tail"),
        ("--&gt;", "--&gt;"),
    ] {
        // What stands between brackets may be cut by an empty line, which ends a cue.
        let source = source.replace("\n  \n", "\n \n");
        assert_eq!(cue(&source), canonical, "{source}");
    }
}

#[test]
fn what_cannot_be_captions_is_told_by_line() {
    let of = |text: &str| faults(text.as_bytes(), Format::WebVtt);
    assert_eq!(of(""), [(1, "not_webvtt")]);
    assert_eq!(of("WEBVTTX\n"), [(1, "not_webvtt")]);
    assert_eq!(of("WEBVTT\n\n\n"), [(1, "no_cues")]);
    assert_eq!(of("WEBVTT\n\n00:00.000 --> 00:01.000\n<b> </b>\n"), [(1, "no_cues")]);
    assert_eq!(
        of(
            "WEBVTT\n\n00:01 --> 00:02.000\na\n\n00:02.000 --> 00:01.000\nb\n\nlost words\nmore\n\n00:11.000 --> 00:13.000\nc\n"
        ),
        [(3, "invalid_time"), (6, "ends_before_it_begins"), (9, "text_without_time"), (12, "after_the_end")]
    );
    assert_eq!(faults(b"WEBVTT\n\n00:00.000 --> 00:01.000\nG\xFCnter\n", Format::WebVtt), [(4, "not_utf8")]);
    assert_eq!(faults(b"1\n00:00:00.000 -> 00:00:01.000\na\n", Format::SubRip), [(1, "text_without_time")]);
    assert_eq!(faults(b"\x00\x00\x00\x20ftypmp42", Format::SubRip), [(1, "text_without_time")]);
}

#[test]
fn everything_is_bounded() {
    let of = |text: &str| faults(text.as_bytes(), Format::WebVtt);
    let cue = "00:00.000 --> 00:01.000\n";
    assert_eq!(of(&format!("WEBVTT\n\n{cue}{}\n", "a".repeat(CAPTIONS_LINE_MAX_BYTES + 1))), [(4, "line_too_long")]);
    assert_eq!(of(&format!("WEBVTT{}", "\n".repeat(CAPTIONS_LINES_MAX))), [(CAPTIONS_LINES_MAX + 1, "too_many_lines")]);
    assert_eq!(of(&format!("WEBVTT\n\n{cue}{}\n", "a".repeat(CUE_MAX_CHARS + 1))), [(3, "cue_too_long")]);
    assert_eq!(of(&format!("WEBVTT\n\n{cue}{}", "a\n".repeat(CUE_LINES_MAX + 1))), [(3, "cue_too_tall")]);
    let many = format!("WEBVTT\n\n{}", format!("{cue}a\n").repeat(CUES_MAX + 5));
    assert_eq!(of(&many), [(3 + 2 * CUES_MAX, "too_many_cues")]);
    assert_eq!(of(&format!("WEBVTT\n\n{}", "x\n\n".repeat(100))).len(), FAULTS_MAX);
    assert_eq!(of(&"x".repeat(CAPTIONS_MAX_BYTES + 1)), [(1, "too_large")]);
    let tags = "<00:00.001><v &&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&>&</v>".repeat(60);
    let heavy = format!("WEBVTT\n\n{}", format!("{cue}{tags}\n\n").repeat(60));
    assert_eq!(of(&heavy), [(1, "too_large")]);
}

#[test]
fn a_segment_has_the_cues_seen_in_it_whole() {
    let captions = vtt("00:00.000 --> 00:02.000\na\n\n00:01.500 --> 00:05.000\nb\n\n00:04.000 --> 00:05.000\nc\n")
        .expect("captions");
    let texts = |start, end| {
        let text = captions.between(start, end).to_string();
        ["a", "b", "c"].into_iter().filter(|cue| text.lines().any(|line| line == *cue)).collect::<String>()
    };
    assert_eq!(texts(0, 1500), "a");
    assert_eq!(texts(1000, 2000), "ab");
    assert_eq!(texts(2000, 4000), "b");
    assert_eq!(texts(4000, 6000), "bc");
    assert!(captions.between(2000, 4000).to_string().contains("00:00:01.500 --> 00:00:05.000"));
    assert_eq!(captions.between(9000, 9999).to_string(), format!("{HEADER}\n"));
    let joined = captions.between(0, 2000).to_string() + &captions.between(4000, 6000).to_string();
    assert_eq!(joined.split("\n\n").filter(|block| block.starts_with("WEBVTT\n")).count(), 2, "{joined}");
}

/// Pieces that make sense beside each other in all the wrong ways.
fn fragments() -> impl Strategy<Value = String> {
    let words = [
        "WEBVTT",
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        "00:00.000",
        "00:01.500",
        "00:00:02,000",
        " --> ",
        "-->",
        " ",
        "\t",
        "<b>",
        "</b>",
        "<i.x.y>",
        "</i>",
        "<u>",
        "<ruby>",
        "<rt>",
        "</rt>",
        "</ruby>",
        "<v Ada>",
        "</v>",
        "<lang en>",
        "</lang>",
        "<c>",
        "</c>",
        "<00:00.500>",
        "<script>",
        "<",
        ">",
        "&",
        "&lt;",
        "&#0;",
        "&#10;",
        "&amp;",
        "NOTE",
        "STYLE",
        "{\\an8}",
        "a",
        "é",
        "\u{300}",
        "\u{202E}",
        "\u{200F}",
        "\0",
        "\u{A0}",
        "line:5%",
        "align:start",
        "\u{FEFF}",
        "1",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..60).prop_map(|words| words.concat())
}

/// Cues whose text is anything.
fn files() -> impl Strategy<Value = String> {
    let cue = (0u64..9000, 1u64..3000, "[ a-z:%,0-9-]{0,20}", prop_oneof![fragments(), ".{0,60}"]);
    prop::collection::vec(cue, 0..6).prop_map(|cues| {
        let cue = |(start, length, settings, text): (u64, u64, String, String)| {
            format!("\n{} --> {} {settings}\n{text}\n", Timestamp(start), Timestamp(start + length))
        };
        format!("WEBVTT\n{}", cues.into_iter().map(cue).collect::<String>())
    })
}

fn check_stable(captions: &Captions) {
    let text = captions.to_string();
    let again = Captions::reread(&text).unwrap_or_else(|faults| panic!("{faults:?} in {text}"));
    assert_eq!(&again, captions, "{text}");
    assert_eq!(again.to_string(), text);
}

/// Nothing but the tags of the allowed set stands between angle brackets.
fn check_clean(text: &str) {
    let body = text.replace(" --> ", " ");
    for part in body.split('<').skip(1) {
        let tag = part.split_once('>').unwrap_or_else(|| panic!("an open tag in {text}")).0;
        let name = tag.trim_start_matches('/').split([' ', '.']).next().unwrap_or_default();
        let is_time = tag.len() == 12 && tag.bytes().all(|b| b.is_ascii_digit() || b == b':' || b == b'.');
        assert!(is_time || ["b", "i", "u", "c", "v", "ruby", "rt", "lang"].contains(&name), "{tag} in {text}");
    }
    assert_eq!(body.matches('<').count(), body.matches('>').count(), "{text}");
    assert!(
        !text
            .chars()
            .any(|c| (c.is_control() && c != '\n') || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'))
    );
    assert!(["NOTE", "STYLE", "REGION"].iter().all(|word| !text.contains(&format!("\n\n{word}"))), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_bytes_get_a_verdict(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for format in [Format::WebVtt, Format::SubRip] {
            let _ = Captions::parse(&bytes, format, HOUR_MS);
            let _ = Captions::parse(&[b"WEBVTT\n\n00:00.000 --> 00:01.000\n", bytes.as_slice()].concat(), format, HOUR_MS);
        }
    }

    #[test]
    fn what_is_written_reads_as_the_same(text in prop_oneof![fragments(), files()]) {
        for format in [Format::WebVtt, Format::SubRip] {
            match Captions::parse(text.as_bytes(), format, HOUR_MS) {
                Ok(captions) => {
                    check_stable(&captions);
                    check_clean(&captions.to_string());
                    check_stable(&captions.between(1000, 3000));
                }
                Err(faults) => prop_assert!((1..=FAULTS_MAX).contains(&faults.len())),
            }
        }
    }
}
