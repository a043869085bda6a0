//! A serving process from start to stop: brings along what is not given, composes the roles, drains.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use estrade_blobs::{Blobs, Connection};
use estrade_db::PgPool;
use estrade_domain::Entropy;
use estrade_embedded::postgres::PostgresCluster;
use estrade_embedded::s3::{S3Endpoint, S3Options};

use crate::cli::Role;
use crate::compose;
use crate::config::{Settings, StoreSettings};
use crate::data_dir::DataDir;
use crate::lifecycle;
use crate::telemetry;

/// Name of the database in the private cluster.
const DATABASE_NAME: &str = "estrade";
/// Access key of the embedded object store; its secret is drawn at first start.
const S3_ACCESS_KEY: &str = "estrade";

/// A connected, migrated database and the private cluster behind it, if it is ours.
pub(crate) struct Database {
    pub(crate) pool: PgPool,
    cluster: Option<PostgresCluster>,
}

impl Database {
    /// Connects to the database that was given, or runs the private cluster below `data_dir`.
    async fn open(store: &StoreSettings, data_dir: &Path) -> anyhow::Result<Self> {
        let (url, cluster) = if let Some(url) = &store.database_url {
            (url.clone(), None)
        } else {
            let cluster = PostgresCluster::start(&data_dir.join("postgres")).await?;
            (cluster.url(DATABASE_NAME), Some(cluster))
        };
        let pool = Self::connect(&url, store.database_connections, cluster.is_some()).await?;
        Ok(Self { pool, cluster })
    }

    async fn connect(url: &str, connections: u32, is_ours: bool) -> anyhow::Result<PgPool> {
        if is_ours {
            estrade_db::create_database(url).await.context("cannot create the database")?;
        }
        let pool = estrade_db::connect(url, connections).await.context("cannot connect to the database")?;
        estrade_db::migrate(&pool).await.context("cannot migrate the database")?;
        Ok(pool)
    }

    /// For a command: joins the private cluster of a running `estrade serve`, or runs it meanwhile.
    pub(crate) async fn for_command(store: &StoreSettings) -> anyhow::Result<Self> {
        if store.database_url.is_none() {
            let folder = store.data_dir.join("postgres");
            if let Some(url) = PostgresCluster::find_running_url(&folder, DATABASE_NAME).await? {
                let pool = Self::connect(&url, 2, true).await?;
                return Ok(Self { pool, cluster: None });
            }
        }
        let data = DataDir::open(&store.data_dir)?;
        Self::open(store, data.path()).await
    }

    /// Closes the connections and stops the cluster, if it is ours.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.pool.close().await;
        if let Some(cluster) = self.cluster {
            cluster.stop().await?;
        }
        Ok(())
    }

    /// Ends when a cluster of ours does.
    async fn lost(&self) {
        match &self.cluster {
            Some(cluster) => cluster.wait_for_exit().await,
            None => std::future::pending().await,
        }
    }
}

/// The object store, and the endpoint behind it, if it is ours.
pub(crate) struct Objects {
    blobs: Blobs,
    endpoint: Option<S3Endpoint>,
}

impl Objects {
    async fn open(settings: &Settings, data: &DataDir, entropy: &Entropy) -> anyhow::Result<Self> {
        let (connection, endpoint) = if let Some(endpoint) = &settings.s3.endpoint {
            (given_store(&settings.s3, endpoint)?, None)
        } else {
            let (connection, endpoint) = start_endpoint(settings, data, entropy).await?;
            (connection, Some(endpoint))
        };
        let blobs = Blobs::new(&connection);
        blobs.ensure_bucket().await.context("the object store does not answer")?;
        Ok(Self { blobs, endpoint })
    }

    /// For a command, while no server runs in the data folder.
    pub(crate) async fn for_command(settings: &Settings, entropy: &Entropy) -> anyhow::Result<Self> {
        let data = DataDir::open(&settings.store.data_dir)?;
        Self::open(settings, &data, entropy).await
    }

    /// Stops the endpoint, if it is ours.
    pub(crate) async fn close(self) {
        if let Some(endpoint) = self.endpoint {
            endpoint.stop().await;
        }
    }
}

fn given_store(args: &estrade_blobs::Args, endpoint: &str) -> anyhow::Result<Connection> {
    let (Some(access_key), Some(secret_key)) = (args.access_key.clone(), args.secret_key.clone()) else {
        bail!("an S3 endpoint needs ESTRADE_S3_ACCESS_KEY and ESTRADE_S3_SECRET_KEY");
    };
    let (bucket, region) = (args.bucket.clone(), args.region.clone());
    Ok(Connection { endpoint: endpoint.to_owned(), bucket, region, access_key, secret_key })
}

async fn start_endpoint(
    settings: &Settings,
    data: &DataDir,
    entropy: &Entropy,
) -> anyhow::Result<(Connection, S3Endpoint)> {
    let secret_key = data.secret("s3-secret-key", entropy)?;
    let options = S3Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        access_key: S3_ACCESS_KEY.to_owned(),
        secret_key: secret_key.clone(),
        region: settings.s3.region.clone(),
        sync: true,
    };
    let endpoint = S3Endpoint::start(&data.path().join("objects"), options)
        .await
        .context("cannot start the embedded object store")?;
    let connection = Connection {
        endpoint: endpoint.endpoint_url(),
        bucket: settings.s3.bucket.clone(),
        region: settings.s3.region.clone(),
        access_key: S3_ACCESS_KEY.to_owned(),
        secret_key,
    };
    Ok((connection, endpoint))
}

/// Serves a role until a signal.
pub(crate) async fn run(role: Role, settings: Settings) -> anyhow::Result<()> {
    telemetry::start_logging(settings.log_format);
    require_shared_stores(role, &settings)?;
    let shutdown = lifecycle::on_signals(Duration::from_secs(settings.drain_secs))?;
    let entropy = Entropy::from_os();
    let data = DataDir::open(&settings.store.data_dir)?;
    let database = Database::open(&settings.store, data.path()).await?;
    let objects = Objects::open(&settings, &data, &entropy).await?;
    let key = data.signing_key(settings.signing_key.as_deref(), &entropy)?;
    let parts = compose::Parts {
        role,
        settings,
        pool: database.pool.clone(),
        blobs: objects.blobs.clone(),
        key,
        entropy,
        data_dir: data.path().to_owned(),
    };
    let stopped = shutdown.soft.clone();
    let served = tokio::select! {
        served = compose::serve(parts, shutdown.clone()) => served,
        () = database.lost() => {
            stopped.cancel();
            Err(anyhow::anyhow!("the private PostgreSQL cluster ended; its log is in the data folder"))
        }
    };
    objects.close().await;
    database.close().await?;
    tracing::info!("stopped");
    served
}

/// A role of its own shares its stores with the others; what is brought along cannot be shared.
fn require_shared_stores(role: Role, settings: &Settings) -> anyhow::Result<()> {
    let is_shared = settings.store.database_url.is_some() && settings.s3.endpoint.is_some();
    if role == Role::All || is_shared {
        return Ok(());
    }
    bail!(
        "estrade {} works beside other processes and needs ESTRADE_DATABASE_URL and ESTRADE_S3_ENDPOINT; \
         estrade serve brings both along",
        role.as_str()
    );
}
