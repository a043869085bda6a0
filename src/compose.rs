//! The wiring: the only file that knows every crate.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use estrade_api::{
    ApiState, Attempts, ClipStreams, Limits, MediaRemoval, PasswordCost, Passwords, PictureDesk, UploadSetup, Uploads,
};
use estrade_blobs::Blobs;
use estrade_db::PgPool;
use estrade_domain::media_url::MediaUrls;
use estrade_domain::{Entropy, SigningKey, SystemClock};
use estrade_feed::Feed;
use estrade_http::Identity;
use estrade_http::metrics::RequestMetrics;
use estrade_http::rate::RateLimit;
use estrade_http::request::{Observer, no_such_method, observe};
use estrade_http::serve::{ServeOptions, Shutdown, serve as serve_http};
use estrade_jobs::{JobMetrics, Worker};
use estrade_transcoder::jobs::{ExtrasHandler, TranscodeHandler, TranscoderMetrics, WorkDir};
use estrade_transcoder::sandbox::{ChildCommand, Confinement};
use estrade_transcoder::worth::Price;
use prometheus::process_collector::ProcessCollector;
use prometheus::{IntGauge, Registry};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::cli::Role;
use crate::config::{Addresses, Settings};
use crate::operations::{self, Probes};
use crate::{maintenance, pages};

/// Deletions at a time.
const DELETIONS: usize = 2;
/// Posters and files to share made at a time.
const EXTRAS: usize = 1;

/// What a process is made of.
pub(crate) struct Parts {
    pub(crate) role: Role,
    pub(crate) settings: Settings,
    pub(crate) pool: PgPool,
    pub(crate) blobs: Blobs,
    pub(crate) key: SigningKey,
    pub(crate) entropy: Entropy,
    pub(crate) data_dir: PathBuf,
}

/// What every role is started with.
struct Base {
    identity: Identity,
    urls: MediaUrls,
    registry: Registry,
    requests: RequestMetrics,
    jobs: JobMetrics,
}

/// Everything a role runs beside answering requests.
struct Running {
    tasks: TaskTracker,
    stop: CancellationToken,
    uploads: Option<Uploads>,
    feed: Option<Feed>,
    sandbox: Option<Arc<str>>,
    work_dir: Option<WorkDir>,
}

