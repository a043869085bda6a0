//! Everything PostgreSQL: pool, migrations, all SQL
