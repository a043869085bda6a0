//! How different two pictures look: CIE's colour difference of the year 2000.

/// Every how manieth pixel of both directions is compared.
const STEP: usize = 3;

/// The mean over two pictures of 8-bit BT.709 video with halved chroma.
#[expect(clippy::cast_precision_loss, reason = "counts of pixels")]
pub fn mean(left: &[u8], right: &[u8], width: usize, height: usize) -> f64 {
    let at = |picture: &[u8], x: usize, y: usize| {
        let chroma = width * height + y / 2 * (width / 2) + x / 2;
        lab([picture[y * width + x], picture[chroma], picture[chroma + width * height / 4]].map(f64::from))
    };
    let points = || (0..height).step_by(STEP).flat_map(|y| (0..width).step_by(STEP).map(move |x| (x, y)));
    points().map(|(x, y)| distance(at(left, x, y), at(right, x, y))).sum::<f64>() / points().count().max(1) as f64
}

#[expect(clippy::many_single_char_names, reason = "the names of the formulas")]
fn lab([luma, blue, red]: [f64; 3]) -> [f64; 3] {
    let (luma, blue, red) = ((luma - 16.0) / 219.0, (blue - 128.0) / 224.0, (red - 128.0) / 224.0);
    let (r, b) = (luma + 1.5748 * red, luma + 1.8556 * blue);
    let g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152;
    let [r, g, b] = [r, g, b].map(|value| value.clamp(0.0, 1.0).powf(2.2));
    let x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505;
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    let z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089;
    let [x, y, z] = [x, y, z].map(|value| if value > 0.008_856 { value.cbrt() } else { 7.787 * value + 16.0 / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn distance([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let strength = |chroma: f64| (chroma.powi(7) / (chroma.powi(7) + 25f64.powi(7))).sqrt();
    let stretch = 1.5 - 0.5 * strength(f64::midpoint(a1.hypot(b1), a2.hypot(b2)));
    let (a1, a2) = (a1 * stretch, a2 * stretch);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |a: f64, b: f64| b.atan2(a).to_degrees().rem_euclid(360.0);
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let is_grey = c1 * c2 <= 0.0;
    let turn = if is_grey { 0.0 } else { (h2 - h1 + 180.0).rem_euclid(360.0) - 180.0 };
    let hue_part = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin();
    let (l, c) = (f64::midpoint(l1, l2), f64::midpoint(c1, c2));
    let h = if is_grey { h1 + h2 } else { (h1 + turn / 2.0).rem_euclid(360.0) };
    let cos = |factor: f64, shift: f64| (factor * h + shift).to_radians().cos();
    let t = 1.0 - 0.17 * cos(1.0, -30.0) + 0.24 * cos(2.0, 0.0) + 0.32 * cos(3.0, 6.0) - 0.2 * cos(4.0, -63.0);
    let off = (l - 50.0).powi(2);
    let lightness = (l2 - l1) / (1.0 + 0.015 * off / (20.0 + off).sqrt());
    let chroma = (c2 - c1) / (1.0 + 0.045 * c);
    let hue = hue_part / (1.0 + 0.015 * c * t);
    let angle = 60.0 * (-((h - 275.0) / 25.0).powi(2)).exp();
    let mixed = -2.0 * strength(c) * angle.to_radians().sin() * chroma * hue;
    (lightness.powi(2) + chroma.powi(2) + hue.powi(2) + mixed).max(0.0).sqrt()
}
