use std::fmt::Display;

/// What a database call ends in.
pub type Result<T, E = DbError> = std::result::Result<T, E>;

/// Why a database call failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// PostgreSQL refused or could not be reached.
    #[error("database")]
    Sqlx(#[from] sqlx::Error),
    /// A migration failed.
    #[error("migration")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row does not fit the model.
    #[error("row {id} of {table} has no valid {column}")]
    Corrupt {
        /// Its table.
        table: &'static str,
        /// The column that does not fit.
        column: &'static str,
        /// The row's id.
        id: String,
    },
    /// The database URL is not usable.
    #[error("database url: {0}")]
    Url(String),
}

/// What was found of a list. A row that does not fit the model is left out of it: one bad row must not hide the others.
#[derive(Debug)]
pub struct Found<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// What is wrong with those that were left out, for whoever asked to tell.
    pub unreadable: Vec<DbError>,
}

impl<T> FromIterator<Result<T>> for Found<T> {
    fn from_iter<I: IntoIterator<Item = Result<T>>>(rows: I) -> Self {
        let mut found = Self { rows: Vec::new(), unreadable: Vec::new() };
        for row in rows {
            match row {
                Ok(row) => found.rows.push(row),
                Err(error) => found.unreadable.push(error),
            }
        }
        found
    }
}

impl DbError {
    /// A row that violates the model.
    pub fn corrupt(table: &'static str, column: &'static str, id: impl Display) -> Self {
        Self::Corrupt { table, column, id: id.to_string() }
    }

    /// The constraint that refused the statement, if one did.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Sqlx(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }

    /// Whether the database could not be reached or had no free connection: worth another try.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Sqlx(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed) => true,
            // 57P: shutting down; 53: out of resources; 08: connection broken.
            Self::Sqlx(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| ["57P", "53", "08"].iter().any(|class| code.starts_with(class)))
            }
            _ => false,
        }
    }

    /// Whether two transactions got in each other's way: the same call may succeed when repeated.
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::Sqlx(sqlx::Error::Database(error)) => {
                error.code().is_some_and(|code| code == "40001" || code == "40P01")
            }
            _ => false,
        }
    }
}
