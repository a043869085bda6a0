//! One private `PostgreSQL` cluster for a run of tests, and a fresh migrated database for each test.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use estrade_embedded::postgres::{PostgresCluster, PostgresOptions};
use sqlx::{Connection, PgConnection};

/// The database every test's is a copy of.
const TEMPLATE: &str = "estrade_template";

/// A running cluster; its server ends with this process, however that ends.
#[derive(Debug)]
pub struct TestCluster {
    cluster: PostgresCluster,
    copies: AtomicU32,
    /// Held for the whole run: the next run waits for it.
    _turn: File,
}

impl TestCluster {
    /// Starts the cluster kept near `base` and makes its template anew; what earlier runs left in it
    /// is dropped. Waits while another run has it.
    pub async fn start(base: &Path) -> anyhow::Result<Self> {
        let folder = reachable(base).join("cluster");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let turn = File::create(folder.join("turn")).context("cannot write to the cluster's folder")?;
        turn.lock().context("cannot wait for another run of the tests")?;
        let cluster = PostgresCluster::start_with(&folder.join("postgres"), PostgresOptions::for_tests()).await?;
        let started = Self { cluster, copies: AtomicU32::new(0), _turn: turn };
        started.drop_leftovers().await?;
        let template = started.cluster.url(TEMPLATE);
        estrade_db::create_database(&template).await?;
        let pool = estrade_db::connect(&template, 1).await?;
        estrade_db::migrate(&pool).await?;
        pool.close().await;
        Ok(started)
    }

    /// A fresh, migrated database; its URL.
    pub async fn create_database(&self) -> anyhow::Result<String> {
        let name = format!("estrade_{}", self.copies.fetch_add(1, Ordering::Relaxed));
        let mut conn = self.admin().await?;
        let statement = format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await?;
        conn.close().await?;
        Ok(self.cluster.url(&name))
    }

    async fn admin(&self) -> anyhow::Result<PgConnection> {
        Ok(PgConnection::connect(&self.cluster.url("postgres")).await?)
    }

    async fn drop_leftovers(&self) -> anyhow::Result<()> {
        let mut conn = self.admin().await?;
        let names: Vec<String> = sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname LIKE 'estrade%'")
            .fetch_all(&mut conn)
            .await?;
        for name in names {
            let statement = format!("DROP DATABASE {name} WITH (FORCE)");
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut conn).await?;
        }
        Ok(conn.close().await?)
    }
}

/// A folder below `base` or, where a server that has dropped root could not get there, one in /tmp
/// that is always the same for `base`.
pub fn reachable(base: &Path) -> PathBuf {
    let is_open = |folder: &Path| fs::metadata(folder).is_ok_and(|meta| meta.mode() & 0o001 != 0);
    if base.ancestors().filter(|folder| folder.is_absolute()).all(is_open) {
        return base.to_owned();
    }
    let mut hasher = DefaultHasher::new();
    base.hash(&mut hasher);
    std::env::temp_dir().join(format!("estrade-tests-{:016x}", hasher.finish()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::reachable;

    #[test]
    fn a_folder_the_server_cannot_reach_is_replaced_by_one_it_can() {
        let scratch = tempfile::tempdir().expect("a folder");
        let inner = scratch.path().join("a/b");
        std::fs::create_dir_all(&inner).expect("made");
        let set = |mode| std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(mode)).expect("mode");
        set(0o711);
        assert_eq!(reachable(&inner), inner);
        set(0o700);
        assert_ne!(reachable(&inner), inner);
        assert_eq!(reachable(&inner), reachable(&inner));
    }
}
