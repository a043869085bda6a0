//! Transfer functions of ITU-R BT.2100 and BT.1886.

/// The share of each primary of BT.2020 in luminance.
pub(super) const LUMA_2020: [f64; 3] = [0.2627, 0.6780, 0.0593];
/// The share of each primary of BT.709 in luminance.
pub(super) const LUMA_709: [f64; 3] = [0.2126, 0.7152, 0.0722];

/// Brightness of the nominal screen that HLG is shown on, in candela per square metre.
const HLG_PEAK_NITS: f64 = 1000.0;
/// What HLG's nominal screen does to brightness: the exponent of its light-to-light function.
const HLG_SYSTEM_GAMMA: f64 = 1.2;
/// Brightness of PQ's largest number, in candela per square metre.
const PQ_PEAK_NITS: f64 = 10_000.0;
/// Video may exceed its nominal white by this much.
const LARGEST_SIGNAL: f64 = 1.09;
/// Exponent of an ordinary screen.
const SCREEN_GAMMA: f64 = 2.4;

/// How a bright source codes light.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// Hybrid log-gamma, relative to the scene.
    Hlg,
    /// Perceptual quantisation, absolute. The brightest light of the source in candela per square metre.
    Pq {
        /// Brightest light of the source.
        peak_nits: u32,
    },
}

impl Transfer {
    /// Brightest light that has to fit onto the screen, in candela per square metre.
    pub fn peak_nits(self) -> f64 {
        match self {
            Self::Hlg => HLG_PEAK_NITS,
            Self::Pq { peak_nits } => f64::from(peak_nits),
        }
    }

    /// Light of each primary in candela per square metre for a signal of nominally 0 to 1.
    pub fn light(self, signal: [f64; 3]) -> [f64; 3] {
        match self {
            Self::Hlg => {
                let scene = signal.map(|value| hlg_scene(value.clamp(0.0, LARGEST_SIGNAL)));
                let gain = HLG_PEAK_NITS * weigh(LUMA_2020, scene).powf(HLG_SYSTEM_GAMMA - 1.0);
                scene.map(|value| value * gain)
            }
            Self::Pq { .. } => signal.map(pq_light),
        }
    }
}

/// Sum of the components, each with its weight.
pub(super) fn weigh(weights: [f64; 3], rgb: [f64; 3]) -> f64 {
    weights.iter().zip(rgb).map(|(weight, value)| weight * value).sum()
}

/// Light of the scene for an HLG signal, 1 at nominal white.
fn hlg_scene(signal: f64) -> f64 {
    const A: f64 = 0.178_832_77;
    const B: f64 = 0.284_668_92;
    const C: f64 = 0.559_910_73;
    if signal <= 0.5 { signal * signal / 3.0 } else { (((signal - C) / A).exp() + B) / 12.0 }
}

const M1: f64 = 2610.0 / 16_384.0;
const M2: f64 = 2523.0 / 4096.0 * 128.0;
const C1: f64 = 3424.0 / 4096.0;
const C2: f64 = 2413.0 / 4096.0 * 32.0;
const C3: f64 = 2392.0 / 4096.0 * 32.0;

/// Candela per square metre for a PQ signal.
fn pq_light(signal: f64) -> f64 {
    let root = signal.clamp(0.0, 1.0).powf(1.0 / M2);
    PQ_PEAK_NITS * ((root - C1).max(0.0) / (C2 - C3 * root)).powf(1.0 / M1)
}

/// The PQ signal for candela per square metre.
#[cfg(test)]
pub(super) fn pq_signal(nits: f64) -> f64 {
    let power = (nits.max(0.0) / PQ_PEAK_NITS).powf(M1);
    ((C1 + C2 * power) / (1.0 + C3 * power)).powf(M2)
}

/// The signal that makes an ordinary screen give this share of its white.
pub(super) fn screen_signal(light: f64) -> f64 {
    light.clamp(0.0, 1.0).powf(1.0 / SCREEN_GAMMA)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(transfer: Transfer, signal: f64) -> f64 {
        transfer.light([signal; 3])[1]
    }

    #[test]
    fn reference_levels_are_where_bt_2408_has_them() {
        let pq = Transfer::Pq { peak_nits: 1000 };
        for (transfer, signal, nits) in [
            (Transfer::Hlg, 0.75, 203.0),
            (Transfer::Hlg, 0.38, 26.0),
            (Transfer::Hlg, 1.0, 1000.0),
            (pq, 0.58, 203.0),
            (pq, 0.38, 26.0),
            (pq, 1.0, 10_000.0),
        ] {
            let light = grey(transfer, signal);
            assert!((light / nits - 1.0).abs() < 0.03, "{transfer:?} {signal}: {light} cd/m2, expected {nits}");
        }
    }

    #[test]
    fn perceptual_quantisation_goes_both_ways() {
        for nits in [0.01, 1.0, 26.0, 203.0, 1000.0, 9999.0] {
            assert!((pq_light(pq_signal(nits)) / nits - 1.0).abs() < 1e-6, "{nits}");
        }
    }
}
