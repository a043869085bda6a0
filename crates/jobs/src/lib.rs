//! The job queue: leases, heartbeats, retries, a closed list of kinds