/// Serves a role until `shutdown`; returns when everything it started has ended.
pub(crate) async fn serve(parts: Parts, shutdown: Shutdown) -> anyhow::Result<()> {
    let public = bind(parts.settings.listen).await?;
    let operators = bind(parts.settings.metrics_listen).await?;
    let addresses = parts.settings.addresses(public.local_addr()?)?;
    let base = prepare(&parts, &addresses)?;
    let mut running = Running {
        tasks: TaskTracker::new(),
        stop: shutdown.soft.clone(),
        uploads: None,
        feed: None,
        sandbox: None,
        work_dir: None,
    };
    let mut router = OpenApiRouter::new();
    let mut site = None;
    if parts.role.has_transcoder() {
        start_transcoder(&parts, &base, &mut running).await?;
    }
    if parts.role.has_feed() {
        router = router.merge(start_feed(&parts, &base, &mut running).await?);
    }
    if parts.role.has_api() {
        let api = start_api(&parts, &base, &mut running).await?;
        router = router.merge(estrade_api::router(api.clone(), &Limits::new(connections(&parts), &base.requests)));
        site = Some(pages::routes(api, &addresses.media.origin().ascii_serialization()));
    }
    let probes = Probes {
        pool: parts.pool.clone(),
        blobs: parts.blobs.clone(),
        feed: running.feed.clone(),
        sandbox: running.sandbox.clone(),
        stopping: shutdown.soft.clone(),
    };
    let observer =
        Observer { clock: base.identity.clock, entropy: parts.entropy.clone(), metrics: base.requests.clone() };
    let app = application(router, site, probes.clone(), observer);
    let operator_app = operations::operator_routes(base.registry, parts.pool.clone(), probes)?;
    tracing::info!(
        role = parts.role.as_str(),
        listen = %public.local_addr()?,
        operators = %operators.local_addr()?,
        "ready: {}", addresses.public
    );
    answer(&parts.settings, (public, app), (operators, operator_app), base.requests.connections, &shutdown).await?;
    finish(running, &shutdown).await;
    Ok(())
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

fn prepare(parts: &Parts, addresses: &Addresses) -> anyhow::Result<Base> {
    let registry = Registry::new();
    registry.register(Box::new(ProcessCollector::for_self()))?;
    let identity = Identity {
        pool: parts.pool.clone(),
        clock: Arc::new(SystemClock),
        entropy: parts.entropy.clone(),
        public_url: addresses.public.clone(),
        guests: Arc::new(RateLimit::new(parts.settings.accounts.guests_per_minute)),
    };
    if !identity.has_secure_cookies() {
        tracing::warn!(url = %identity.public_url, "cookies travel over plain HTTP; put TLS in front and set ESTRADE_PUBLIC_URL");
    }
    Ok(Base {
        identity,
        urls: MediaUrls::new(&addresses.media, parts.key.clone()),
        requests: RequestMetrics::new(&registry)?,
        jobs: JobMetrics::new(&registry)?,
        registry,
    })
}

fn connections(parts: &Parts) -> usize {
    usize::try_from(parts.settings.store.database_connections).unwrap_or(usize::MAX)
}

/// Both listeners, until the drain ends. The operators' one answers as long as the public one.
async fn answer(
    settings: &Settings,
    (public, app): (TcpListener, Router),
    (operators, operator_app): (TcpListener, Router),
    gauge: IntGauge,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let options = ServeOptions {
        connections_max: settings.connections_max,
        connections_per_address: settings.connections_per_address,
        trusted_proxies: settings.trusted_proxies.clone(),
    };
    let operator_gauge = IntGauge::new("operators", "connections")?;
    let operator_shutdown = Shutdown { soft: CancellationToken::new(), hard: CancellationToken::new() };
    let operator_loop =
        tokio::spawn(serve_http(operators, operator_app, options.clone(), operator_gauge, operator_shutdown.clone()));
    serve_http(public, app, options, gauge, shutdown.clone()).await;
    operator_shutdown.soft.cancel();
    operator_shutdown.hard.cancel();
    Ok(operator_loop.await?)
}

async fn finish(running: Running, shutdown: &Shutdown) {
    if let Some(uploads) = &running.uploads {
        uploads.stop().await;
    }
    running.tasks.close();
    tokio::select! {
        () = running.tasks.wait() => {}
        () = shutdown.hard.cancelled() => tracing::warn!("background work did not end in time and was cut"),
    }
}

fn application(router: OpenApiRouter, site: Option<Router>, probes: Probes, observer: Observer) -> Router {
    let (router, document) = router.split_for_parts();
    let document = Arc::new(describe(document));
    let described = router
        .route("/v1/openapi.json", get(move || async move { Json((*document).clone()) }))
        .route("/docs", get(|| async { Html(include_str!("docs.html")) }))
        .route("/docs.js", get(|| async { ([(CONTENT_TYPE, "text/javascript")], include_str!("docs.js")) }))
        .merge(operations::health_routes(probes));
    let whole = match site {
        Some(site) => described.merge(site),
        None => described.fallback(estrade_http::request::no_such_route),
    };
    // Segments are compressed already, and event streams must not wait for a full block.
    let compressible = DefaultPredicate::new()
        .and(NotForContentType::const_new("video/"))
        .and(NotForContentType::const_new("audio/"))
        .and(NotForContentType::SSE);
    whole
        .method_not_allowed_fallback(no_such_method)
        .layer(CompressionLayer::new().gzip(true).compress_when(compressible))
        .layer(from_fn_with_state(observer, observe))
}

async fn start_transcoder(parts: &Parts, base: &Base, running: &mut Running) -> anyhow::Result<()> {
    let args = &parts.settings.transcoder;
    let mut command = ChildCommand::this_program()?;
    if args.insecure_transcoder {
        command.confinement = Confinement::BestEffort;
    }
    let named = args.transcoder_dir.clone().unwrap_or_else(|| parts.data_dir.join("work"));
    let place = WorkDir::claim(&named).with_context(|| format!("cannot use the work folder {}", named.display()))?;
    let work_dir = place.path().to_owned();
    running.work_dir = Some(place);
    let metrics = TranscoderMetrics::new(&base.registry)?;
    running.sandbox = Some(check_sandbox(&command, &work_dir, &metrics).await?);
    command.on_end = metrics.count_children();
    let extras = ExtrasHandler {
        pool: parts.pool.clone(),
        blobs: parts.blobs.clone(),
        clock: Arc::clone(&base.identity.clock),
        entropy: parts.entropy.clone(),
        command: command.clone(),
        work_dir: work_dir.clone(),
    };
    let handler = TranscodeHandler {
        pool: parts.pool.clone(),
        blobs: parts.blobs.clone(),
        clock: Arc::clone(&base.identity.clock),
        entropy: parts.entropy.clone(),
        command,
        work_dir,
        metrics,
    };
    running.tasks.spawn({
        let (keeper, stop) = (handler.clone(), running.stop.clone());
        async move { keeper.keep(stop).await }
    });
    running.tasks.spawn({
        let (keeper, stop) = (handler.clone(), running.stop.clone());
        let price = Price { bytes_per_cpu_second: args.transcoder_bytes_per_cpu_second };
        async move { keeper.keep_families(price, stop).await }
    });
    let places = args.transcoder_jobs.max(1);
    let worker =
        Worker::new(handler, parts.pool.clone(), worker_name(parts), places, base.jobs.clone(), parts.entropy.clone());
    running.tasks.spawn(worker.run(running.stop.clone()));
    // A place of its own: somebody looks at the page and waits, whatever else is in the queue.
    let worker =
        Worker::new(extras, parts.pool.clone(), worker_name(parts), EXTRAS, base.jobs.clone(), parts.entropy.clone());
    running.tasks.spawn(worker.run(running.stop.clone()));
    Ok(())
}

/// The transcoder does not start where a hostile file would not be contained, unless told to.
async fn check_sandbox(
    command: &ChildCommand,
    work_dir: &Path,
    metrics: &TranscoderMetrics,
) -> anyhow::Result<Arc<str>> {
    let report = estrade_transcoder::check_sandbox(command, work_dir).await.context(
        "media cannot be read in containment on this machine (estrade doctor says more); \
         --insecure-transcoder reads it all the same",
    )?;
    let open: Vec<&str> =
        report.attempts.iter().filter(|attempt| !attempt.refused).map(|attempt| attempt.what.as_str()).collect();
    metrics.is_contained.set(i64::from(open.is_empty()));
    metrics.gaps.set(i64::try_from(report.gaps.len()).unwrap_or(i64::MAX));
    if open.is_empty() && report.gaps.is_empty() {
        return Ok("ok".into());
    }
    let gaps = report.gaps.join(", ");
    if open.is_empty() {
        tracing::warn!(gaps, "an old kernel: this is left to the filter of system calls alone");
        return Ok(format!("ok; left to seccomp alone: {gaps}").into());
    }
    tracing::error!(open = ?open, "INSECURE: the child that reads media is not contained");
    anyhow::ensure!(
        command.confinement == Confinement::BestEffort,
        "the child that reads media can reach: {}",
        open.join(", ")
    );
    Ok(format!("insecure: {}", open.join(", ")).into())
}

fn worker_name(parts: &Parts) -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}-{}-{}", parts.role.as_str(), std::process::id())
}

