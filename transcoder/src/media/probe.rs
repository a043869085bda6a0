//! What is in a source: every packet is counted, and a first picture decoded.

use std::path::Path;

use ffmpeg_next::{Packet, frame};

use super::{
    MediaError, codecs,
    decode::PictureDecoder,
    input::Source,
    listen,
    raw::{self, StreamFacts, StreamKind},
};
use crate::{
    package::AvcWatch,
    plan::{
        AudioInfo, CodedVideo, Colour, Grid, Limits, MediaInfo, Orientation, Ratio, Refusal, RefusalCode, VideoInfo,
        WhyEncoded, natural_rate,
    },
};

/// Pictures decoded to learn size, colour and fields.
const SAMPLE_PICTURES: usize = 3;
/// Packets read to get them.
const SAMPLE_PACKETS: usize = 200;
/// More than one in this many index entries beyond the end of the file, and it counts as cut off.
const CUT_OFF_SHARE: u32 = 20;
/// A last picture or piece of sound that claims to last longer than this is not believed.
const LONGEST_PIECE_US: i64 = 200_000_000;

/// What the packets of one stream say.
#[derive(Debug, Default)]
struct Track {
    times: Vec<i64>,
    last_end: Option<i64>,
    packets: u64,
    /// What its coded pictures are like, if they are H.264.
    coded: Option<AvcWatch>,
}

/// Looks into the file, within limits.
///
/// # Errors
/// A refusal when the file cannot be read as a video at all, or breaks a limit while being read.
pub fn probe(path: &Path, limits: &Limits) -> Result<MediaInfo, MediaError> {
    let size_bytes = check_size(path, limits)?;
    let mut source = Source::open(path)?;
    let streams: Vec<StreamFacts> = (0..usize::try_from(source.input.nb_streams()).unwrap_or(0))
        .filter_map(|index| raw::stream_facts(&source.input, index))
        .collect();
    let video_streams = count(&streams, is_moving);
    check_streams(&streams, video_streams, limits)?;
    let (mut tracks, encrypted) = read_packets(&mut source, &streams, limits)?;
    let video = best_video(&streams, &tracks);
    let audio = best_audio(&streams, &tracks);
    let truncated = video.is_some_and(|index| is_cut_off(&source, index, size_bytes));
    let video = match video {
        Some(index) => {
            let watch = tracks[index].coded.take();
            let mut info = video_info(path, &source, &streams[index], index, &tracks[index], limits)?;
            info.coded = coded(watch, &info);
            Some(info)
        }
        None => None,
    };
    let audio = match audio {
        Some(index) => Some(audio_info(path, &source, &streams[index], index, &tracks[index], limits)?),
        None => None,
    };
    Ok(MediaInfo {
        container: source.input.format().name().to_owned(),
        size_bytes,
        streams: u32::try_from(streams.len()).unwrap_or(u32::MAX),
        video_streams,
        encrypted,
        truncated,
        video,
        audio,
    })
}

/// Whether the pictures could be shown as they are coded, on the grid of their own rate.
fn coded(watch: Option<AvcWatch>, info: &VideoInfo) -> Result<CodedVideo, WhyEncoded> {
    let grid = Grid { start_ticks: info.start_ticks, time_base: info.time_base, rate: info.rate };
    watch.ok_or(WhyEncoded::Codec)?.finish(&grid)
}

fn check_size(path: &Path, limits: &Limits) -> Result<u64, MediaError> {
    let size = std::fs::metadata(path).map_err(|e| MediaError::io("look at the source", e))?.len();
    if size == 0 {
        return Err(Refusal::new(RefusalCode::Empty, "0 bytes").into());
    }
    if size > limits.max_source_bytes {
        return Err(Refusal::new(RefusalCode::FileTooLarge, format!("{size} bytes")).into());
    }
    Ok(size)
}

fn check_streams(streams: &[StreamFacts], video_streams: u32, limits: &Limits) -> Result<(), MediaError> {
    let most = usize::try_from(limits.max_streams).unwrap_or(usize::MAX);
    if streams.len() > most || video_streams > limits.max_video_streams {
        let detail = format!("{} streams, {video_streams} of video", streams.len());
        return Err(Refusal::new(RefusalCode::TooManyStreams, detail).into());
    }
    Ok(())
}

