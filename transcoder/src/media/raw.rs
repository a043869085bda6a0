//! The few things that the safe bindings lack. Every function here is safe to call.
#![expect(unsafe_code, reason = "libav's C interface; each block says why it holds")]

use std::ffi::{CStr, c_char, c_int};

use ff::{Dictionary, Packet, ffi, format::context::Input, frame};
use ffmpeg_next as ff;

use super::MediaError;

/// Facts about a stream that come from its container.
#[derive(Debug, Clone)]
pub(super) struct StreamFacts {
    pub(super) kind: StreamKind,
    pub(super) codec: String,
    pub(super) pixels: u64,
    pub(super) sample_aspect: (i32, i32),
    pub(super) display_matrix: Option<[i32; 9]>,
    /// What old files say instead, in degrees clockwise.
    pub(super) rotate_note: Option<String>,
    pub(super) attached_picture: bool,
    pub(super) is_default: bool,
    pub(super) sample_rate_hz: u32,
    pub(super) channels: u32,
}

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamKind {
    Video,
    Audio,
    Other,
}

/// Colour description of a picture as the numbers of ITU-T H.273.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColourCodes {
    pub(super) full_range: bool,
    pub(super) primaries: c_int,
    pub(super) transfer: c_int,
    pub(super) matrix: c_int,
}

pub(super) fn limit_allocations(most: usize) {
    // SAFETY: sets one number inside libav, before any other thread exists.
    unsafe { ffi::av_max_alloc(most) }
}

pub(super) fn has_no_encoder(name: &str) -> bool {
    ff::encoder::find_by_name(name).is_none()
}

pub(super) fn has_no_decoder(name: &str) -> bool {
    ff::decoder::find_by_name(name).is_none()
}

/// Text of libav that lives as long as the library.
fn static_text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and the callers pass names that libav keeps for ever, ended by a zero.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// What the container says about a stream.
pub(super) fn stream_facts(input: &Input, index: usize) -> Option<StreamFacts> {
    let stream = input.stream(index)?;
    // SAFETY: `stream` borrows `input`, so stream and parameters stay alive; only plain fields are
    // read, those whose values a file decides through integers.
    unsafe {
        let stream = stream.as_ptr();
        let par = (*stream).codecpar;
        let kind = match (&raw const (*par).codec_type).cast::<c_int>().read() {
            0 => StreamKind::Video,
            1 => StreamKind::Audio,
            _ => StreamKind::Other,
        };
        let side = |value: c_int| u64::try_from(value).unwrap_or(0);
        Some(StreamFacts {
            kind,
            codec: static_text(ffi::avcodec_get_name((*par).codec_id)).unwrap_or_default(),
            pixels: side((*par).width) * side((*par).height),
            sample_aspect: ((*stream).sample_aspect_ratio.num, (*stream).sample_aspect_ratio.den),
            display_matrix: display_matrix(stream),
            rotate_note: rotate_note(stream),
            attached_picture: (*stream).disposition & ffi::AV_DISPOSITION_ATTACHED_PIC != 0,
            is_default: (*stream).disposition & ffi::AV_DISPOSITION_DEFAULT != 0,
            sample_rate_hz: u32::try_from((*par).sample_rate).unwrap_or(0),
            channels: u32::try_from((*par).ch_layout.nb_channels).unwrap_or(0),
        })
    }
}

/// # Safety
/// `stream` must point to a living stream.
unsafe fn display_matrix(stream: *const ffi::AVStream) -> Option<[i32; 9]> {
    let mut size = 0;
    // SAFETY: the caller vouches for the stream; libav returns null or `size` bytes that live as long.
    let data = unsafe {
        let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX;
        let data = ffi::av_stream_get_side_data(stream, kind, &raw mut size);
        if data.is_null() || size < 36 {
            return None;
        }
        std::slice::from_raw_parts(data, 36)
    };
    let mut matrix = [0; 9];
    for (cell, bytes) in matrix.iter_mut().zip(data.chunks_exact(4)) {
        *cell = i32::from_ne_bytes(bytes.try_into().expect("four bytes"));
    }
    Some(matrix)
}

/// # Safety
/// `stream` must point to a living stream.
unsafe fn rotate_note(stream: *const ffi::AVStream) -> Option<String> {
    // SAFETY: the caller vouches for the stream; what libav finds in its notes is text ended by a
    // zero that lives as long, and it is copied at once.
    unsafe {
        let entry = ffi::av_dict_get((*stream).metadata, c"rotate".as_ptr(), std::ptr::null(), 0);
        if entry.is_null() || (*entry).value.is_null() {
            return None;
        }
        Some(CStr::from_ptr((*entry).value).to_string_lossy().into_owned())
    }
}

