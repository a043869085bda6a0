//! Rows built in a line, for tests whose subject lies elsewhere: creators and ready clips without
//! an upload behind them.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use estrade_domain::{AccountId, ClipId, Entropy, PublicId, Time};
use sqlx::PgConnection;
use uuid::Uuid;

/// The same name has the same ids in every run.
fn entropy_of(name: &str) -> Entropy {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    Entropy::from_seed(hasher.finish())
}

fn id_of(name: &str) -> Uuid {
    entropy_of(name).uuid(Time::UNIX_EPOCH)
}

fn public_id_of(name: &str) -> PublicId {
    entropy_of(name).public_id()
}

/// A creator without a usable password.
pub async fn insert_creator(conn: &mut PgConnection, handle: &str) -> anyhow::Result<AccountId> {
    let id = id_of(handle);
    sqlx::query(
        "INSERT INTO accounts (id, public_id, handle, name, password_hash, created_at)
         VALUES ($1, $2, $3, $3, 'none', now())",
    )
    .bind(id)
    .bind(public_id_of(handle).to_string())
    .bind(handle)
    .execute(&mut *conn)
    .await?;
    Ok(AccountId(id))
}

/// A public clip that plays nothing, published `age_secs` ago, and the event that tells of it.
pub async fn insert_ready_clip(
    conn: &mut PgConnection,
    creator: AccountId,
    name: &str,
    age_secs: i32,
) -> anyhow::Result<(ClipId, PublicId)> {
    let clip = id_of(name);
    let version = id_of(&format!("version of {name}"));
    let public = public_id_of(name);
    sqlx::raw_sql("BEGIN").execute(&mut *conn).await?;
    sqlx::query(
        "INSERT INTO clips (id, public_id, creator_id, caption, created_at, processing, progress, visibility, publish, published_at, version_id)
         VALUES ($1, $2, $3, $4, now() - make_interval(secs => $5), 'ready', 1, 'public', true, now() - make_interval(secs => $5), $6)",
    )
    .bind(clip)
    .bind(public.to_string())
    .bind(creator.0)
    .bind(name)
    .bind(f64::from(age_secs))
    .bind(version)
    .execute(&mut *conn)
    .await?;
    insert_version(conn, clip, version).await?;
    sqlx::query(
        "INSERT INTO event_log (kind, payload) VALUES ('clip_changed', jsonb_build_object('clip_id', $1::text))",
    )
    .bind(clip.to_string())
    .execute(&mut *conn)
    .await?;
    sqlx::raw_sql("COMMIT").execute(&mut *conn).await?;
    Ok((ClipId(clip), public))
}

async fn insert_version(conn: &mut PgConnection, clip: Uuid, version: Uuid) -> anyhow::Result<()> {
    sqlx::query(
        "INSERT INTO media_versions (id, clip_id, source_key, playlist, first_token, duration_ms, width, height, has_audio, is_complete, created_at)
         VALUES ($1, $2, 'none', '#EXTM3U', 1, 2000, 360, 640, true, true, now())",
    )
    .bind(version)
    .bind(clip)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO renditions (version_id, name, kind, width, height, bandwidth, average_bandwidth, codecs, frame_rate,
                init_bytes, first_bytes, first_ms, playlist)
         VALUES ($1, 'v360', 'video', 360, 640, 400000, 300000, 'avc1.42c01e', 30, 800, 9000, 1000, '#EXTM3U')",
    )
    .bind(version)
    .execute(&mut *conn)
    .await?;
    Ok(())
}
