//! What a level of H.264 promises (ITU-T H.264, table A-1).

use super::SequenceSet;

/// Level times ten; most macroblocks a second, in a picture, and kept for reference.
const LEVELS: [(u8, [u32; 3]); 14] = [
    (9, [1485, 99, 396]),
    (10, [1485, 99, 396]),
    (11, [3000, 396, 900]),
    (12, [6000, 396, 2376]),
    (13, [11_880, 396, 2376]),
    (20, [11_880, 396, 2376]),
    (21, [19_800, 792, 4752]),
    (22, [20_250, 1620, 8100]),
    (30, [40_500, 1620, 8100]),
    (31, [108_000, 3600, 18_000]),
    (32, [216_000, 5120, 20_480]),
    (40, [245_760, 8192, 32_768]),
    (41, [245_760, 8192, 32_768]),
    (42, [522_240, 8704, 34_816]),
];

/// The stream keeps to a level that HLS allows, and to the one that it claims: players choose
/// their decoder by the claim.
pub(super) fn keeps_its_level(set: &SequenceSet, fps: f64) -> bool {
    let Some((_, [rate, size, reference])) = LEVELS.into_iter().find(|(level, _)| *level == set.level) else {
        return false;
    };
    let [across, down] = set.macroblocks;
    let picture = across * down;
    f64::from(picture) * fps <= f64::from(rate) && picture <= size && picture * set.reference_frames <= reference
}
