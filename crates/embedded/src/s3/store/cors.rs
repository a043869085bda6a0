//! Which web pages may talk to a bucket. Values in, values out.

use serde::{Deserialize, Serialize};

/// One rule of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CorsRule {
    pub(crate) origins: Vec<String>,
    pub(crate) methods: Vec<String>,
    pub(crate) allowed_headers: Vec<String>,
    pub(crate) exposed_headers: Vec<String>,
    pub(crate) max_age_secs: Option<u32>,
}

/// What a browser asks before, or along with, a request from another origin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Preflight<'a> {
    pub(crate) origin: &'a str,
    pub(crate) method: &'a str,
    /// The names in `Access-Control-Request-Headers`, comma separated.
    pub(crate) headers: &'a str,
}

impl CorsRule {
    /// The first rule that allows all of it.
    pub(crate) fn find<'r>(rules: &'r [Self], asked: &Preflight<'_>) -> Option<&'r Self> {
        rules.iter().find(|rule| rule.allows(asked))
    }

    fn allows(&self, asked: &Preflight<'_>) -> bool {
        let mut headers = asked.headers.split(',').map(str::trim).filter(|name| !name.is_empty());
        self.origins.iter().any(|pattern| is_match(pattern, asked.origin))
            && self.methods.iter().any(|method| method == asked.method)
            && headers.all(|name| {
                let name = name.to_ascii_lowercase();
                self.allowed_headers.iter().any(|pattern| is_match(&pattern.to_ascii_lowercase(), &name))
            })
    }

    /// Whether any origin at all is allowed, so that the answer need not name one.
    pub(crate) fn is_for_everybody(&self) -> bool {
        self.origins.iter().any(|origin| origin == "*")
    }
}

/// One `*` stands for anything.
fn is_match(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> CorsRule {
        CorsRule {
            origins: vec!["https://*.example".to_owned()],
            methods: vec!["PUT".to_owned()],
            allowed_headers: vec!["Content-*".to_owned()],
            ..CorsRule::default()
        }
    }

    #[test]
    fn a_rule_allows_its_origins_methods_and_headers_and_nothing_else() {
        let rules = [rule()];
        let ask = |origin, method, headers| CorsRule::find(&rules, &Preflight { origin, method, headers }).is_some();
        assert!(ask("https://studio.example", "PUT", "content-type, Content-MD5"));
        assert!(ask("https://studio.example", "PUT", ""));
        assert!(!ask("https://studio.example.org", "PUT", ""));
        assert!(!ask("http://studio.example", "PUT", ""));
        assert!(!ask("https://studio.example", "DELETE", ""));
        assert!(!ask("https://studio.example", "PUT", "content-type, x-amz-acl"));
    }

    #[test]
    fn the_star_does_not_let_both_ends_overlap() {
        assert!(!is_match("ab*ba", "aba"));
        assert!(is_match("ab*ba", "abba"));
    }
}
