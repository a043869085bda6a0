//! High dynamic range brought down to ordinary screens: pure functions on numbers and rows of pixels.
//!
//! HLG (and with it Dolby Vision 8.4, whose base layer is HLG) and PQ (HDR10) are read as light,
//! compressed, moved from BT.2020 to BT.709, and written as 8-bit video. All of that is worked out
//! once, into a [`ToneTable`]; a picture then costs a few look-ups a pixel.
//!
//! - `light`: from signal to candela per square metre, and back to the signal of an ordinary screen
//! - `look`: what becomes of bright light and of colours an ordinary screen lacks
//! - `table`: the same for all 10-bit pixels, in integers

mod light;
mod look;
mod table;

pub use light::Transfer;
pub use look::Look;
pub use table::{PictureRows, ScreenRows, ToneTable};
