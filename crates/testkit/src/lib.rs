//! For tests only: template databases, clock, generated media
