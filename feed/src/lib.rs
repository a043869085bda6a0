//! Service: who sees what next