fn is_moving(facts: &StreamFacts) -> bool {
    facts.kind == StreamKind::Video && !facts.attached_picture
}

fn count(streams: &[StreamFacts], wanted: fn(&StreamFacts) -> bool) -> u32 {
    u32::try_from(streams.iter().filter(|facts| wanted(facts)).count()).unwrap_or(u32::MAX)
}

/// Reads all packets without decoding any. Stops as soon as a limit is broken, so that a file
/// of a whole day costs no more than one of three minutes.
fn read_packets(
    source: &mut Source,
    streams: &[StreamFacts],
    limits: &Limits,
) -> Result<(Vec<Track>, bool), MediaError> {
    let bases: Vec<Ratio> = (0..streams.len()).map(|index| time_base(source, index)).collect();
    let mut tracks: Vec<Track> = (0..streams.len()).map(|index| track(source, &streams[index], index)).collect();
    let mut packet = Packet::empty();
    let (mut packets, mut encrypted) = (0, false);
    while source.read(&mut packet)? {
        packets += 1;
        if packets > limits.max_packets {
            let detail = format!("more than {} packets", limits.max_packets);
            return Err(Refusal::new(RefusalCode::TooManyFrames, detail).into());
        }
        let index = packet.stream();
        let (Some(track), Some(base)) = (tracks.get_mut(index), bases.get(index)) else { continue };
        encrypted |= raw::is_encrypted(&packet);
        note(track, &packet, is_moving(&streams[index]));
        check_span(track, *base, limits)?;
    }
    Ok((tracks, encrypted))
}

fn track(source: &Source, facts: &StreamFacts, index: usize) -> Track {
    let is_avc = is_moving(facts) && facts.codec == "h264";
    let coded = is_avc.then(|| AvcWatch::new(&raw::stream_header(&source.input, index)));
    Track { coded, ..Track::default() }
}

fn note(track: &mut Track, packet: &Packet, keep_all: bool) {
    if let Some(coded) = &mut track.coded {
        coded.see(packet.data().unwrap_or_default(), packet.pts(), raw::is_discarded(packet));
    }
    if raw::is_discarded(packet) {
        return;
    }
    let Some(time) = packet.pts().or(packet.dts()) else { return };
    track.packets += 1;
    let end = time.saturating_add(packet.duration().max(0));
    track.last_end = track.last_end.max(Some(end));
    if keep_all || track.times.is_empty() {
        track.times.push(time);
    } else if time < track.times[0] {
        track.times[0] = time;
    }
}

fn check_span(track: &Track, base: Ratio, limits: &Limits) -> Result<(), MediaError> {
    let (Some(first), Some(last)) = (track.times.first(), track.times.last()) else { return Ok(()) };
    let span_us = to_us(last.saturating_sub(*first), base);
    let most_us = i64::try_from(limits.max_duration_ms + 2 * Limits::DURATION_GRACE_MS)
        .unwrap_or(i64::MAX / 1000)
        .saturating_mul(1000);
    if span_us > most_us {
        return Err(Refusal::new(RefusalCode::TooLong, format!("{} ms", span_us / 1000)).into());
    }
    Ok(())
}

fn time_base(source: &Source, index: usize) -> Ratio {
    let base = source.input.stream(index).map(|stream| stream.time_base());
    match base.map(|base| (base.numerator(), base.denominator())) {
        Some((num, den)) if num > 0 && den > 0 => Ratio::new(num.into(), den.into()),
        _ => Ratio::new(1, 1_000_000),
    }
}

fn to_us(ticks: i64, base: Ratio) -> i64 {
    let us = i128::from(ticks) * i128::from(base.num) * 1_000_000 / i128::from(base.den);
    i64::try_from(us).unwrap_or(if us < 0 { i64::MIN / 4 } else { i64::MAX / 4 })
}

/// The stream people are meant to see: of those with many pictures the largest. Motion photos
/// carry a second stream with a handful of larger stills.
fn best_video(streams: &[StreamFacts], tracks: &[Track]) -> Option<usize> {
    let moving = || (0..streams.len()).filter(|index| is_moving(&streams[*index]));
    let most = moving().map(|index| tracks[index].packets).max()?;
    moving().filter(|index| tracks[*index].packets * 2 >= most).max_by_key(|index| {
        let facts = &streams[*index];
        let known = codecs::video_decoder(&facts.codec).is_some();
        (known, facts.is_default, facts.pixels, usize::MAX - index)
    })
}

