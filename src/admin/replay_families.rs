use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use anyhow::Context;
use chrono::TimeDelta;
use estrade_db::{PgConnection, families};
use estrade_domain::{Clock, Entropy, SystemClock};
use estrade_transcoder::jobs::clip_of_day;
use estrade_transcoder::worth::{Day, Price, Replay, View, made_day, read_day, replay};

use crate::config::StoreSettings;
use crate::serve::Database;

/// Views read from the database at most.
const VIEWS_MAX: i64 = 5_000_000;
/// A made-up day is the same every time.
const SEED: u64 = 1;

/// Which day, and the rule.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A file of views instead of this installation's last day: `at_secs,clip,clip_secs,watched_secs`, a line a view
    #[arg(long, value_name = "FILE", conflicts_with = "made")]
    views: Option<PathBuf>,
    /// A made-up day of that many clips and views, such as 2000,1000000: the n-th clip gets a share of 1/n
    #[arg(long, value_name = "CLIPS,VIEWS", value_parser = parse_made)]
    made: Option<(usize, usize)>,
    /// Bytes of traffic that a second of processor time must save
    #[arg(long, env = "ESTRADE_TRANSCODER_BYTES_PER_CPU_SECOND", default_value_t = 4_000_000.0, value_name = "BYTES")]
    bytes_per_cpu_second: f64,
}

fn parse_made(text: &str) -> Result<(usize, usize), String> {
    let pair = text.split_once(',').and_then(|(clips, views)| Some((clips.parse().ok()?, views.parse().ok()?)));
    pair.filter(|(clips, views)| (1..=1_000_000).contains(clips) && (1..=20_000_000).contains(views))
        .ok_or_else(|| "two numbers with a comma between them, at most 1000000,20000000".to_owned())
}

pub(super) async fn run(store: &StoreSettings, args: &Args) -> anyhow::Result<()> {
    let day = match (&args.views, args.made) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            read_day(&text).map_err(anyhow::Error::msg)?
        }
        (None, Some((clips, views))) => made_day(clips, views, &Entropy::from_seed(SEED)),
        (None, None) => last_day(store).await?,
    };
    print(&day, &replay(&day, Price { bytes_per_cpu_second: args.bytes_per_cpu_second }));
    Ok(())
}

async fn last_day(store: &StoreSettings) -> anyhow::Result<Day> {
    let database = Database::for_command(store).await?;
    let mut conn = database.pool.acquire().await?;
    let day = load_day(&mut conn).await?;
    drop(conn);
    database.close().await?;
    Ok(day)
}

async fn load_day(conn: &mut PgConnection) -> anyhow::Result<Day> {
    let since = SystemClock.now() - TimeDelta::days(1);
    let mut day = Day::default();
    let views = families::load_views(conn, since, VIEWS_MAX).await?;
    let mut places = HashMap::new();
    for clip_id in views.iter().map(|view| view.clip_id).collect::<HashSet<_>>() {
        if let Some((duration_ms, rungs)) = families::find_shown(conn, clip_id).await? {
            places.insert(clip_id, day.clips.len());
            day.clips.push(clip_of_day(duration_ms, &rungs));
        }
    }
    for view in views {
        if let Some(clip) = places.get(&view.clip_id).copied() {
            let at_secs = (view.at - since).as_seconds_f64();
            day.views.push(View { at_secs, clip, watched_secs: f64::from(view.watch_ms) / 1000.0 });
        }
    }
    Ok(day)
}

fn print(day: &Day, replayed: &Replay) {
    let gigabytes = |bytes: f64| bytes / 1e9;
    let hours = |secs: f64| secs / 3600.0;
    let change = |with: f64, without: f64| if without > 0.0 { 100.0 * (with / without - 1.0) } else { 0.0 };
    let Replay { bytes_without, bytes_with, cpu_secs_without, cpu_secs_with, families, clips } = replayed;
    println!("{} clips, {} views; {families} families for {clips} clips", day.clips.len(), day.views.len());
    println!("                       without       with    change");
    println!(
        "served, GB          {:>10.2} {:>10.2} {:>+8.1} %",
        gigabytes(*bytes_without),
        gigabytes(*bytes_with),
        change(*bytes_with, *bytes_without)
    );
    println!(
        "processor, hours    {:>10.2} {:>10.2} {:>+8.1} %",
        hours(*cpu_secs_without),
        hours(*cpu_secs_with),
        change(*cpu_secs_with, *cpu_secs_without)
    );
}