/// The header for the decoder that a container keeps for a stream; empty when there is none.
pub(super) fn stream_header(input: &Input, index: usize) -> Vec<u8> {
    let Some(stream) = input.stream(index) else { return Vec::new() };
    // SAFETY: `stream` borrows `input`, so its parameters stay alive; libav keeps `extradata_size`
    // bytes at `extradata`, or null there.
    unsafe {
        let par = (*stream.as_ptr()).codecpar;
        let size = usize::try_from((*par).extradata_size).unwrap_or(0);
        if (*par).extradata.is_null() || size == 0 {
            return Vec::new();
        }
        std::slice::from_raw_parts((*par).extradata, size).to_vec()
    }
}

/// A decoded picture of which something was missing or wrong.
pub(super) fn is_flawed(picture: &frame::Video) -> bool {
    // SAFETY: the frame lives; two integers are read.
    unsafe {
        let picture = picture.as_ptr();
        (*picture).decode_error_flags != 0 || (*picture).flags & ffi::AV_FRAME_FLAG_CORRUPT != 0
    }
}

/// Entries of a stream's index, and how many of them end beyond `size`.
pub(super) fn index_beyond(input: &Input, index: usize, size: i64) -> (u32, u32) {
    let Some(stream) = input.stream(index) else { return (0, 0) };
    // SAFETY: the stream lives as long as `input`; libav bounds the entries it hands out, and they
    // are read before anything else is done with the stream.
    unsafe {
        let stream = stream.as_ptr().cast_mut();
        let count = ffi::avformat_index_get_entries_count(stream);
        let beyond = (0..count)
            .filter(|i| {
                let entry = ffi::avformat_index_get_entry(stream, *i);
                !entry.is_null() && (*entry).pos.saturating_add(i64::from((*entry).size())) > size
            })
            .count();
        (u32::try_from(count).unwrap_or(0), u32::try_from(beyond).unwrap_or(u32::MAX))
    }
}

/// Lets the demuxer skip all streams but one.
pub(super) fn read_only_stream(input: &mut Input, wanted: usize) {
    for index in 0..usize::try_from(input.nb_streams()).unwrap_or(0) {
        if let Some(mut stream) = input.stream_mut(index)
            && index != wanted
        {
            // SAFETY: the stream lives as long as `input`, which we hold exclusively.
            unsafe { (*stream.as_mut_ptr()).discard = ffi::AVDiscard::AVDISCARD_ALL }
        }
    }
}

/// Gives back what a packet holds: reading the next one into it would leave the last one's bytes in memory for ever.
pub(super) fn empty_packet(packet: &mut Packet) {
    use ff::packet::Mut;
    // SAFETY: the packet lives and we hold it exclusively; libav makes it an empty one.
    unsafe { ffi::av_packet_unref(packet.as_mut_ptr()) }
}

/// A packet is decoded but not shown, because an edit list skips it.
pub(super) fn is_discarded(packet: &Packet) -> bool {
    use ff::packet::Ref;
    // SAFETY: the packet lives; one integer is read.
    unsafe { (*packet.as_ptr()).flags & ffi::AV_PKT_FLAG_DISCARD != 0 }
}

/// A packet that cannot be decoded without a key.
pub(super) fn is_encrypted(packet: &Packet) -> bool {
    use ff::packet::Ref;
    let kind = ffi::AVPacketSideDataType::AV_PKT_DATA_ENCRYPTION_INFO;
    // SAFETY: the packet lives; libav only looks through its side data.
    unsafe { !ffi::av_packet_get_side_data(packet.as_ptr(), kind, std::ptr::null_mut()).is_null() }
}

/// Name and bits per component of a picture's pixel format.
pub(super) fn pixel_format(picture: &frame::Video) -> Option<(String, u32)> {
    // SAFETY: the frame lives; its format is one that libav's decoder set, and libav looks it up in
    // its own table, giving null for what it does not know.
    unsafe {
        let format = (&raw const (*picture.as_ptr()).format).cast::<ffi::AVPixelFormat>().read();
        let descriptor = ffi::av_pix_fmt_desc_get(format);
        if descriptor.is_null() {
            return None;
        }
        let depth = u32::try_from((*descriptor).comp[0].depth).unwrap_or(8);
        Some((static_text((*descriptor).name)?, depth))
    }
}

/// Colour description of a picture.
pub(super) fn colour_codes(picture: &frame::Video) -> ColourCodes {
    // SAFETY: the frame lives; a file decides these values, so they are read as integers, not as
    // the enumerations the bindings declare.
    unsafe {
        let picture = picture.as_ptr();
        let full = ffi::AVColorRange::AVCOL_RANGE_JPEG as c_int;
        ColourCodes {
            full_range: (&raw const (*picture).color_range).cast::<c_int>().read() == full,
            primaries: (&raw const (*picture).color_primaries).cast::<c_int>().read(),
            transfer: (&raw const (*picture).color_trc).cast::<c_int>().read(),
            matrix: (&raw const (*picture).colorspace).cast::<c_int>().read(),
        }
    }
}

