//! Our tone table against libav's filters on a bright clip, as CPU time a picture and as distance:
//! `cargo run --release -p estrade-transcoder --example tone -- CLIP`
//!
//! The distance is given twice: for the look we use, and for a table made of the filters' own
//! arithmetic, which tells what the table itself costs in precision.

mod distance;

use std::{
    error::Error,
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use estrade_transcoder::tone::{Look, PictureRows, ScreenRows, ToneTable, Transfer};

/// The usual chain of filters: through linear light, with a curve like that of film.
const CHAIN: &str = "zscale=transfer=linear:npl=100,format=gbrpf32le,zscale=primaries=bt709,\
                     tonemap=tonemap=hable:desat=0,zscale=transfer=bt709:matrix=bt709:range=limited,format=yuv420p";
/// Pictures that are converted.
const PICTURES: usize = 8;
/// The light the chain takes for 1.
const UNIT_NITS: f64 = 100.0;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let Some(clip) = std::env::args().nth(1) else {
        eprintln!("usage: tone CLIP");
        return ExitCode::from(2);
    };
    match compare(Path::new(&clip)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(clip: &Path) -> Result<()> {
    let (width, height, transfer) = describe(clip)?;
    let folder = tempfile::tempdir()?;
    let [bright, plain] = ["bright.yuv", "plain.yuv"].map(|name| folder.path().join(name));
    let count = PICTURES.to_string();
    let decode = ["-noautorotate", "-i", text(clip)?, "-frames:v", &count, "-pix_fmt", "yuv420p10le"];
    ffmpeg(&[&decode[..], &["-f", "rawvideo", text(&bright)?]].concat())?;
    let name = if transfer == Transfer::Hlg { "arib-std-b67" } else { "smpte2084" };
    let size = format!("{width}x{height}");
    let raw = ["-filter_threads", "1", "-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", &size, "-i", text(&bright)?];
    let chain = format!("setparams=range=limited:color_primaries=bt2020:color_trc={name}:colorspace=bt2020nc,{CHAIN}");
    let filtered = ffmpeg(&[&raw[..], &["-vf", &chain, "-f", "rawvideo", text(&plain)?]].concat())?;
    let copied = ffmpeg(&[&raw[..], &["-f", "rawvideo", "/dev/null"]].concat())?;

    let started = cpu_ms()?;
    let table = ToneTable::new(&Look::new(transfer));
    println!("table {:.1} ms", cpu_ms()? - started);
    let source = fs::read(&bright)?;
    let pictures: Vec<&[u8]> = source.chunks_exact(width * height * 3).collect();
    let mut shown = vec![0; width * height * 3 / 2];
    let started = cpu_ms()?;
    for picture in &pictures {
        convert(&table, picture, width, &mut shown);
    }
    let shares = f64::from(u32::try_from(pictures.len())?);
    let (ours, theirs) = ((cpu_ms()? - started) / shares, (filtered - copied) / shares);
    println!("ours {ours:.2} ms, filters {theirs:.2} ms a picture of {size}: {:.2}", ours / theirs);
    let expected = fs::read(&plain)?;
    let last = &expected[(pictures.len() - 1) * shown.len()..];
    println!("our look: deltaE2000 {:.2}", distance::mean(&shown, last, width, height));
    let same = ToneTable::of(&|signal| as_the_filters(transfer, signal));
    convert(&same, pictures[pictures.len() - 1], width, &mut shown);
    println!("the filters' look: deltaE2000 {:.2}", distance::mean(&shown, last, width, height));
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| "a path that is no text".into())
}

/// Width, height and transfer of a clip.
fn describe(clip: &Path) -> Result<(usize, usize, Transfer)> {
    let entries = "stream=width,height,color_transfer";
    let arguments = ["-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "csv=p=0"];
    let output = Command::new("ffprobe").args(arguments).arg(clip).output()?;
    let line = String::from_utf8(output.stdout)?;
    let fields: Vec<&str> = line.trim().split(',').collect();
    let [width, height, transfer, ..] = fields[..] else { return Err("no pictures".into()) };
    let transfer = match transfer {
        "arib-std-b67" => Transfer::Hlg,
        "smpte2084" => Transfer::Pq { peak_nits: 1000 },
        other => return Err(format!("{other} is not bright").into()),
    };
    Ok((width.parse()?, height.parse()?, transfer))
}

/// Runs `ffmpeg`; returns the milliseconds of CPU time it took.
fn ffmpeg(arguments: &[&str]) -> Result<f64> {
    let output =
        Command::new("ffmpeg").args(["-hide_banner", "-nostdin", "-y", "-benchmark"]).args(arguments).output()?;
    let report = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(report.into());
    }
    let (_, bench) = report.rsplit_once("bench: utime=").ok_or("no benchmark")?;
    let seconds = |label: &str| bench.split(label).nth(1)?.split('s').next()?.parse::<f64>().ok();
    let user = bench.split('s').next().and_then(|number| number.parse::<f64>().ok());
    Ok(1000.0 * (user.ok_or("no user time")? + seconds("stime=").ok_or("no system time")?))
}

/// CPU time of this thread.
fn cpu_ms() -> Result<f64> {
    let line = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(line.split(' ').next().unwrap_or_default().parse::<f64>()? / 1e6)
}

fn convert(table: &ToneTable, picture: &[u8], width: usize, shown: &mut [u8]) {
    let pixels = shown.len() * 2 / 3;
    let (luma, chroma) = picture.split_at(2 * pixels);
    let [blue, red] = [&chroma[..pixels / 2], &chroma[pixels / 2..]];
    let mut rows = ScreenRows::default();
    for pair in 0..pixels / width / 2 {
        let upper = &luma[4 * pair * width..][..4 * width];
        let source = PictureRows {
            luma: [&upper[..2 * width], &upper[2 * width..]],
            chroma: [blue, red].map(|plane| &plane[pair * width..][..width]),
        };
        table.convert(source, &mut rows);
        for (start, row) in [
            (2 * pair * width, &rows.luma[0]),
            ((2 * pair + 1) * width, &rows.luma[1]),
            (pixels + pair * width / 2, &rows.chroma[0]),
            (pixels * 5 / 4 + pair * width / 2, &rows.chroma[1]),
        ] {
            shown[start..][..row.len()].copy_from_slice(row);
        }
    }
}

/// What the chain computes for one pixel. Unlike BT.2100 it takes HLG's light-to-light function to
/// each primary alone, which makes strong colours stronger.
fn as_the_filters(transfer: Transfer, signal: [f64; 3]) -> [f64; 3] {
    let light = match transfer {
        Transfer::Hlg => signal.map(|value| transfer.light([value; 3])[0]),
        Transfer::Pq { .. } => transfer.light(signal),
    };
    let [r, g, b] = light.map(|nits| nits / UNIT_NITS);
    let narrow = [
        1.660_491 * r - 0.587_641 * g - 0.072_850 * b,
        -0.124_550 * r + 1.132_900 * g - 0.008_349 * b,
        -0.018_151 * r - 0.100_579 * g + 1.118_730 * b,
    ];
    let film = |x: f64| (x * (0.15 * x + 0.05) + 0.004) / (x * (0.15 * x + 0.5) + 0.06) - 0.02 / 0.3;
    let strongest = narrow.iter().copied().fold(1e-6, f64::max);
    let gain = film(strongest) / film(transfer.peak_nits() / UNIT_NITS) / strongest;
    narrow.map(|value| (value * gain).clamp(0.0, 1.0).powf(1.0 / 2.4))
}
