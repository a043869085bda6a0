//! Who sees what next.

mod assembly;
mod filters;
mod hydrators;
mod learning;
mod parameters;
mod pipeline;
mod scorers;
mod selectors;
mod slates;
mod sources;
mod viewers;
mod world;
