//! Who is asking: an account by bearer token or cookie, a guest, or nobody yet.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use estrade_db::sessions::SessionHolder;
use estrade_db::{PgPool, sessions, viewers};
use estrade_domain::{AccountId, Clock, Entropy, ViewerId};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use url::Url;

use crate::rate::{Network, RateLimit};
use crate::{Problem, Result};

/// The header apps carry a guest's token in, both ways.
pub const GUEST_HEADER: HeaderName = HeaderName::from_static("estrade-guest");
/// `off` turns profiling off for one request.
pub const PROFILING_HEADER: HeaderName = HeaderName::from_static("estrade-profiling");
/// A guest cookie lives this long, seconds (400 days, the browsers' maximum).
const GUEST_COOKIE_SECS: i64 = 400 * 24 * 3600;

/// What recognising people needs; part of every service's state.
#[derive(Clone)]
pub struct Identity {
    /// Connections.
    pub pool: PgPool,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness for tokens.
    pub entropy: Entropy,
    /// The address people use.
    pub public_url: Url,
    /// How often one network may make guests.
    pub guests: Arc<RateLimit<Network>>,
}

/// A fresh token and what is stored of it.
#[derive(Debug)]
pub struct Token {
    /// The token: 32 random bytes, base64url; given to its holder once.
    pub text: String,
    /// Its SHA-256, stored.
    pub hash: [u8; 32],
}

impl Token {
    /// Draws a token.
    pub fn draw(entropy: &Entropy) -> Self {
        let text = URL_SAFE_NO_PAD.encode(entropy.bytes::<32>());
        Self { hash: hash_token(&text), text }
    }
}

/// What is stored of a token.
pub fn hash_token(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Identity {
    /// Whether cookies may be `Secure` and carry the `__Host-` prefix: over HTTPS, and on loopback,
    /// which browsers trust like HTTPS.
    pub fn has_secure_cookies(&self) -> bool {
        let is_loopback = match self.public_url.host() {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        self.public_url.scheme() == "https" || is_loopback
    }

    /// The name of the session cookie.
    pub fn session_cookie(&self) -> &'static str {
        if self.has_secure_cookies() { "__Host-estrade" } else { "estrade" }
    }

    /// The name of the guest cookie.
    pub fn guest_cookie(&self) -> &'static str {
        if self.has_secure_cookies() { "__Host-estrade-guest" } else { "estrade-guest" }
    }

    /// A `Set-Cookie` value; `max_age_secs` of 0 deletes the cookie.
    pub fn cookie(&self, name: &str, value: &str, max_age_secs: i64) -> HeaderValue {
        let secure = if self.has_secure_cookies() { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_secs}{secure}");
        // Names and tokens are ASCII of our own.
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The viewer behind the request; a new guest when there is none. The returned headers belong
    /// on the answer: they carry a new guest's token, as cookie for browsers and header for apps.
    pub async fn ensure_viewer(&self, viewer: &Viewer, network: Network) -> Result<(ViewerId, HeaderMap)> {
        if let Some(id) = viewer.viewer_id() {
            return Ok((id, HeaderMap::new()));
        }
        let (id, token) = self.create_guest(network).await?;
        let mut headers = HeaderMap::new();
        headers.insert(header::SET_COOKIE, self.cookie(self.guest_cookie(), &token.text, GUEST_COOKIE_SECS));
        headers.insert(GUEST_HEADER, HeaderValue::from_str(&token.text).unwrap_or(HeaderValue::from_static("")));
        Ok((id, headers))
    }

    /// Makes a guest, as often as one network may: each counts as somebody who watches.
    pub async fn create_guest(&self, network: Network) -> Result<(ViewerId, Token)> {
        let now = self.clock.now();
        self.guests.take(network, now)?;
        let token = Token::draw(&self.entropy);
        let id = ViewerId::new(now, &self.entropy);
        let mut conn = acquire(&self.pool).await?;
        viewers::insert_guest(&mut conn, id, &token.hash, now).await?;
        Ok((id, token))
    }

    async fn find_session(&self, token: &str) -> Result<Option<SessionHolder>> {
        let mut conn = acquire(&self.pool).await?;
        Ok(sessions::find_session(&mut conn, &hash_token(token), self.clock.now()).await?)
    }

    async fn find_guest(&self, token: &str) -> Result<Option<ViewerId>> {
        let mut conn = acquire(&self.pool).await?;
        Ok(viewers::find_guest(&mut conn, &hash_token(token)).await?)
    }

    async fn recognise(&self, parts: &Parts) -> Result<Viewer> {
        let is_profiled_by_request = !is_profiling_off(&parts.headers);
        if let Some(token) = bearer(&parts.headers)? {
            let holder = self.find_session(token).await?;
            let holder = holder
                .ok_or_else(|| Problem::unauthorized("invalid_token", "this token is not valid; log in again"))?;
            return Ok(Viewer::of_account(holder, is_profiled_by_request));
        }
        if let Some(token) = find_cookie(&parts.headers, self.session_cookie())
            && let Some(holder) = self.find_session(token).await?
        {
            self.require_same_origin(parts)?;
            return Ok(Viewer::of_account(holder, is_profiled_by_request));
        }
        let guest = self.recognise_guest(parts).await?;
        Ok(Viewer { account: None, guest, is_profiled: is_profiled_by_request })
    }

    async fn recognise_guest(&self, parts: &Parts) -> Result<Option<ViewerId>> {
        let by_header = parts.headers.get(GUEST_HEADER).and_then(|value| value.to_str().ok());
        if let Some(token) = by_header {
            return self.find_guest(token).await;
        }
        match find_cookie(&parts.headers, self.guest_cookie()) {
            Some(token) => {
                let guest = self.find_guest(token).await?;
                if guest.is_some() {
                    self.require_same_origin(parts)?;
                }
                Ok(guest)
            }
            None => Ok(None),
        }
    }

    /// A browser sends cookies whoever wrote the page; for requests that change something the page
    /// must be ours.
    fn require_same_origin(&self, parts: &Parts) -> Result<()> {
        if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        let origin = parts.headers.get(header::ORIGIN).and_then(|value| Url::parse(value.to_str().ok()?).ok());
        let host = parts.headers.get(header::HOST).and_then(|value| value.to_str().ok());
        let is_ours = origin.is_some_and(|origin| {
            origin.origin() == self.public_url.origin() || host.is_some_and(|host| authority(&origin) == host)
        });
        if is_ours {
            return Ok(());
        }
        Err(Problem::forbidden("foreign_origin", "a request with a cookie must come from our own pages"))
    }
}

fn authority(origin: &Url) -> String {
    let host = origin.host_str().unwrap_or_default();
    origin.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

async fn acquire(pool: &PgPool) -> Result<sqlx::pool::PoolConnection<sqlx::Postgres>> {
    pool.acquire().await.map_err(|error| Problem::from(estrade_db::DbError::from(error)))
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token
        .map(Some)
        .ok_or_else(|| Problem::unauthorized("invalid_token", "send the token as Authorization: Bearer TOKEN"))
}

/// The value of a cookie.
pub fn find_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

fn is_profiling_off(headers: &HeaderMap) -> bool {
    headers.get(PROFILING_HEADER).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"off"))
}