/// The brightest light a picture claims to hold, in candela per square metre: of its content, or
/// else of the screen it was graded on.
pub(super) fn peak_nits(picture: &frame::Video) -> Option<u32> {
    use ffi::AVFrameSideDataType::{AV_FRAME_DATA_CONTENT_LIGHT_LEVEL, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA};
    // libav's structure of the content begins with its largest light level.
    let content = attached_integers::<1>(picture, AV_FRAME_DATA_CONTENT_LIGHT_LEVEL).map(|[most]| most);
    // Its structure of the screen: eight fractions of colours, one each of the least and the most
    // light, whether there are colours, whether there is light.
    let screen = attached_integers::<22>(picture, AV_FRAME_DATA_MASTERING_DISPLAY_METADATA)
        .filter(|screen| screen[21] != 0 && screen[19] > 0)
        .map(|screen| screen[18] / screen[19]);
    content.filter(|nits| *nits > 0).or(screen).and_then(|nits| u32::try_from(nits).ok())
}

/// How a picture says it must be turned, in the words of the codec rather than the container.
pub(super) fn picture_matrix(picture: &frame::Video) -> Option<[i32; 9]> {
    attached_integers(picture, ffi::AVFrameSideDataType::AV_FRAME_DATA_DISPLAYMATRIX)
}

/// The first integers of a structure attached to a picture.
fn attached_integers<const N: usize>(picture: &frame::Video, kind: ffi::AVFrameSideDataType) -> Option<[i32; N]> {
    let words = side_data(picture, kind)?.as_chunks::<4>().0.get(..N)?;
    Some(std::array::from_fn(|i| i32::from_ne_bytes(words[i])))
}

/// Bytes attached to a picture.
fn side_data(picture: &frame::Video, kind: ffi::AVFrameSideDataType) -> Option<&[u8]> {
    // SAFETY: the frame lives, and what is attached to it lives as long; libav gives null or `size` bytes.
    unsafe {
        let data = ffi::av_frame_get_side_data(picture.as_ptr(), kind);
        if data.is_null() || (*data).data.is_null() {
            return None;
        }
        Some(std::slice::from_raw_parts((*data).data, (*data).size))
    }
}

/// Another handle on the same picture; its pixels are shared, its time is its own.
pub(super) fn share(picture: &frame::Video) -> Result<frame::Video, MediaError> {
    let mut shared = frame::Video::empty();
    // SAFETY: both frames live, and `shared` is empty as av_frame_ref demands.
    match unsafe { ffi::av_frame_ref(shared.as_mut_ptr(), picture.as_ptr()) } {
        code if code < 0 => Err(MediaError::av("share a picture", ff::Error::from(code))),
        _ => Ok(shared),
    }
}

/// Opens an encoder, and fails when it does not know one of the options.
pub(super) fn open_encoder(context: &mut ff::codec::Context, options: Dictionary<'_>) -> Result<(), MediaError> {
    // SAFETY: the context lives and is not open yet; the dictionary is handed over and taken back,
    // so what libav did not consume is freed with it.
    let (code, left) = unsafe {
        let mut raw = options.disown();
        let code = ffi::avcodec_open2(context.as_mut_ptr(), std::ptr::null(), &raw mut raw);
        (code, Dictionary::own(raw))
    };
    if code < 0 {
        return Err(MediaError::av("open an encoder", ff::Error::from(code)));
    }
    match left.iter().next() {
        None => Ok(()),
        Some((key, _)) => Err(MediaError::Inconsistent(format!("the encoder has no option {key}"))),
    }
}

/// The header an open encoder made.
pub(super) fn encoder_header(context: &ff::codec::Context) -> Vec<u8> {
    // SAFETY: the context lives; libav keeps `extradata_size` bytes at `extradata` or null there.
    unsafe {
        let context = context.as_ptr();
        let size = usize::try_from((*context).extradata_size).unwrap_or(0);
        if (*context).extradata.is_null() || size == 0 {
            return Vec::new();
        }
        std::slice::from_raw_parts((*context).extradata, size).to_vec()
    }
}

/// Limits the threads of a filter graph; must be called before filters are added.
pub(super) fn set_graph_threads(graph: &mut ff::filter::Graph, threads: c_int) {
    // SAFETY: the graph lives and we hold it exclusively.
    unsafe { (*graph.as_mut_ptr()).nb_threads = threads }
}

/// Describes the layout of decoded sound as filters expect it, such as `stereo` or `6 channels`.
pub(super) fn layout_text(sound: &frame::Audio) -> Result<String, MediaError> {
    let mut text = [0u8; 64];
    // SAFETY: the frame lives; libav writes at most the given number of bytes, ended by a zero.
    let code = unsafe {
        let layout = &raw const (*sound.as_ptr()).ch_layout;
        ffi::av_channel_layout_describe(layout, text.as_mut_ptr().cast(), text.len())
    };
    let end = text.iter().position(|byte| *byte == 0);
    match (code, end) {
        (1.., Some(end)) => Ok(String::from_utf8_lossy(&text[..end]).into_owned()),
        _ => Err(MediaError::Inconsistent("sound without a channel layout".into())),
    }
}
