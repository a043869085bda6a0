//! Pages of a sorted map of keys. Values in, values out.

use std::collections::BTreeMap;
use std::ops::Bound;

/// What a listing shows of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) size: u64,
    pub(crate) etag: Box<str>,
    /// Milliseconds since 1970.
    pub(crate) modified_ms: i64,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    /// At the first key.
    Beginning,
    /// After this key.
    After(String),
    /// After every key with this prefix.
    AfterPrefix(String),
}

/// Which keys, and how many of them.
#[derive(Debug, Clone)]
pub(crate) struct Query<'a> {
    pub(crate) prefix: &'a str,
    /// Keys that have this after the prefix are shown as one common prefix.
    pub(crate) delimiter: Option<&'a str>,
    pub(crate) start: Start,
    /// Keys and common prefixes together.
    pub(crate) max: usize,
}

/// Keys and common prefixes, each in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) objects: Vec<(String, Listed)>,
    pub(crate) prefixes: Vec<String>,
    /// Where the next page begins; `None` on the last one.
    pub(crate) next: Option<Start>,
}

impl Start {
    fn bound(&self, prefix: &str) -> Option<Bound<String>> {
        let bound = match self {
            Self::After(key) if key.as_str() >= prefix => Bound::Excluded(key.clone()),
            Self::AfterPrefix(seen) if seen.as_str() >= prefix => Bound::Included(first_after_prefix(seen)?),
            Self::Beginning | Self::After(_) | Self::AfterPrefix(_) => Bound::Included(prefix.to_owned()),
        };
        Some(bound)
    }
}

/// One page.
pub(crate) fn list(keys: &BTreeMap<String, Listed>, query: &Query<'_>) -> Page {
    let mut page = Page::default();
    let mut start = query.start.clone();
    let mut last = Start::Beginning;
    if query.max == 0 {
        return page;
    }
    // Each round walks on to the next common prefix, which is then stepped over whole.
    while let Some(bound) = start.bound(query.prefix) {
        let mut stepped_over = None;
        for (key, listed) in keys.range((bound, Bound::Unbounded)) {
            if !key.starts_with(query.prefix) {
                return page;
            }
            if page.objects.len() + page.prefixes.len() == query.max {
                page.next = Some(last);
                return page;
            }
            if let Some(common) = common_prefix(key, query) {
                page.prefixes.push(common.to_owned());
                stepped_over = Some(Start::AfterPrefix(common.to_owned()));
                break;
            }
            page.objects.push((key.clone(), listed.clone()));
            last = Start::After(key.clone());
        }
        let Some(next) = stepped_over else { break };
        last = next.clone();
        start = next;
    }
    page
}

fn common_prefix<'a>(key: &'a str, query: &Query<'_>) -> Option<&'a str> {
    let delimiter = query.delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let rest = key.get(query.prefix.len()..)?;
    let end = query.prefix.len() + rest.find(delimiter)? + delimiter.len();
    key.get(..end)
}

/// The smallest string above everything that has `prefix`: its last character counted up. `None` if
/// there is none.
fn first_after_prefix(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> BTreeMap<String, Listed> {
        let listed = Listed { size: 1, etag: "e".into(), modified_ms: 0 };
        keys.iter().map(|key| ((*key).to_owned(), listed.clone())).collect()
    }

    fn shown(page: &Page) -> Vec<&str> {
        page.objects.iter().map(|(key, _)| key.as_str()).collect()
    }

    fn query<'a>(prefix: &'a str, delimiter: Option<&'a str>, max: usize) -> Query<'a> {
        Query { prefix, delimiter, start: Start::Beginning, max }
    }

    #[test]
    fn pages_of_any_size_show_every_key_and_prefix_once_and_in_order() {
        let map =
            keys(&["a", "a/1", "a/2", "a/b/3", "a0", "b/", "b/x", "c", "é/1", "é/2", "\u{10FFFF}/1", "\u{10FFFF}/2"]);
        for delimiter in [None, Some("/"), Some("b/")] {
            for prefix in ["", "a", "a/", "b/", "é", "zzz", "\u{10FFFF}"] {
                let whole = list(&map, &query(prefix, delimiter, 1_000));
                assert_eq!(whole.next, None);
                for max in 1..6 {
                    let (mut objects, mut prefixes, mut start) = (Vec::new(), Vec::new(), Start::Beginning);
                    loop {
                        let page = list(&map, &Query { prefix, delimiter, start, max });
                        assert!(page.objects.len() + page.prefixes.len() <= max);
                        objects.extend(page.objects);
                        prefixes.extend(page.prefixes);
                        let Some(next) = page.next else { break };
                        start = next;
                    }
                    assert_eq!(objects, whole.objects, "{prefix:?} {delimiter:?} {max}");
                    assert_eq!(prefixes, whole.prefixes, "{prefix:?} {delimiter:?} {max}");
                }
            }
        }
    }

    #[test]
    fn a_delimiter_rolls_up_what_lies_below() {
        let map = keys(&["a/1", "a/2", "b", "c/d/1"]);
        let page = list(&map, &query("", Some("/"), 10));
        assert_eq!(shown(&page), ["b"]);
        assert_eq!(page.prefixes, ["a/", "c/"]);
        let below = list(&map, &query("a/", Some("/"), 10));
        assert_eq!(shown(&below), ["a/1", "a/2"]);
        assert!(below.prefixes.is_empty());
    }

    #[test]
    fn a_start_before_the_prefix_shows_the_whole_prefix() {
        let map = keys(&["a", "p/1", "p/2", "q"]);
        for start in [Start::After("b".to_owned()), Start::AfterPrefix("a".to_owned())] {
            let page = list(&map, &Query { prefix: "p/", delimiter: None, start, max: 10 });
            assert_eq!(shown(&page), ["p/1", "p/2"]);
        }
    }

    #[test]
    fn a_page_of_none_is_empty_and_the_last() {
        let page = list(&keys(&["a"]), &query("", None, 0));
        assert_eq!(page, Page::default());
    }
}
