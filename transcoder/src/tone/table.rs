//! A look as a table of all 10-bit pixels.

use super::{
    Look,
    light::{LUMA_709, LUMA_2020, weigh},
};

/// Numbers a 10-bit component can have.
const CODES: usize = 1024;
/// Chroma codes between two rows of the table. Neutral chroma (512) lies on a row, so grey is exact.
const STEP: usize = 32;
/// Rows along each chroma axis.
const ROWS: usize = CODES / STEP + 1;
/// Luma codes between two points that are worked out; the line between them is straight.
const LUMA_STEP: usize = 8;
/// Parts of an 8-bit number that the table knows.
const PARTS: f64 = 256.0;
/// Bits that are dropped after weighing: those of [`PARTS`] and of [`STEP`].
const SHIFT: u32 = 8 + 5;
/// Half of what is dropped, to round to the nearest.
const HALF: usize = 1 << (SHIFT - 1);

/// From 10-bit BT.2020 video to 8-bit BT.709 video, both in video range with halved chroma.
///
/// For every pair of chroma codes on a coarse grid there is a row with all luma codes. Pixels
/// between the grid's points are weighed from three rows: those of the triangle around them.
pub struct ToneTable {
    luma: Vec<[u16; CODES]>,
    chroma: Vec<[[u16; 2]; CODES / LUMA_STEP]>,
}

