//! What bright pictures look like on an ordinary screen.

use super::{
    Transfer,
    light::{LUMA_709, screen_signal, weigh},
};

/// The light that counts as 1 to the tone curve, in candela per square metre.
const UNIT_NITS: f64 = 100.0;

/// From the primaries of BT.2020 to those of BT.709, in linear light.
const TO_709: [[f64; 3]; 3] =
    [[1.660_491, -0.587_641, -0.072_850], [-0.124_550, 1.132_900, -0.008_349], [-0.018_151, -0.100_579, 1.118_730]];

/// The look of one kind of source.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    transfer: Transfer,
    /// What the curve makes of the source's brightest light, which becomes the screen's white.
    top: f64,
}

impl Look {
    /// The look for sources of this kind.
    pub fn new(transfer: Transfer) -> Self {
        Self { transfer, top: film(transfer.peak_nits() / UNIT_NITS) }
    }

    /// The BT.709 signal for a BT.2020 signal, both from 0 to 1.
    ///
    /// The strongest primary decides how much a pixel is dimmed, so that hue and saturation stay.
    pub fn show(&self, signal: [f64; 3]) -> [f64; 3] {
        let light = self.transfer.light(signal);
        let narrow = fit(TO_709.map(|row| weigh(row, light) / UNIT_NITS));
        let strongest = narrow.iter().copied().fold(0.0, f64::max);
        if strongest <= 0.0 {
            return [0.0; 3];
        }
        let gain = film(strongest) / self.top / strongest;
        narrow.map(|value| screen_signal(value * gain))
    }
}

/// A curve like that of film, after John Hable: a toe in the shadows, straight in the middle, and a
/// long shoulder, so that clouds keep their shape beside a face in the shade.
fn film(light: f64) -> f64 {
    const SHOULDER: f64 = 0.15;
    const SLOPE: f64 = 0.50;
    const ANGLE: f64 = 0.10;
    const STRENGTH: f64 = 0.20;
    const TOE: [f64; 2] = [0.02, 0.30];
    let above = light * (SHOULDER * light + ANGLE * SLOPE) + STRENGTH * TOE[0];
    let below = light * (SHOULDER * light + SLOPE) + STRENGTH * TOE[1];
    above / below - TOE[0] / TOE[1]
}

/// Brings a colour that has less than nothing of a primary as close as its brightness allows: towards
/// grey of the same luminance, until no component is negative.
fn fit(rgb: [f64; 3]) -> [f64; 3] {
    let luminance = weigh(LUMA_709, rgb).max(0.0);
    let least = rgb.iter().copied().fold(f64::INFINITY, f64::min);
    if least >= 0.0 {
        return rgb;
    }
    let keep = luminance / (luminance - least);
    rgb.map(|value| luminance + keep * (value - luminance))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::light::pq_signal, *};

    const KINDS: [Transfer; 4] = [
        Transfer::Hlg,
        Transfer::Pq { peak_nits: 1000 },
        Transfer::Pq { peak_nits: 4000 },
        Transfer::Pq { peak_nits: 100 },
    ];

    fn grey(transfer: Transfer, signal: f64) -> f64 {
        Look::new(transfer).show([signal; 3])[1]
    }

    #[test]
    fn the_grey_card_and_reference_white_of_bt_2408_land_at_the_same_place_from_both() {
        // 26 and 203 cd/m2, that is 38 % of both, 75 % of HLG and 58 % of PQ.
        for (transfer, card, white) in [(Transfer::Hlg, 0.38, 0.75), (Transfer::Pq { peak_nits: 1000 }, 0.38, 0.58)] {
            assert!((0.36..0.40).contains(&grey(transfer, card)), "{transfer:?}: {}", grey(transfer, card));
            assert!((0.74..0.78).contains(&grey(transfer, white)), "{transfer:?}: {}", grey(transfer, white));
        }
        assert!((grey(Transfer::Hlg, 1.0) - 1.0).abs() < 1e-3);
        assert!((grey(Transfer::Pq { peak_nits: 1000 }, 0.7518) - 1.0).abs() < 1e-3);
    }

    #[test]
    fn strong_colours_keep_their_hue_and_stay_strong() {
        // A red inside BT.709, at ten and at four hundred candela per square metre.
        let look = Look::new(Transfer::Pq { peak_nits: 1000 });
        for nits in [10.0, 400.0] {
            let [r, g, b] = look.show([0.66, 0.11, 0.05].map(|share| pq_signal(share * nits)));
            assert!(r > 3.0 * g && g < 1.5 * b + 0.05, "{nits}: {r} {g} {b}");
        }
    }

    #[test]
    fn brighter_in_is_brighter_out_without_steps() {
        for transfer in KINDS {
            let shown: Vec<f64> = (0..=1023).map(|code| grey(transfer, f64::from(code) / 1023.0)).collect();
            for pair in shown.windows(2) {
                let step = pair[1] - pair[0];
                assert!((0.0..0.008).contains(&step), "{transfer:?}: {} then {}", pair[0], pair[1]);
            }
        }
    }

    proptest! {
        #[test]
        fn every_colour_fits_the_screen(r in -0.2f64..1.2, g in -0.2f64..1.2, b in -0.2f64..1.2) {
            for transfer in KINDS {
                for value in Look::new(transfer).show([r, g, b]) {
                    prop_assert!((0.0..=1.0).contains(&value), "{transfer:?} {value}");
                }
            }
        }

        #[test]
        fn grey_stays_grey(signal in 0.0f64..1.09) {
            for transfer in KINDS {
                let [r, g, b] = Look::new(transfer).show([signal; 3]);
                prop_assert!((r - g).abs() < 1e-4 && (g - b).abs() < 1e-4, "{transfer:?} {r} {g} {b}");
            }
        }
    }
}
