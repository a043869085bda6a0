//! What one run of the tests shares: a PostgreSQL cluster, an S3 endpoint, generated media, and a
//! server for tests that are isolated by their accounts.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, mpsc};

use estrade_embedded::s3::{S3Endpoint, S3Options};
use estrade_testkit::media::Clip;
use estrade_testkit::{MediaShelf, TestCluster};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use super::server::Estrade;

pub const S3_ACCESS_KEY: &str = "tests";
pub const S3_SECRET_KEY: &str = "a secret of the tests";
pub const S3_REGION: &str = "estrade";

pub struct World {
    pub cluster: TestCluster,
    endpoint: S3Endpoint,
    pub shelf: MediaShelf,
    scratch: PathBuf,
    names: AtomicU32,
    orders: Mutex<mpsc::Sender<Order>>,
    /// Keeps cluster and endpoint going, whatever runtimes the tests have.
    _runtime: Runtime,
}

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// The world, made when the first test asks for it.
pub fn world() -> &'static World {
    static WORLD: LazyLock<World> = LazyLock::new(|| {
        // A runtime may not be entered from within a test's own.
        std::thread::spawn(World::make).join().expect("the world is made")
    });
    &WORLD
}

/// The server of all tests that need none of their own.
pub async fn shared_server() -> &'static Estrade {
    static SERVER: OnceCell<Estrade> = OnceCell::const_new();
    SERVER.get_or_init(Estrade::start).await
}

impl World {
    fn make() -> Self {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let runtime = Runtime::new().expect("a runtime");
        let cluster = runtime.block_on(TestCluster::start(base)).expect("a cluster");
        let scratch = estrade_testkit::cluster::reachable(base).join("runs");
        let _ = std::fs::remove_dir_all(&scratch);
        std::fs::create_dir_all(&scratch).expect("a scratch folder");
        let options = S3Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            access_key: S3_ACCESS_KEY.to_owned(),
            secret_key: S3_SECRET_KEY.to_owned(),
            region: S3_REGION.to_owned(),
            sync: false,
        };
        let endpoint = runtime.block_on(S3Endpoint::start(&scratch.join("objects"), options)).expect("an S3 endpoint");
        Self {
            cluster,
            endpoint,
            shelf: MediaShelf::new(&base.join("media")),
            scratch,
            names: AtomicU32::new(0),
            orders: Mutex::new(start_spawner()),
            _runtime: runtime,
        }
    }

    pub fn s3_url(&self) -> String {
        self.endpoint.endpoint_url()
    }

    /// A name nobody else in this run has: for buckets, folders and handles.
    pub fn unique(&self, stem: &str) -> String {
        format!("{stem}{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// A path of one's own below the run's scratch folder; nothing is there yet.
    pub fn fresh_path(&self, stem: &str) -> PathBuf {
        self.scratch.join(self.unique(stem))
    }

    /// The bytes of a generated clip.
    pub fn clip_bytes(&self, clip: Clip) -> Vec<u8> {
        std::fs::read(self.shelf.clip(clip).expect("a clip")).expect("its bytes")
    }

    /// Starts a program that ends when this process does, however that ends.
    pub fn spawn(&self, command: Command) -> Child {
        let (sender, receiver) = mpsc::channel();
        self.orders.lock().expect("the spawner").send((command, sender)).expect("the spawner lives");
        receiver.recv().expect("an answer").expect("the program starts")
    }
}

/// The signal on a parent's death follows the thread that made the child: one that lives as long as
/// the run makes them all.
fn start_spawner() -> mpsc::Sender<Order> {
    let (sender, orders) = mpsc::channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, answer) in orders {
            let _ = answer.send(command.spawn());
        }
    });
    sender
}
