//! What every test stands on: a world shared by the run, servers of one's own, a strict client.

pub mod client;
pub mod document;
pub mod hls;
pub mod programs;
pub mod raw;
pub mod server;
pub mod tus;
pub mod wait;
pub mod world;

pub use client::Client;
pub use server::Estrade;
pub use wait::eventually;
pub use world::world;
