//! Alerts and dashboards ask for metrics that exist.

use std::collections::BTreeSet;

use super::Source;
use super::rust_source::line_of;

const PREFIX: &str = "estrade_";
/// What a histogram adds to its name.
const SUFFIXES: &[&str] = &["_bucket", "_count", "_sum"];

/// Checks the names in `deploy/` against the strings in the code.
pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let made: BTreeSet<&str> = sources
        .iter()
        .filter(|source| source.has_extension("rs"))
        .flat_map(|source| names(&source.text).map(|(_, name)| name))
        .collect();
    let asked = sources.iter().filter(|source| is_monitoring(&source.path));
    let mut offences = Vec::new();
    for source in asked {
        for (at, name) in names(&source.text) {
            if !exists(&made, name) {
                let line = line_of(&source.text, at);
                offences.push(format!("{}:{line}: no code makes the metric {name}", source.path));
            }
        }
    }
    offences
}

fn is_monitoring(path: &str) -> bool {
    path.starts_with("deploy/prometheus/") || path.starts_with("deploy/grafana/")
}

fn exists(made: &BTreeSet<&str>, name: &str) -> bool {
    let stems = SUFFIXES.iter().filter_map(|suffix| name.strip_suffix(suffix));
    stems.chain([name]).any(|stem| made.contains(stem))
}

/// Every word that starts like a metric, with its place.
fn names(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices(PREFIX).map(|(at, _)| {
        let rest = &text[at..];
        let end = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_');
        (at, &rest[..end.unwrap_or(rest.len())])
    })
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn check_rule(rule: &str) -> Vec<String> {
        let code = "HistogramOpts::new(\"estrade_feed_page_seconds\", \"Time\")";
        let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        check(&[source("feed/src/metrics.rs", code), source("deploy/prometheus/rules.yml", rule)])
    }

    #[test]
    fn a_metric_of_the_code_may_be_asked_for() {
        assert!(check_rule("rate(estrade_feed_page_seconds_bucket[5m])").is_empty());
        assert!(check_rule("up{job=\"estrade\"}").is_empty());
    }

    #[test]
    fn a_metric_that_nobody_makes_is_an_offence() {
        assert_eq!(
            check_rule("a\nestrade_feed_pages_total > 1"),
            ["deploy/prometheus/rules.yml:2: no code makes the metric estrade_feed_pages_total"]
        );
    }
}