/// Two rows of a 10-bit picture, little-endian, and the chroma rows that belong to them.
#[derive(Debug, Clone, Copy)]
pub struct PictureRows<'a> {
    /// The upper and the lower row of luma.
    pub luma: [&'a [u8]; 2],
    /// Blue and red difference, half as many pixels.
    pub chroma: [&'a [u8]; 2],
}

/// The same rows in 8 bits.
#[derive(Debug, Default)]
pub struct ScreenRows {
    /// The upper and the lower row of luma.
    pub luma: [Vec<u8>; 2],
    /// Blue and red difference, half as many pixels.
    pub chroma: [Vec<u8>; 2],
}

/// The rows around a pair of chroma codes, and their weights, which add up to [`STEP`].
struct Corners {
    rows: [usize; 3],
    weights: [usize; 3],
}

impl ToneTable {
    /// The table of a look.
    pub fn new(look: &Look) -> Self {
        Self::of(&|signal| look.show(signal))
    }

    /// The table of any function from a BT.2020 signal to a BT.709 signal.
    pub fn of(show: &dyn Fn([f64; 3]) -> [f64; 3]) -> Self {
        let mut table = Self { luma: Vec::with_capacity(ROWS * ROWS), chroma: Vec::with_capacity(ROWS * ROWS) };
        for blue in 0..ROWS {
            for red in 0..ROWS {
                let points: Vec<[f64; 3]> =
                    (0..=CODES).step_by(LUMA_STEP).map(|luma| pixel([luma, blue * STEP, red * STEP], show)).collect();
                table.luma.push(std::array::from_fn(|code| luma_between(&points, code)));
                table.chroma.push(std::array::from_fn(|at| {
                    // The point stands for the codes after it, so the middle of them is taken.
                    let middle = |part: usize| f64::midpoint(points[at][part], points[at + 1][part]);
                    [fixed(middle(1)), fixed(middle(2))]
                }));
            }
        }
        table
    }

    /// Converts two rows. Pixels beyond the shortest of the given rows are left out.
    pub fn convert(&self, source: PictureRows<'_>, target: &mut ScreenRows) {
        let [upper, lower] = source.luma.map(|row| row.as_chunks::<4>().0);
        let [blue, red] = source.chroma.map(|row| row.as_chunks::<2>().0);
        let pairs = upper.len().min(lower.len()).min(blue.len()).min(red.len());
        target.luma.iter_mut().for_each(|row| row.resize(2 * pairs, 0));
        target.chroma.iter_mut().for_each(|row| row.resize(pairs, 0));
        let [to_upper, to_lower] = target.luma.each_mut().map(|row| row.as_chunks_mut::<2>().0.iter_mut());
        let [to_blue, to_red] = target.chroma.each_mut().map(|row| row.iter_mut());
        let from = upper.iter().zip(lower).zip(blue.iter().zip(red));
        let to = to_upper.zip(to_lower).zip(to_blue.zip(to_red));
        for (((upper, lower), (blue, red)), ((to_upper, to_lower), (to_blue, to_red))) in from.zip(to) {
            let corners = Corners::around(code(*blue), code(*red));
            let upper = [code([upper[0], upper[1]]), code([upper[2], upper[3]])];
            let lower = [code([lower[0], lower[1]]), code([lower[2], lower[3]])];
            let [a, b, c] = corners.rows;
            let [la, lb, lc] = [&self.luma[a], &self.luma[b], &self.luma[c]];
            let luma = |code: usize| corners.weigh([la[code % CODES], lb[code % CODES], lc[code % CODES]]);
            *to_upper = [luma(upper[0]), luma(upper[1])];
            *to_lower = [luma(lower[0]), luma(lower[1])];
            let mean = (upper[0] + upper[1] + lower[0] + lower[1]) / (4 * LUMA_STEP) % (CODES / LUMA_STEP);
            let [ca, cb, cc] = [self.chroma[a][mean], self.chroma[b][mean], self.chroma[c][mean]];
            *to_blue = corners.weigh([ca[0], cb[0], cc[0]]);
            *to_red = corners.weigh([ca[1], cb[1], cc[1]]);
        }
    }
}

/// A 10-bit number; what a damaged picture has beyond is cut.
#[inline]
fn code(bytes: [u8; 2]) -> usize {
    usize::from(u16::from_le_bytes(bytes)).min(CODES - 1)
}

impl Corners {
    #[inline]
    fn around(blue: usize, red: usize) -> Self {
        let first = blue / STEP * ROWS + red / STEP;
        let (along_blue, along_red) = (blue % STEP, red % STEP);
        let is_blue_first = along_blue >= along_red;
        let second = if is_blue_first { first + ROWS } else { first + 1 };
        let (far, near) = if is_blue_first { (along_blue, along_red) } else { (along_red, along_blue) };
        let weights = [STEP - far, far - near, near];
        Self { rows: [first, second, first + ROWS + 1], weights }
    }

    #[inline]
    fn weigh(&self, [a, b, c]: [u16; 3]) -> u8 {
        let [wa, wb, wc] = self.weights;
        let (a, b, c) = (usize::from(a), usize::from(b), usize::from(c));
        // The table's largest number is 255 after the shift, and the weights add up to one.
        ((a * wa + b * wb + c * wc + HALF) >> SHIFT).to_le_bytes()[0]
    }
}

/// The 8-bit pixel, with fractions, for a 10-bit one.
fn pixel(codes: [usize; 3], show: &dyn Fn([f64; 3]) -> [f64; 3]) -> [f64; 3] {
    let [luma, blue, red] = codes.map(|code| f64::from(u32::try_from(code).unwrap_or(0)));
    let (luma, blue, red) = ((luma - 64.0) / 876.0, (blue - 512.0) / 896.0, (red - 512.0) / 896.0);
    let [kr, kg, kb] = LUMA_2020;
    let r = luma + 2.0 * (1.0 - kr) * red;
    let b = luma + 2.0 * (1.0 - kb) * blue;
    let g = (luma - kr * r - kb * b) / kg;
    let rgb = show([r, g, b]);
    let luma = weigh(LUMA_709, rgb);
    let [kr, _, kb] = LUMA_709;
    let blue = (rgb[2] - luma) / (2.0 * (1.0 - kb));
    let red = (rgb[0] - luma) / (2.0 * (1.0 - kr));
    [16.0 + 219.0 * luma, 128.0 + 224.0 * blue, 128.0 + 224.0 * red]
}

fn luma_between(points: &[[f64; 3]], code: usize) -> u16 {
    let (at, part) = (code / LUMA_STEP, code % LUMA_STEP);
    let share = f64::from(u32::try_from(part).unwrap_or(0)) / f64::from(u32::try_from(LUMA_STEP).unwrap_or(1));
    fixed(points[at][0] + share * (points[at + 1][0] - points[at][0]))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
fn fixed(value: f64) -> u16 {
    (value * PARTS).round().clamp(0.0, 255.0 * PARTS) as u16
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "small positive numbers"
    )]
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::tone::Transfer;

    static HLG: LazyLock<ToneTable> = LazyLock::new(|| ToneTable::new(&Look::new(Transfer::Hlg)));

    /// One colour through the table.
    fn one(table: &ToneTable, [luma, blue, red]: [u16; 3]) -> [u8; 3] {
        let row = [luma.to_le_bytes(), luma.to_le_bytes()].concat();
        let (blue, red) = (blue.to_le_bytes(), red.to_le_bytes());
        let mut shown = ScreenRows::default();
        table.convert(PictureRows { luma: [&row, &row], chroma: [&blue, &red] }, &mut shown);
        [shown.luma[1][1], shown.chroma[0][0], shown.chroma[1][0]]
    }

    #[test]
    fn a_grey_ramp_stays_grey_and_rises_without_jumps() {
        let ramp: Vec<[u8; 3]> = (64..=940).map(|luma| one(&HLG, [luma, 512, 512])).collect();
        assert_eq!((ramp[0], ramp[ramp.len() - 1]), ([16, 128, 128], [235, 128, 128]));
        for pair in ramp.windows(2) {
            assert_eq!(pair[1][1..], [128, 128], "{pair:?}");
            assert!((0..=1).contains(&(i16::from(pair[1][0]) - i16::from(pair[0][0]))), "{pair:?}");
        }
    }

    #[test]
    fn reference_white_and_the_grey_card_are_where_they_should_be() {
        let code = |signal: f64| u16::try_from(64 + (876.0 * signal).round() as i64).expect("ten bits");
        let white = one(&HLG, [code(0.75), 512, 512])[0];
        let card = one(&HLG, [code(0.38), 512, 512])[0];
        assert!((180..=184).contains(&white), "{white}");
        assert!((97..=101).contains(&card), "{card}");
    }

    #[test]
    fn the_same_numbers_come_out_everywhere() {
        let pixels =
            [[64, 512, 512], [396, 512, 512], [721, 512, 512], [500, 300, 700], [300, 700, 301], [800, 512, 600]];
        insta::assert_snapshot!(format!("{:?}", pixels.map(|pixel| one(&HLG, pixel))), @"[[16, 128, 128], [99, 128, 128], [182, 128, 128], [96, 84, 198], [80, 156, 87], [150, 130, 182]]");
    }

    /// The table against the function it was made of, over all kinds of colours. Deep ones are
    /// further off than others, because the function has a corner where a primary reaches nothing.
    #[test]
    fn the_table_is_close_to_the_look() {
        let look = Look::new(Transfer::Hlg);
        let levels = || (2..=9).map(|tenth| f64::from(tenth) / 10.0);
        let colours = levels().flat_map(|r| levels().flat_map(move |g| levels().map(move |b| [r, g, b])));
        let mut distances = [0.0; 3];
        for rgb in colours.clone() {
            let luma = weigh(LUMA_2020, rgb);
            let codes = [
                64.0 + 876.0 * luma,
                512.0 + 896.0 * (rgb[2] - luma) / 1.8814,
                512.0 + 896.0 * (rgb[0] - luma) / 1.4746,
            ];
            let codes = codes.map(|code| code.round() as u16);
            let exact = pixel(codes.map(usize::from), &|signal| look.show(signal));
            for ((distance, exact), shown) in distances.iter_mut().zip(exact).zip(one(&HLG, codes)) {
                *distance += (exact - f64::from(shown)).abs();
            }
        }
        let means = distances.map(|distance| distance / colours.clone().count() as f64);
        assert!(means.iter().all(|mean| *mean < 1.5), "{means:?}");
    }

    #[test]
    fn rows_of_different_length_end_with_the_shortest() {
        let mut shown = ScreenRows::default();
        HLG.convert(PictureRows { luma: [&[0; 16], &[0; 9]], chroma: [&[0; 8], &[0; 8]] }, &mut shown);
        assert_eq!((shown.luma[0].len(), shown.chroma[1].len()), (4, 2));
    }

    proptest! {
        #[test]
        fn no_number_is_too_large_for_it(luma: u16, blue: u16, red: u16) {
            let _ = one(&HLG, [luma, blue, red]);
        }
    }
}
