//! The ordered event log: append, read on from an offset