/// The stream people are meant to hear.
fn best_audio(streams: &[StreamFacts], tracks: &[Track]) -> Option<usize> {
    let usable = |index: &usize| {
        let facts = &streams[*index];
        facts.kind == StreamKind::Audio && tracks[*index].packets > 0 && codecs::audio_decoder(&facts.codec).is_some()
    };
    (0..streams.len())
        .filter(usable)
        .max_by_key(|index| (streams[*index].is_default, tracks[*index].packets, usize::MAX - index))
}

fn is_cut_off(source: &Source, index: usize, size_bytes: u64) -> bool {
    let size = i64::try_from(size_bytes).unwrap_or(i64::MAX);
    let (entries, beyond) = raw::index_beyond(&source.input, index, size);
    beyond.saturating_mul(CUT_OFF_SHARE) > entries
}

fn audio_info(
    path: &Path,
    source: &Source,
    facts: &StreamFacts,
    index: usize,
    track: &Track,
    limits: &Limits,
) -> Result<AudioInfo, MediaError> {
    let base = time_base(source, index);
    let start = track.times.first().copied().unwrap_or(0);
    let end = track.last_end.unwrap_or(start);
    let decoder = codecs::audio_decoder(&facts.codec);
    let loudness = match decoder {
        Some(name) => listen::measure(path, index, name, limits)?,
        None => None,
    };
    Ok(AudioInfo {
        stream: index,
        codec: facts.codec.clone(),
        decoder: decoder.map(str::to_owned),
        sample_rate_hz: facts.sample_rate_hz,
        channels: facts.channels,
        time_base: base,
        start_ticks: start,
        duration_us: u64::try_from(to_us(end.saturating_sub(start), base)).unwrap_or(0),
        packets: track.packets,
        loudness,
    })
}

fn video_info(
    path: &Path,
    source: &Source,
    facts: &StreamFacts,
    index: usize,
    track: &Track,
    limits: &Limits,
) -> Result<VideoInfo, MediaError> {
    let base = time_base(source, index);
    let mut times = track.times.clone();
    times.sort_unstable();
    let start = times.first().copied().unwrap_or(0);
    let times_us: Vec<i64> = times.iter().map(|time| to_us(time.saturating_sub(start), base)).collect();
    let decoder = codecs::video_decoder(&facts.codec);
    let pictures = match decoder {
        Some(name) if track.packets > 0 => decode_some(path, index, name, limits)?,
        _ => Vec::new(),
    };
    let first = pictures.first();
    let (frames, (rate, variable_rate)) = if is_field_coded(&pictures, &times_us, base) {
        let whole: Vec<i64> = times_us.iter().copied().step_by(2).collect();
        (track.packets / 2, natural_rate(&whole))
    } else {
        (track.packets, natural_rate(&times_us))
    };
    let (width, height) = first.map_or((0, 0), |picture| (picture.width(), picture.height()));
    Ok(VideoInfo {
        stream: index,
        codec: facts.codec.clone(),
        decoder: decoder.map(str::to_owned),
        width,
        height,
        sample_aspect: sample_aspect(facts, first),
        orientation: orientation(facts, first),
        time_base: base,
        start_ticks: start,
        duration_us: duration_us(track, &times_us, start, base),
        frames,
        rate,
        variable_rate,
        interlaced: pictures.iter().filter(|picture| picture.is_interlaced()).count() * 2 > pictures.len(),
        decodable: first.is_some(),
        colour: first.map_or_else(unknown_colour, colour),
        coded: Err(WhyEncoded::Codec),
    })
}

