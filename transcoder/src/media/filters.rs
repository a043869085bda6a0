//! Descriptions of filter graphs as text.

use crate::plan::{Conversion, Orientation};

/// The brightness, in candela per square metre, that becomes white.
const REFERENCE_WHITE_NITS: u32 = 100;

/// From a decoded picture of `width` × `height` to what the largest rung encodes.
///
/// Scaling comes first and turning last, so that both handle as few pixels as possible.
pub(super) fn conversion(plan: &Conversion, width: u32, height: u32) -> String {
    let (even_width, even_height) = (width & !1, height & !1);
    let (target_width, target_height) =
        if plan.orientation.swaps_sides() { (plan.height, plan.width) } else { (plan.width, plan.height) };
    let mut steps = vec![declare_colour(plan)];
    if (even_width, even_height) != (width, height) {
        steps.push(format!("crop={even_width}:{even_height}:0:0"));
    }
    let resized = (even_width, even_height) != (target_width, target_height);
    steps.extend(scale_and_colour(plan, resized.then_some((target_width, target_height))));
    steps.push("format=yuv420p".into());
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

fn scale_and_colour(plan: &Conversion, size: Option<(u32, u32)>) -> Vec<String> {
    let colour = &plan.colour;
    let zscale_size = size.map_or(String::new(), |(w, h)| format!("w={w}:h={h}:"));
    if colour.is_hdr() {
        let mut steps = Vec::new();
        steps.extend(size.map(|(w, h)| format!("zscale=w={w}:h={h}:filter=bicubic")));
        steps.extend([
            format!("zscale=transfer=linear:npl={REFERENCE_WHITE_NITS}"),
            "format=gbrpf32le".into(),
            "zscale=primaries=bt709".into(),
            "tonemap=tonemap=hable:desat=0".into(),
            "zscale=transfer=bt709:matrix=bt709:range=limited".into(),
        ]);
        return steps;
    }
    if colour.primaries == "bt2020" {
        return vec![format!(
            "zscale={zscale_size}filter=bicubic:transfer=bt709:primaries=bt709:matrix=bt709:range=limited"
        )];
    }
    if colour.full_range || colour.matrix != "bt709" {
        return vec![format!("zscale={zscale_size}filter=bicubic:matrix=bt709:range=limited")];
    }
    size.map(|(w, h)| format!("scale={w}:{h}:flags=bicubic")).into_iter().collect()
}

/// From what the largest rung encodes to a smaller rung.
pub(super) fn downscale(width: u32, height: u32) -> String {
    format!("scale={width}:{height}:flags=bicubic,format=yuv420p")
}

/// Two fields to one picture, leaving progressive pictures alone; times stay in units of `time_base`.
pub(super) fn deinterlace(time_base: (i64, i64)) -> String {
    format!("bwdif=mode=send_frame:deint=interlaced,settb={}/{}", time_base.0, time_base.1)
}

/// From what a rung encodes to pixels an image file holds.
pub(super) fn still(width: u32, height: u32) -> String {
    format!("scale={width}:{height}:flags=area:in_color_matrix=bt709:in_range=tv:out_range=pc,format=rgb24")
}

/// From any sound to what the audio rendition encodes. One channel goes to both sides at full level.
pub(super) fn sound(channels: u32, rate_hz: u32) -> String {
    let mix = if channels == 1 { "pan=stereo|c0=c0|c1=c0," } else { "" };
    format!("{mix}aresample={rate_hz},aformat=sample_fmts=fltp:sample_rates={rate_hz}:channel_layouts=stereo")
}

/// True when the conversion leaves pictures of this size and format as they are.
pub(super) fn is_identity(plan: &Conversion, width: u32, height: u32, format: &str) -> bool {
    let colour = &plan.colour;
    (width, height) == (plan.width, plan.height)
        && format == "yuv420p"
        && plan.orientation == Orientation::Upright
        && !colour.full_range
        && !colour.is_hdr()
        && colour.primaries != "bt2020"
        && colour.matrix == "bt709"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Colour;

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
        let spec = conversion(&plan(Orientation::QuarterTurn, "bt709"), 3840, 2160);
        insta::assert_snapshot!(spec, @"setparams=range=limited:color_primaries=bt709:color_trc=bt709:colorspace=bt709,scale=1920:1080:flags=bicubic,format=yuv420p,transpose=clock,setsar=1");
    }

    #[test]
    fn bright_pictures_are_scaled_before_they_are_toned_down() {
        let spec = conversion(&plan(Orientation::Upright, "smpte2084"), 2160, 3840);
        let (scale, tonemap) = (spec.find("w=1080"), spec.find("tonemap"));
        assert!(scale.is_some() && scale < tonemap, "{spec}");
    }

    #[test]
    fn odd_sides_are_cut() {
        let mut small = plan(Orientation::Upright, "bt709");
        (small.width, small.height) = (160, 120);
        assert!(conversion(&small, 161, 121).contains("crop=160:120:0:0,format"));
    }
}
