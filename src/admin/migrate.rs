use crate::config::StoreSettings;
use crate::serve::Database;

/// Applies missing migrations.
pub(crate) async fn run(store: &StoreSettings) -> anyhow::Result<()> {
    let database = Database::for_command(store).await?;
    println!("the database is up to date");
    database.close().await
}
