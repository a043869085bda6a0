//! What a taken-over decoder could do to the machine, done on purpose: tests see each limit end it.

use std::{
    fs::{self, File},
    hint::black_box,
    io::{self, Write},
    path::Path,
    thread,
    time::Duration,
};

use super::protocol::{Event, Misdeed};

/// How much is taken at a time, in bytes.
const BITE: usize = 8 << 20;
/// More than any limit lets through; where none holds, the misdeed ends here and says so.
const MOST_BITES: usize = 512;

/// Does it until it is refused or the process is ended. A misdeed that goes through ends as if nothing had happened,
/// which is an answer that no test expects.
pub(super) fn commit(misdeed: Misdeed, job: &Path) -> Event {
    let refused = match misdeed {
        Misdeed::FillMemory => fill_memory(),
        Misdeed::FillDisk => fill_disk(job).err().map(|error| error.to_string()),
        Misdeed::FillFolder => scatter(job, BITE / 32),
        Misdeed::ManyFiles => scatter(job, 0),
        Misdeed::Spin => loop {
            black_box(0);
        },
        Misdeed::OpenFiles => open_files(job).err().map(|error| error.to_string()),
    };
    match refused {
        Some(detail) => Event::Failed { detail },
        None => Event::Progress { frames: 0 },
    }
}

fn fill_memory() -> Option<String> {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    for _ in 0..MOST_BITES {
        let mut bite = Vec::new();
        if let Err(error) = bite.try_reserve_exact(BITE) {
            return Some(error.to_string());
        }
        bite.resize(BITE, 1);
        taken.push(bite);
    }
    black_box(taken);
    None
}

fn fill_disk(job: &Path) -> io::Result<()> {
    let mut file = File::create(job.join("bomb"))?;
    let bite = vec![1; BITE];
    (0..MOST_BITES).try_for_each(|_| file.write_all(&bite))
}

/// Writes file after file, and stays.
fn scatter(job: &Path, bytes: usize) -> Option<String> {
    let bite = vec![1; bytes];
    for number in 0..MOST_BITES {
        if let Err(error) = fs::write(job.join(format!("bomb-{number}")), &bite) {
            return Some(error.to_string());
        }
    }
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

fn open_files(job: &Path) -> io::Result<()> {
    let files = (0..MOST_BITES).map(|_| File::open(job)).collect::<io::Result<Vec<File>>>()?;
    black_box(files);
    Ok(())
}
