use std::collections::HashMap;

use clap::ValueEnum;
use estrade_db::jobs::{ClipName, JobState, ListedJob, find_clip_names, list_jobs};
use estrade_domain::ClipId;
use estrade_jobs::Job;

use super::parse_kind;
use crate::config::StoreSettings;
use crate::serve::Database;

/// Longest error shown.
const ERROR_CHARS: usize = 100;

/// In which state.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    /// Waiting, the oldest first
    Waiting,
    /// Running, the oldest first
    Running,
    /// Given up, the latest first
    Discarded,
}

/// Which jobs.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Jobs in this state
    #[arg(long, value_enum, default_value = "discarded")]
    state: State,
    /// Jobs of this kind alone, such as `transcode_clip`
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: Option<estrade_jobs::Kind>,
    /// At most so many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
}

pub(super) async fn run(store: &StoreSettings, args: &Args) -> anyhow::Result<()> {
    let state = match args.state {
        State::Waiting => JobState::Waiting,
        State::Running => JobState::Running,
        State::Discarded => JobState::Discarded,
    };
    let database = Database::for_command(store).await?;
    let mut conn = database.pool.acquire().await?;
    let kind = args.kind.map(estrade_jobs::Kind::as_str);
    let jobs = list_jobs(&mut conn, state, kind, i64::from(args.limit)).await?;
    let clips: Vec<ClipId> = jobs.iter().filter_map(clip_of).collect();
    let names = find_clip_names(&mut conn, &clips).await?;
    drop(conn);
    database.close().await?;
    print!("{}", table(&jobs, &names));
    Ok(())
}

/// The clip a job works on, as far as this release can read it.
fn clip_of(job: &ListedJob) -> Option<ClipId> {
    Job::from_stored(&job.kind, &job.args).ok()?.clip_id()
}

/// A line a job, in columns.
fn table(jobs: &[ListedJob], names: &HashMap<ClipId, ClipName>) -> String {
    if jobs.is_empty() {
        return "there are none\n".to_owned();
    }
    let mut lines = vec![["JOB", "KIND", "CLIP", "CREATOR", "AGE", "ATTEMPTS", "LAST ERROR"].map(ToOwned::to_owned)];
    lines.extend(jobs.iter().map(|job| {
        let attempts = format!("{} of {}", job.attempt, job.attempts_max);
        let name = clip_of(job).and_then(|clip| names.get(&clip));
        let (clip, creator) = name.map_or(("-", "-"), |name| (&name.public_id, &name.handle));
        let (clip, creator) = (clip.to_owned(), creator.to_owned());
        [job.id.to_string(), job.kind.clone(), clip, creator, age(job.age_secs), attempts, error(job)]
    }));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |[id, kind, clip, creator, age, attempts, error]: &[String; 7]| {
        let [id_width, kind_width, clip_width, creator_width, age_width, attempts_width] = widths;
        let line = format!(
            "{id:id_width$}  {kind:kind_width$}  {clip:clip_width$}  {creator:creator_width$}  {age:>age_width$}  \
             {attempts:>attempts_width$}  {error}"
        );
        line.trim_end().to_owned() + "\n"
    };
    lines.iter().map(line).collect()
}

/// The two largest units of an age.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an age in seconds")]
fn age(secs: f64) -> String {
    let secs = secs.max(0.0) as u64;
    let (minutes, hours, days) = (secs / 60, secs / 3600, secs / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{secs} s"),
        (0, 0, _) => format!("{minutes} min {} s", secs % 60),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// On one line, and without what a terminal would obey.
fn error(job: &ListedJob) -> String {
    let code = job.error_code.as_deref().unwrap_or_default();
    let detail = job.error_detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let plain = format!("{code}{detail}").replace(char::is_control, " ");
    if plain.chars().count() <= ERROR_CHARS {
        return plain;
    }
    plain.chars().take(ERROR_CHARS - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use estrade_domain::JobId;

    use super::*;

    const NIL: &str = "00000000-0000-0000-0000-000000000000";

    fn job(kind: &str, attempt: i32, age_secs: f64, error: Option<(&str, &str)>) -> ListedJob {
        ListedJob {
            id: JobId(sqlx::types::Uuid::nil()),
            kind: kind.to_owned(),
            args: serde_json::json!({ "clip_id": NIL, "version_id": NIL }),
            attempt,
            attempts_max: 100,
            age_secs,
            error_code: error.map(|(code, _)| code.to_owned()),
            error_detail: error.map(|(_, detail)| detail.to_owned()),
        }
    }

    #[test]
    fn jobs_stand_in_columns() {
        let jobs = [job("transcode_clip", 3, 7_400.0, Some(("storage", "away\n\u{1b}[31m"))), job("x", 100, 5.0, None)];
        let clip = ClipName { public_id: "2222222222abcdefghij".to_owned(), handle: "ada".to_owned() };
        let names = HashMap::from([(ClipId(sqlx::types::Uuid::nil()), clip)]);
        let expected = format!(
            "JOB                                   KIND            CLIP                  CREATOR        AGE    ATTEMPTS  LAST ERROR\n\
             {NIL}  transcode_clip  2222222222abcdefghij  ada      2 h 3 min    3 of 100  storage: away  [31m\n\
             {NIL}  x               -                     -              5 s  100 of 100\n"
        );
        assert_eq!(table(&jobs, &names), expected);
        assert_eq!(table(&[], &names), "there are none\n");
    }

    #[test]
    fn ages_have_two_units_and_errors_an_end() {
        let ages = [59.9, 61.0, 3_600.0, 90_000.0].map(age);
        assert_eq!(ages, ["59 s", "1 min 1 s", "1 h 0 min", "1 d 1 h"]);
        let long = "é".repeat(500);
        assert_eq!(error(&job("x", 1, 0.0, Some(("code", &long)))).chars().count(), ERROR_CHARS);
    }
}
