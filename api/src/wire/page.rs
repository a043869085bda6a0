//! Pages of clips: a bounded limit and a signed cursor.

use estrade_db::clip_lists::ClipPosition;
use estrade_domain::limits::{PAGE_DEFAULT, PAGE_MAX};
use estrade_domain::{PublicId, SigningKey, Time, cursor};
use estrade_http::clip_body::ClipBody;
use estrade_http::{Problem, Result};
use serde::Serialize;
use utoipa::ToSchema;

/// One page of clips.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClipPage)]
pub(crate) struct ClipPageBody {
    /// The clips, in order.
    #[schema(max_items = 50)]
    pub items: Vec<ClipBody>,
    /// Where the next page begins; null at the end.
    #[schema(example = json!(null))]
    pub next_cursor: Option<String>,
}

/// What a page asks for. The list's name says everything the list depends on, so that a cursor
/// holds for this list alone.
#[derive(Debug)]
pub(crate) struct PageRequest {
    /// Items of the page.
    pub limit: usize,
    /// Where it begins.
    pub after: Option<ClipPosition>,
    list: String,
}

impl PageRequest {
    /// Checks limit and cursor.
    pub(crate) fn parse(key: &SigningKey, list: String, limit: Option<u32>, after: Option<&str>) -> Result<Self> {
        let limit = limit.unwrap_or(PAGE_DEFAULT);
        if !(1..=PAGE_MAX).contains(&limit) {
            return Err(Problem::invalid_field("limit", "out_of_range", format!("a page has 1 to {PAGE_MAX} items")));
        }
        let after = after.map(|text| cursor::decode::<(Time, PublicId)>(key, &list, text)).transpose();
        let after = after.map_err(|error| {
            Problem::bad_request("invalid_cursor", error.to_string()).with_field(
                "cursor",
                "invalid_cursor",
                error.to_string(),
            )
        })?;
        Ok(Self { limit: usize::try_from(limit).unwrap_or(1), after, list })
    }

    /// How many to ask the database for: one more than the page has tells whether it is the last.
    pub(crate) fn rows(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or_default() + 1
    }

    /// The cursor after `last`, the page's last item.
    pub(crate) fn cursor_after(&self, key: &SigningKey, last: &ClipPosition) -> String {
        cursor::encode(key, &self.list, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_holds_for_its_list_and_limits_are_bounded() {
        let key = SigningKey::new([1; 32]);
        let parse = |list: &str, limit, after: Option<&str>| PageRequest::parse(&key, list.into(), limit, after);
        let position = (Time::UNIX_EPOCH, PublicId::from_random([1; 20]));
        let cursor = parse("a", Some(1), None).expect("page").cursor_after(&key, &position);
        assert_eq!(parse("a", None, Some(&cursor)).expect("page").after, Some(position));
        assert_eq!(parse("b", None, Some(&cursor)).expect_err("foreign").status(), 400);
        assert_eq!(parse("a", Some(0), None).expect_err("none").status(), 422);
        assert_eq!(parse("a", Some(51), None).expect_err("many").status(), 422);
        assert_eq!(parse("a", Some(50), None).expect("page").rows(), 51);
    }
}
