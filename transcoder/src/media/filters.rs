//! Descriptions of filter graphs as text.

use super::toner::BRIGHT_FORMAT;
use crate::plan::{Colour, Conversion, Orientation};

/// How `zscale` is asked for the filter that `scale` calls bicubic, in half the time. What it does of its own accord is
/// softer, and costs 3 % more bytes for the same quality.
const BICUBIC: &str = "filter=bicubic:param_a=0:param_b=0.6";

/// From a decoded picture of `width` × `height` to what the largest rung encodes; a bright picture
/// to the 10-bit BT.2020 video that is toned down afterwards.
///
/// Scaling comes first and turning last, so that both handle as few pixels as possible.
pub(super) fn conversion(plan: &Conversion, width: u32, height: u32, format: &str) -> String {
    let (even_width, even_height) = (width & !1, height & !1);
    let (target_width, target_height) =
        if plan.orientation.swaps_sides() { (plan.height, plan.width) } else { (plan.width, plan.height) };
    let mut steps = vec![declare_colour(plan)];
    if (even_width, even_height) != (width, height) {
        steps.push(format!("crop={even_width}:{even_height}:0:0"));
    }
    let resized = (even_width, even_height) != (target_width, target_height);
    steps.extend(scale_and_colour(plan, resized.then_some((target_width, target_height)), format));
    steps.push(format!("format={}", target_format(&plan.colour)));
    steps.extend(plan.orientation.filter().map(str::to_owned));
    steps.push("setsar=1".into());
    steps.join(",")
}

/// Overrides what the pictures say of themselves with what the probe made of it.
fn declare_colour(plan: &Conversion) -> String {
    let colour = &plan.colour;
    format!(
        "setparams=range={}:color_primaries={}:color_trc={}:colorspace={}",
        if colour.full_range { "full" } else { "limited" },
        colour.primaries,
        colour.transfer,
        colour.matrix,
    )
}

fn scale_and_colour(plan: &Conversion, size: Option<(u32, u32)>, format: &str) -> Option<String> {
    let colour = &plan.colour;
    let becomes = |colours: &str| {
        let size = size.map_or(String::new(), |(w, h)| format!("w={w}:h={h}:"));
        Some(format!("zscale={size}{BICUBIC}:{colours}range=limited"))
    };
    if colour.is_hdr() && !is_wide_video(colour) {
        return becomes("primaries=bt2020:matrix=bt2020nc:");
    }
    if !colour.is_hdr() && colour.is_wide() {
        return becomes("primaries=bt709:matrix=bt709:");
    }
    if !colour.is_hdr() && (colour.full_range || colour.matrix != "bt709") {
        return becomes("matrix=bt709:");
    }
    let (width, height) = size?;
    // Formats that `zscale` does not know would be converted on the way to it.
    let scales_fast = format == target_format(colour);
    Some(if scales_fast {
        format!("zscale={width}:{height}:{BICUBIC}")
    } else {
        format!("scale={width}:{height}:flags=bicubic")
    })
}

/// The pixels that come out of the conversion.
fn target_format(colour: &Colour) -> &'static str {
    if colour.is_hdr() { BRIGHT_FORMAT } else { "yuv420p" }
}

/// Bright pictures as nearly all cameras write them.
fn is_wide_video(colour: &Colour) -> bool {
    !colour.full_range && colour.primaries == "bt2020" && colour.matrix == "bt2020nc"
}

/// From what the largest rung encodes to a smaller rung.
pub(super) fn downscale(width: u32, height: u32) -> String {
    format!("zscale={width}:{height}:{BICUBIC},format=yuv420p")
}

/// The brightness of what the largest rung encodes at the size of another rung, and back at its own.
pub(super) fn there_and_back(below: (u32, u32), own: (u32, u32)) -> String {
    // Grey pictures count as full range unless somebody says that nothing is to be changed.
    let scale = |(width, height)| format!("scale={width}:{height}:flags=bicubic:in_range=pc:out_range=pc");
    format!("extractplanes=y,{},{}", scale(below), scale(own))
}

/// Four bands of a picture, one below the other: of the whole width, together a quarter of it, and as long as x264's
/// squares are whole.
pub(super) fn bands(height: u32) -> String {
    let band = band_height(height);
    let crop = |n: u32| {
        format!("[b{n}]crop=iw:{band}:0:{}[c{n}]", (height * (2 * n + 1) / (2 * BANDS)).saturating_sub(band / 2) & !1)
    };
    let crops: Vec<String> = (0..BANDS).map(crop).collect();
    format!("split={BANDS}[b0][b1][b2][b3];{};[c0][c1][c2][c3]vstack=inputs={BANDS}", crops.join(";"))
}

/// Bands of a picture that stand for all of it.
pub(super) const BANDS: u32 = 4;

/// The height of each of them.
pub(super) fn band_height(height: u32) -> u32 {
    (height / (4 * BANDS)).next_multiple_of(16)
}

/// Two fields to one picture, leaving progressive pictures alone; times stay in units of `time_base`.
pub(super) fn deinterlace(time_base: (i64, i64)) -> String {
    format!("bwdif=mode=send_frame:deint=interlaced,settb={}/{}", time_base.0, time_base.1)
}