async fn start_feed(parts: &Parts, base: &Base, running: &mut Running) -> anyhow::Result<OpenApiRouter> {
    let setup = estrade_feed::Setup {
        identity: base.identity.clone(),
        urls: base.urls.clone(),
        key: parts.key.clone(),
        args: parts.settings.feed.clone(),
        registry: &base.registry,
    };
    let feed = Feed::load(setup).await.context("the feed cannot be loaded")?;
    let router = feed.router();
    running.tasks.spawn({
        let (feed, stop) = (feed.clone(), running.stop.clone());
        async move { feed.run(stop).await }
    });
    running.feed = Some(feed);
    Ok(router)
}

async fn start_api(parts: &Parts, base: &Base, running: &mut Running) -> anyhow::Result<ApiState> {
    let settings = &parts.settings;
    let clock = &base.identity.clock;
    let uploads = Uploads::start(UploadSetup {
        pool: parts.pool.clone(),
        blobs: parts.blobs.clone(),
        clock: Arc::clone(clock),
        entropy: parts.entropy.clone(),
        args: settings.uploads.clone(),
        data_dir: &parts.data_dir,
        soft: running.stop.clone(),
        registry: &base.registry,
        requests: &base.requests,
    })
    .await?;
    let cost =
        PasswordCost { memory_kib: settings.accounts.password_memory_kib, passes: settings.accounts.password_passes };
    let streams = ClipStreams::new(running.stop.clone());
    running.tasks.spawn(streams.clone().run(parts.pool.clone()));
    running.tasks.spawn(maintenance::run(
        parts.pool.clone(),
        Arc::clone(clock),
        parts.entropy.clone(),
        running.stop.clone(),
    ));
    let deletion = MediaRemoval::new(parts.pool.clone(), parts.blobs.clone(), settings.purge_url.clone())?;
    let worker = Worker::new(
        deletion,
        parts.pool.clone(),
        worker_name(parts),
        DELETIONS,
        base.jobs.clone(),
        parts.entropy.clone(),
    );
    running.tasks.spawn(worker.run(running.stop.clone()));
    running.uploads = Some(uploads.clone());
    Ok(ApiState {
        identity: base.identity.clone(),
        urls: base.urls.clone(),
        key: parts.key.clone(),
        blobs: parts.blobs.clone(),
        passwords: Passwords::new(cost, parts.entropy.clone())?,
        attempts: Attempts::new(&settings.accounts),
        pictures: PictureDesk::default(),
        streams,
        uploads,
        unreadable_clips: estrade_api::count_unreadable_clips(&base.registry)?,
    })
}

fn describe(mut document: OpenApi) -> OpenApi {
    "Estrade".clone_into(&mut document.info.title);
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    document.info.description = Some(
        "Upload, playback, feeds and events of Estrade. Times are RFC 3339 UTC, durations end in `_ms`, sizes in `_bytes`, \
         ids are opaque strings. Errors are RFC 9457 problems: switch on `code`."
            .to_owned(),
    );
    document.info.license = Some(utoipa::openapi::License::new("Apache-2.0"));
    // The router brings an empty one.
    document.info.contact = None;
    document
}

/// Prints the API document of all roles.
pub(crate) fn print_openapi() -> anyhow::Result<()> {
    let document = estrade_api::document().merge_from(estrade_feed::document());
    println!("{}", serde_json::to_string_pretty(&describe(document))?);
    Ok(())
}
