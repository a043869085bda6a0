//! How the documentation says which problems a route may answer.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};

type Documented = BTreeMap<String, RefOr<Response>>;

fn document(problems: &[(u16, &str)]) -> Documented {
    let response = |description: &str| {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        ResponseBuilder::new().description(description).content("application/problem+json", body).build()
    };
    problems.iter().map(|(status, description)| (status.to_string(), RefOr::T(response(description)))).collect()
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = [$(($status:literal, $description:literal)),+ $(,)?];)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> Documented {
                document(&[$(($status, $description)),+])
            }
        }
    )+};
}

problems! {
    /// What every route may answer.
    Always = [
        (400, "The request is malformed"),
        (401, "Nobody is signed in who has to be, or the token is not valid"),
        (403, "Not allowed, or a request by cookie from a foreign page"),
        (422, "A field or parameter was refused; `errors` names it"),
        (500, "Something went wrong on our side"),
        (503, "Overloaded, or something needed is away; see `Retry-After`"),
    ];
    /// What every route with a body may answer.
    WithBody = [
        (413, "The body is larger than 64 KiB"),
        (415, "The body is not `application/json`"),
    ];
    /// What a route may answer that takes captions.
    WithCaptions = [
        (413, "The file is larger than 256 KiB"),
        (415, "The body is neither `text/vtt` nor `application/x-subrip`, or not in UTF-8"),
    ];
    /// What a route may answer that takes a picture or JSON.
    WithPicture = [
        (413, "The body is larger than 8 MiB, or 64 KiB of JSON"),
        (415, "The body is neither a picture of a known type nor `application/json`"),
    ];
    /// What every route to one thing may answer.
    Missing = [(404, "It does not exist, or the caller may not know that it does")];
    /// What a route may answer that is limited in how often it may be tried.
    Limited = [(429, "Too often; see `Retry-After`")];
    /// What a route may answer that depends on the present state.
    Conflicting = [(409, "The present state does not allow it")];
}
