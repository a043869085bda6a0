//! For tests only: a cluster with a template database, generated media, rows built in a line.

pub mod cluster;
pub mod media;
pub mod rows;

pub use cluster::TestCluster;
pub use media::MediaShelf;
