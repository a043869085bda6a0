use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use estrade_domain::{Clock, Entropy, SystemClock};
use estrade_transcoder::sandbox::ChildCommand;

use super::Finding;
use crate::config::Settings;
use crate::operations;
use crate::serve::{Database, Objects};

/// Below this much free space uploads may be refused soon, bytes (10 GiB).
const DISK_LOW: u64 = 10 << 30;
/// Clocks further apart than this make tickets and leases unreliable, milliseconds.
const CLOCK_SKEW_MS: i64 = 2000;
/// The running server answers within this time.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// Every check, in the order a newcomer needs them.
pub(super) async fn all(settings: &Settings) -> Vec<(&'static str, Finding)> {
    let mut found = vec![("version", Finding::Good(version())), ("disk", disk(settings)), ("codecs", codecs())];
    found.push(("sandbox", sandbox().await));
    match ask_running(settings.metrics_listen) {
        Some(answer) => found.push(("server", answer)),
        None => found.extend(stores(settings).await),
    }
    found
}

fn version() -> String {
    let system = rustix::system::uname();
    let kernel = system.release().to_string_lossy().into_owned();
    format!(
        "estrade {}, libavcodec {}, kernel {kernel}",
        env!("CARGO_PKG_VERSION"),
        estrade_transcoder::media::libav_version()
    )
}

fn disk(settings: &Settings) -> Finding {
    let dir = &settings.store.data_dir;
    let shown = dir.display();
    if let Err(error) = std::fs::create_dir_all(dir) {
        return Finding::Bad(
            format!("the data folder {shown} cannot be made: {error}"),
            "give another --data-dir".into(),
        );
    }
    match rustix::fs::statvfs(dir.as_path()) {
        Ok(stat) => {
            let free = stat.f_bavail * stat.f_frsize;
            let text = format!("{} GiB free below {shown}", free >> 30);
            if free < DISK_LOW {
                Finding::Warning(text, "make room, or give another --data-dir".into())
            } else {
                Finding::Good(text)
            }
        }
        Err(error) => Finding::Bad(format!("{shown}: {error}"), "give another --data-dir".into()),
    }
}

fn codecs() -> Finding {
    let missing = estrade_transcoder::media::missing_parts();
    if missing.is_empty() {
        return Finding::Good("every decoder, encoder and filter is there".into());
    }
    Finding::Bad(
        format!("FFmpeg lacks {}", missing.join(", ")),
        "install Debian's FFmpeg libraries: cargo xtask up does".into(),
    )
}

async fn sandbox() -> Finding {
    let advice = "run a kernel with Landlock (5.13 or newer) and seccomp; see docs/OPERATIONS.md";
    let tried = async {
        let dir = tempfile::tempdir()?;
        let command = ChildCommand::this_program()?;
        anyhow::Ok(estrade_transcoder::check_sandbox(&command, dir.path()).await?)
    };
    match tried.await {
        Ok(report) if report.holds() => {
            let tried = format!("the child that reads media is contained ({} ways out tried)", report.attempts.len());
            match report.gaps.join(", ") {
                gaps if gaps.is_empty() => Finding::Good(tried),
                gaps => Finding::Good(format!("{tried}; this kernel leaves {gaps} to seccomp alone")),
            }
        }
        Ok(report) => {
            let open: Vec<&str> = report.attempts.iter().filter(|a| !a.refused).map(|a| a.what.as_str()).collect();
            Finding::Bad(format!("the child that reads media can reach: {}", open.join(", ")), advice.into())
        }
        Err(error) => Finding::Bad(format!("{error:#}"), advice.into()),
    }
}

/// What the server that runs here says of itself.
fn ask_running(operators: SocketAddr) -> Option<Finding> {
    let mut stream = TcpStream::connect_timeout(&operators, ASK_TIMEOUT).ok()?;
    stream.set_read_timeout(Some(ASK_TIMEOUT)).ok()?;
    stream
        .write_all(format!("GET /readyz HTTP/1.1\r\nHost: {operators}\r\nConnection: close\r\n\r\n").as_bytes())
        .ok()?;
    let mut answer = String::new();
    stream.take(64 << 10).read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    if head.starts_with("HTTP/1.1 200") {
        return Some(Finding::Good(format!("is running and ready: {body}")));
    }
    Some(Finding::Bad(format!("is running and not ready: {body}"), "its log says more".into()))
}

async fn stores(settings: &Settings) -> Vec<(&'static str, Finding)> {
    let opened = Database::for_command(&settings.store).await;
    let database = match opened {
        Ok(database) => database,
        Err(error) => {
            let advice = "install postgresql-15 (cargo xtask up does), or set ESTRADE_DATABASE_URL";
            return vec![("database", Finding::Bad(format!("{error:#}"), advice.into()))];
        }
    };
    let mut found = vec![("database", database_answers(&database).await), ("clock", clock(&database).await)];
    if let Err(error) = database.close().await {
        found.push((
            "database",
            Finding::Bad(format!("does not stop: {error:#}"), "its log is in the data folder".into()),
        ));
    }
    found.push(("objects", objects(settings).await));
    found
}

async fn database_answers(database: &Database) -> Finding {
    match operations::check_database(&database.pool).await {
        Ok(()) => Finding::Good("answers, and every migration is applied".into()),
        Err(error) => Finding::Bad(error, "see the database's log".into()),
    }
}

async fn clock(database: &Database) -> Finding {
    match estrade_db::now(&database.pool).await {
        Ok(theirs) => {
            let skew = (SystemClock.now() - theirs).num_milliseconds();
            if skew.abs() > CLOCK_SKEW_MS {
                return Finding::Bad(
                    format!("is {skew} ms off the database's"),
                    "run a time service, such as chrony".into(),
                );
            }
            Finding::Good(format!("agrees with the database's to {} ms", skew.abs()))
        }
        Err(error) => Finding::Bad(format!("{error:#}"), "see the database's log".into()),
    }
}

async fn objects(settings: &Settings) -> Finding {
    match Objects::for_command(settings, &Entropy::from_os()).await {
        Ok(objects) => {
            objects.close().await;
            Finding::Good("the store answers and the bucket is there".into())
        }
        Err(error) => Finding::Bad(format!("{error:#}"), "check ESTRADE_S3_ENDPOINT, its keys and the bucket".into()),
    }
}
