//! `If-None-Match` (RFC 9110 §13.1.2).

/// Whether the client has this entity already.
pub(super) fn matches(if_none_match: &str, etag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    if_none_match.split(',').any(|tag| tag.trim() == "*" || strong(tag) == strong(etag))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::matches;

    #[test]
    fn weak_lists_and_stars_match() {
        assert!(matches("\"a\"", "\"a\""));
        assert!(matches("\"x\", W/\"a\"", "\"a\""));
        assert!(matches("*", "\"a\""));
        assert!(!matches("\"b\"", "\"a\""));
        assert!(!matches("", "\"a\""));
    }

    proptest! {
        #[test]
        fn an_entity_is_found_in_any_list_and_no_header_panics(
            text in "\\PC{0,60}", tag in "[a-f0-9]{1,32}", others in prop::collection::vec("(W/)?\"[g-z]{0,9}\"", 0..5)
        ) {
            let tag = format!("\"{tag}\"");
            let _ = matches(&text, &tag);
            prop_assert!(!matches(&others.join(", "), &tag));
            let all = [others, vec![tag.clone()]].concat();
            prop_assert!(matches(&all.join(","), &tag));
        }
    }
}
