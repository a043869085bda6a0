//! How a stored picture must be turned to stand upright.

use serde::{Deserialize, Serialize};

/// The eight ways a picture can lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Orientation {
    /// As it should be shown.
    Upright,
    /// Left and right exchanged.
    FlipHorizontal,
    /// Top and bottom exchanged.
    FlipVertical,
    /// Upside down.
    HalfTurn,
    /// To be turned clockwise by a quarter.
    QuarterTurn,
    /// To be turned counter-clockwise by a quarter.
    QuarterTurnBack,
    /// Rows and columns exchanged.
    Transpose,
    /// Rows and columns exchanged along the other diagonal.
    AntiTranspose,
}

impl Orientation {
    /// Reads the 3×3 display matrix of MP4 and libav: `a b u c d v x y w`, of which
    /// only `a b c d` turn or mirror. Slanted matrices are taken for the nearest of the eight.
    pub fn from_display_matrix(matrix: [i32; 9]) -> Self {
        let [a, b, _, c, d, ..] = matrix.map(i64::from);
        if a.abs() + d.abs() >= b.abs() + c.abs() {
            match (a < 0, d < 0) {
                (false, false) => Self::Upright,
                (true, false) => Self::FlipHorizontal,
                (false, true) => Self::FlipVertical,
                (true, true) => Self::HalfTurn,
            }
        } else {
            match (b < 0, c < 0) {
                (false, false) => Self::Transpose,
                (false, true) => Self::QuarterTurn,
                (true, false) => Self::QuarterTurnBack,
                (true, true) => Self::AntiTranspose,
            }
        }
    }

    /// Reads the note of old files: degrees to turn clockwise. Nothing if it is no quarter turn.
    pub fn from_note(degrees: &str) -> Option<Self> {
        match degrees.trim().parse::<i32>().ok()?.rem_euclid(360) {
            0 => Some(Self::Upright),
            90 => Some(Self::QuarterTurn),
            180 => Some(Self::HalfTurn),
            270 => Some(Self::QuarterTurnBack),
            _ => None,
        }
    }

    /// Width and height change places.
    pub fn swaps_sides(self) -> bool {
        matches!(self, Self::QuarterTurn | Self::QuarterTurnBack | Self::Transpose | Self::AntiTranspose)
    }

    /// The libav filter that carries it out; none when there is nothing to do.
    pub fn filter(self) -> Option<&'static str> {
        match self {
            Self::Upright => None,
            Self::FlipHorizontal => Some("hflip"),
            Self::FlipVertical => Some("vflip"),
            Self::HalfTurn => Some("hflip,vflip"),
            Self::QuarterTurn => Some("transpose=clock"),
            Self::QuarterTurnBack => Some("transpose=cclock"),
            Self::Transpose => Some("transpose=cclock_flip"),
            Self::AntiTranspose => Some("transpose=clock_flip"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: i32 = 1 << 16;

    fn read(a: i32, b: i32, c: i32, d: i32) -> Orientation {
        Orientation::from_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
    }

    #[test]
    fn a_phone_held_upright_asks_for_a_quarter_turn() {
        assert_eq!(read(0, ONE, -ONE, 0), Orientation::QuarterTurn);
    }

    #[test]
    fn all_eight_matrices_are_told_apart() {
        let seen = [
            read(ONE, 0, 0, ONE),
            read(-ONE, 0, 0, ONE),
            read(ONE, 0, 0, -ONE),
            read(-ONE, 0, 0, -ONE),
            read(0, ONE, -ONE, 0),
            read(0, -ONE, ONE, 0),
            read(0, ONE, ONE, 0),
            read(0, -ONE, -ONE, 0),
        ];
        for (i, left) in seen.iter().enumerate() {
            assert!(seen.iter().skip(i + 1).all(|right| left != right), "{left:?} twice");
        }
    }

    #[test]
    fn notes_of_quarter_turns_are_read() {
        let read = ["90", " -90", "540", "0", "45", "abc", ""].map(Orientation::from_note);
        let [quarter, back, half] = [Orientation::QuarterTurn, Orientation::QuarterTurnBack, Orientation::HalfTurn];
        assert_eq!(read, [Some(quarter), Some(back), Some(half), Some(Orientation::Upright), None, None, None]);
    }

    #[test]
    fn a_matrix_of_extremes_does_not_overflow() {
        assert_eq!(read(i32::MIN, i32::MAX, i32::MIN, i32::MIN), Orientation::HalfTurn);
    }
}
