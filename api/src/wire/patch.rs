//! Fields of a PATCH body: left out, null, or a value.

use serde::{Deserialize, Deserializer};

/// A field that can be left as it is, taken away, or set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Patch<T> {
    /// Left out.
    #[default]
    Keep,
    /// `null`.
    Clear,
    /// A value.
    Set(T),
}

impl<T> Patch<T> {
    /// The change: none, to none, or to a value that `check` makes.
    #[expect(clippy::option_option, reason = "a change to nothing is not no change; the database takes it so")]
    pub(crate) fn try_map<U, E>(self, check: impl FnOnce(T) -> Result<U, E>) -> Result<Option<Option<U>>, E> {
        match self {
            Self::Keep => Ok(None),
            Self::Clear => Ok(Some(None)),
            Self::Set(value) => check(value).map(|value| Some(Some(value))),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        email: Patch<String>,
    }

    #[test]
    fn left_out_null_and_value_are_three_things() {
        let email = |json: &str| serde_json::from_str::<Body>(json).expect("json").email;
        assert_eq!(email("{}"), Patch::Keep);
        assert_eq!(email(r#"{"email":null}"#), Patch::Clear);
        assert_eq!(email(r#"{"email":"a@b.de"}"#), Patch::Set("a@b.de".into()));
    }
}