/// Whoever asks: with an account, as a guest, or not yet known.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The account, when somebody is signed in.
    pub account: Option<SessionHolder>,
    guest: Option<ViewerId>,
    /// Whether feeds may use and learn from what this viewer watches.
    pub is_profiled: bool,
}

impl Viewer {
    fn of_account(holder: SessionHolder, is_profiled_by_request: bool) -> Self {
        Self { is_profiled: is_profiled_by_request && holder.profiling, account: Some(holder), guest: None }
    }

    /// The viewer's id, when known.
    pub fn viewer_id(&self) -> Option<ViewerId> {
        self.account.as_ref().map(|holder| holder.viewer_id).or(self.guest)
    }

    /// The account's id, when somebody is signed in.
    pub fn account_id(&self) -> Option<AccountId> {
        self.account.as_ref().map(|holder| holder.account_id)
    }

    /// The guest, when it is one.
    pub fn guest(&self) -> Option<ViewerId> {
        self.guest
    }
}

impl<S> FromRequestParts<S> for Viewer
where
    S: Send + Sync,
    Identity: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        if let Some(viewer) = parts.extensions.get::<Self>() {
            return Ok(viewer.clone());
        }
        let viewer = Identity::from_ref(state).recognise(parts).await?;
        parts.extensions.insert(viewer.clone());
        Ok(viewer)
    }
}

/// Somebody signed in; 401 otherwise.
#[derive(Debug, Clone)]
pub struct Account(pub SessionHolder);

impl<S> FromRequestParts<S> for Account
where
    S: Send + Sync,
    Identity: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let viewer = Viewer::from_request_parts(parts, state).await?;
        viewer.account.map(Self).ok_or_else(|| Problem::unauthorized("sign_in_required", "sign in to do this"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn bearer_tokens_and_cookies_are_found() {
        assert_eq!(bearer(&headers(header::AUTHORIZATION, "Bearer abc")).expect("valid"), Some("abc"));
        assert_eq!(bearer(&headers(header::AUTHORIZATION, "bearer abc")).expect("valid"), Some("abc"));
        assert_eq!(bearer(&headers(header::AUTHORIZATION, "Basic abc")).expect_err("basic").status(), 401);
        assert_eq!(bearer(&HeaderMap::new()).expect("none"), None);
        let cookies = headers(header::COOKIE, "a=1; __Host-estrade=xyz; b=2");
        assert_eq!(find_cookie(&cookies, "__Host-estrade"), Some("xyz"));
        assert_eq!(find_cookie(&cookies, "estrade"), None);
    }
}
