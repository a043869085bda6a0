//! The web app: files of `web/dist` inside the binary, and its page for every other address.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use estrade_api::ApiState;
use estrade_http::Problem;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "web/dist"]
#[allow_missing = true]
struct WebApp;

/// Scripts, styles and connections of our own only.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; worker-src 'self' blob:; \
    manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Where the page takes what a shared clip adds to its head.
const HEAD_MARKER: &str = "<!--estrade:head-->";
/// Addresses that are never pages.
const NOT_PAGES: [&str; 7] = ["/v1/", "/media/", "/assets/", "/livez", "/readyz", "/metrics", "/."];

/// The pages; everything else of the address space comes before them.
pub(crate) fn routes(api: ApiState, media_origin: &str) -> Router {
    let policy = content_security_policy(media_origin);
    let state = Pages { api, policy };
    Router::new().route("/c/{clip}", get(shared_clip)).fallback(page).with_state(state)
}

#[derive(Clone)]
struct Pages {
    api: ApiState,
    policy: HeaderValue,
}

/// Media may come from a CDN.
fn content_security_policy(media_origin: &str) -> HeaderValue {
    let widened = CONTENT_SECURITY_POLICY
        .replace("img-src 'self'", &format!("img-src 'self' {media_origin}"))
        .replace("media-src 'self'", &format!("media-src 'self' {media_origin}"))
        .replace("connect-src 'self'", &format!("connect-src 'self' {media_origin}"));
    HeaderValue::from_str(&widened).unwrap_or(HeaderValue::from_static(CONTENT_SECURITY_POLICY))
}

async fn page(State(pages): State<Pages>, uri: Uri) -> Response {
    let path = uri.path();
    // The page itself goes out with its head and headers, and build notes not at all.
    let is_file = path != "/" && path != "/index.html" && !path.starts_with("/.");
    if let Some(file) = WebApp::get(path.trim_start_matches('/')).filter(|_| is_file) {
        return asset(path, file);
    }
    if NOT_PAGES.iter().any(|start| path.starts_with(start)) {
        return estrade_http::request::no_such_route().await.into_response();
    }
    html(&pages, "")
}

fn asset(path: &str, file: rust_embed::EmbeddedFile) -> Response {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    // Names below /assets/ carry a hash of their content.
    let cache =
        if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    let headers = [(header::CONTENT_TYPE, kind.essence_str().to_owned()), (header::CACHE_CONTROL, cache.to_owned())];
    let nosniff = [(header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (headers, nosniff, file.data.into_owned()).into_response()
}

fn html(pages: &Pages, head: &str) -> Response {
    let Some(index) = WebApp::get("index.html") else {
        let detail = "the web app was not built into this binary; build it with cargo xtask up";
        return Problem::new(StatusCode::NOT_FOUND, "web_app_missing", detail).into_response();
    };
    let text = String::from_utf8_lossy(&index.data).replacen(HEAD_MARKER, head, 1);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, pages.policy.clone()),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
    ];
    (headers, text).into_response()
}

/// A shared link: the page, with what other sites show as a preview of the clip.
async fn shared_clip(State(pages): State<Pages>, Path(clip): Path<String>) -> Response {
    match estrade_api::find_shared_clip(&pages.api, &clip).await {
        Ok(Some(clip)) => html(&pages, &open_graph(&clip)),
        Ok(None) => {
            let mut response = html(&pages, "");
            if response.status() == StatusCode::OK {
                *response.status_mut() = StatusCode::NOT_FOUND;
            }
            response
        }
        Err(problem) => problem.into_response(),
    }
}

fn open_graph(clip: &estrade_api::SharedClip) -> String {
    let title = format!("{} on Estrade", clip.creator_name);
    let mut tags = vec![
        ("og:type", "video.other".to_owned()),
        ("og:site_name", "Estrade".to_owned()),
        ("og:title", title),
        ("og:description", clip.caption.clone()),
        ("og:url", clip.url.clone()),
    ];
    if let Some(poster) = &clip.poster_url {
        tags.push(("og:image", poster.clone()));
    }
    if let (Some(width), Some(height)) = (clip.width, clip.height) {
        tags.push(("og:image:width", width.to_string()));
        tags.push(("og:image:height", height.to_string()));
    }
    let lines = tags.iter().map(|(name, value)| format!("<meta property=\"{name}\" content=\"{}\">", escape(value)));
    lines.collect::<Vec<_>>().join("\n    ")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_cannot_leave_their_attribute() {
        let clip = estrade_api::SharedClip {
            creator_name: "<b>".into(),
            caption: "\"><script>alert(1)</script>".into(),
            url: "http://host/c/x".into(),
            poster_url: None,
            width: None,
            height: None,
        };
        let head = open_graph(&clip);
        assert!(!head.contains("<script>") && !head.contains("<b>"));
        assert!(head.contains("&quot;&gt;&lt;script&gt;"));
    }
}
