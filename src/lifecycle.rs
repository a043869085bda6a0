//! Two-stage shutdown: first no new work and everything in flight may finish, then what is left is cut.

use std::time::Duration;

use estrade_http::serve::Shutdown;
use tokio::signal::unix::{SignalKind, signal};

/// Fires the soft stage on SIGTERM or Ctrl-C, the hard one after `drain` or on a second signal.
pub(crate) fn on_signals(drain: Duration) -> anyhow::Result<Shutdown> {
    let shutdown = Shutdown::default();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stages = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stages.soft.cancelled() => {}
        }
        tracing::info!("stopping; what is in flight may finish");
        stages.soft.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = tokio::time::sleep(drain) => {}
        }
        stages.hard.cancel();
    });
    Ok(shutdown)
}