/// From the first picture to the end of the last. What the last picture claims for itself is
/// believed within reason; without such a claim it lasts as long as the one before.
///
/// Where pictures are out of order, libav invents the claim from the smallest distance the time base allows: one far
/// below every distance between pictures is no claim.
fn duration_us(track: &Track, times_us: &[i64], start: i64, base: Ratio) -> u64 {
    let last = times_us.last().copied().unwrap_or(0);
    let end = track.last_end.map_or(last, |end| to_us(end.saturating_sub(start), base));
    let usual = match times_us {
        [.., before, last] => last - before,
        _ => 33_333,
    };
    let shortest = times_us.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 0).min();
    let believed_from = shortest.map_or(1, |gap| (gap / 4).max(1));
    let claimed = end - last;
    let tail = if (believed_from..LONGEST_PIECE_US).contains(&claimed) { claimed } else { usual };
    u64::try_from(last.saturating_add(tail)).unwrap_or(0)
}

/// Packets carry single fields, two of which make a picture: pictures lie twice as far apart as packets.
fn is_field_coded(pictures: &[frame::Video], times_us: &[i64], base: Ratio) -> bool {
    let mut shown: Vec<i64> = pictures.iter().filter_map(|p| p.timestamp()).map(|time| to_us(time, base)).collect();
    shown.sort_unstable();
    let of_pictures = shown.windows(2).map(|pair| pair[1] - pair[0]).min();
    let of_packets = times_us.windows(2).map(|pair| pair[1] - pair[0]).max();
    let woven = pictures.iter().any(frame::Video::is_interlaced);
    match (of_pictures, of_packets) {
        (Some(pictures), Some(packets)) => woven && pictures * 10 >= packets * 18,
        _ => false,
    }
}

/// What the container says goes before what the codec says, and an old note before nothing.
fn orientation(facts: &StreamFacts, picture: Option<&frame::Video>) -> Orientation {
    facts
        .display_matrix
        .or_else(|| picture.and_then(raw::picture_matrix))
        .map(Orientation::from_display_matrix)
        .or_else(|| facts.rotate_note.as_deref().and_then(Orientation::from_note))
        .unwrap_or(Orientation::Upright)
}

fn sample_aspect(facts: &StreamFacts, picture: Option<&frame::Video>) -> Ratio {
    let of_picture = picture.map(|picture| {
        let ratio = picture.aspect_ratio();
        (ratio.numerator(), ratio.denominator())
    });
    [Some(facts.sample_aspect), of_picture]
        .into_iter()
        .flatten()
        .find(|(num, den)| *num > 0 && *den > 0)
        .map_or(Ratio::new(1, 1), |(num, den)| Ratio::new(num.into(), den.into()))
}

/// Decodes the first pictures of a stream; an empty list when none can be.
fn decode_some(path: &Path, stream: usize, decoder: &str, limits: &Limits) -> Result<Vec<frame::Video>, MediaError> {
    let mut source = Source::open_stream(path, stream, None)?;
    let declared = raw::stream_facts(&source.input, stream).map_or(0, |facts| facts.pixels);
    if declared > limits.max_source_pixels {
        return Err(Refusal::new(RefusalCode::TooLarge, format!("{declared} pixels")).into());
    }
    let mut decoder = PictureDecoder::open(&source, stream, decoder, 1, limits.max_source_pixels)?;
    let mut pictures = Vec::new();
    let mut packet = Packet::empty();
    let mut packets = 0;
    while pictures.len() < SAMPLE_PICTURES && packets < SAMPLE_PACKETS && source.read(&mut packet)? {
        if packet.stream() != stream {
            continue;
        }
        packets += 1;
        decoder.feed(Some(&packet), &mut |picture| {
            pictures.push(picture);
            Ok(())
        })?;
    }
    if pictures.len() < SAMPLE_PICTURES {
        decoder.feed(None, &mut |picture| {
            pictures.push(picture);
            Ok(())
        })?;
    }
    Ok(pictures)
}

fn colour(picture: &frame::Video) -> Colour {
    let (pixel_format, bit_depth) = raw::pixel_format(picture).unwrap_or_else(|| ("yuv420p".into(), 8));
    let codes = raw::colour_codes(picture);
    let full_range = codes.full_range || pixel_format.starts_with("yuvj");
    Colour::from_codes(
        (pixel_format, bit_depth, full_range),
        [codes.primaries, codes.transfer, codes.matrix],
        picture.height().min(picture.width()),
    )
    .with_peak_nits(raw::peak_nits(picture))
}

fn unknown_colour() -> Colour {
    Colour::from_codes(("yuv420p".into(), 8, false), [2, 2, 2], 0)
}