/// From what a rung encodes to pixels an image file holds.
pub(super) fn still(width: u32, height: u32) -> String {
    format!("scale={width}:{height}:flags=area:in_color_matrix=bt709:in_range=tv:out_range=pc,format=rgb24")
}

/// From what a rung encodes to the preview's pictures: `WebP` knows one meaning of colour numbers only.
pub(super) fn preview(width: u32, height: u32) -> String {
    format!(
        "scale={width}:{height}:flags=area:in_color_matrix=bt709:out_color_matrix=bt601:in_range=tv:out_range=tv,\
         format=yuv420p"
    )
}

/// From any sound to what the audio rendition encodes. One channel goes to both sides at full level; where there are more
/// than anybody says how to mix, the first two are taken.
pub(super) fn sound(channels: u32, rate_hz: u32) -> String {
    let mix = match channels {
        1 => "pan=stereo|c0=c0|c1=c0,",
        0..=8 => "",
        _ => "pan=stereo|c0=c0|c1=c1,",
    };
    format!("{mix}aresample={rate_hz},aformat=sample_fmts=fltp:sample_rates={rate_hz}:channel_layouts=stereo")
}

/// True when the conversion leaves pictures of this size and format as they are.
pub(super) fn is_identity(plan: &Conversion, width: u32, height: u32, format: &str) -> bool {
    let colour = &plan.colour;
    (width, height) == (plan.width, plan.height)
        && format == target_format(colour)
        && plan.orientation == Orientation::Upright
        && if colour.is_hdr() {
            is_wide_video(colour)
        } else {
            !colour.full_range && !colour.is_wide() && colour.matrix == "bt709"
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(orientation: Orientation, transfer: &str) -> Conversion {
        Conversion {
            deinterlace: false,
            orientation,
            colour: Colour {
                pixel_format: "yuv420p".into(),
                bit_depth: 8,
                full_range: false,
                primaries: "bt709".into(),
                transfer: transfer.into(),
                matrix: "bt709".into(),
                peak_nits: 1000,
            },
            width: 1080,
            height: 1920,
        }
    }

    #[test]
    fn an_ordinary_picture_is_left_alone() {
        assert!(is_identity(&plan(Orientation::Upright, "bt709"), 1080, 1920, "yuv420p"));
        assert!(!is_identity(&plan(Orientation::HalfTurn, "bt709"), 1080, 1920, "yuv420p"));
        assert!(!is_identity(&plan(Orientation::Upright, "bt709"), 1080, 1920, "yuvj420p"));
    }

    #[test]
    fn a_turned_picture_is_scaled_before_it_is_turned() {
        let spec = conversion(&plan(Orientation::QuarterTurn, "bt709"), 3840, 2160, "yuv420p");
        insta::assert_snapshot!(spec, @"setparams=range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709,zscale=1920:1080:filter=bicubic:param_a=0:param_b=0.6,format=yuv420p,transpose=clock,setsar=1");
    }

    #[test]
    fn wide_colours_are_converted() {
        let mut wide = plan(Orientation::Upright, "bt709");
        wide.colour.primaries = "smpte432".into();
        assert!(!is_identity(&wide, 1080, 1920, "yuv420p"));
        assert!(conversion(&wide, 1080, 1920, "yuv420p").contains("primaries=bt709:matrix=bt709:range=limited"));
    }

    #[test]
    fn what_zscale_does_not_know_is_scaled_by_scale() {
        let spec = conversion(&plan(Orientation::Upright, "bt709"), 2160, 3840, "nv12");
        assert!(spec.contains("scale=1080:1920:flags=bicubic"), "{spec}");
    }

    #[test]
    fn bright_pictures_are_only_scaled_and_turned_before_they_are_toned_down() {
        let mut bright = plan(Orientation::Upright, "smpte2084");
        (bright.colour.primaries, bright.colour.matrix) = ("bt2020".into(), "bt2020nc".into());
        let spec = conversion(&bright, 2160, 3840, "yuv420p10le");
        assert!(
            spec.ends_with("zscale=1080:1920:filter=bicubic:param_a=0:param_b=0.6,format=yuv420p10le,setsar=1"),
            "{spec}"
        );
        assert!(is_identity(&bright, 1080, 1920, "yuv420p10le") && !is_identity(&bright, 1080, 1920, "yuv420p"));
        bright.colour.matrix = "bt2020c".into();
        assert!(!is_identity(&bright, 1080, 1920, "yuv420p10le"));
        assert!(conversion(&bright, 1080, 1920, "yuv420p10le").contains("matrix=bt2020nc:range=limited"));
    }

    #[test]
    fn bands_are_spread_over_the_picture() {
        insta::assert_snapshot!(bands(1920), @"split=4[b0][b1][b2][b3];[b0]crop=iw:128:0:176[c0];[b1]crop=iw:128:0:656[c1];[b2]crop=iw:128:0:1136[c2];[b3]crop=iw:128:0:1616[c3];[c0][c1][c2][c3]vstack=inputs=4");
        assert!((720..4096).all(|height| BANDS * band_height(height) <= height / 3));
    }

    #[test]
    fn odd_sides_are_cut() {
        let mut small = plan(Orientation::Upright, "bt709");
        (small.width, small.height) = (160, 120);
        assert!(conversion(&small, 161, 121, "yuv420p").contains("crop=160:120:0:0,format"));
    }
}
