//! In front of the protocol: answers to browsers that ask whether a page may use a bucket.

use std::pin::Pin;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use s3s::service::S3Service;
use s3s::{Body, HttpError};

use super::store::{CorsRule, Preflight, Store};

/// The endpoint as hyper sees it.
#[derive(Clone)]
pub(super) struct Front {
    s3: S3Service,
    store: Arc<Store>,
}

impl Front {
    pub(super) fn new(s3: S3Service, store: Arc<Store>) -> Self {
        Self { s3, store }
    }

    fn rules(&self, path: &str) -> Vec<CorsRule> {
        let bucket = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        self.store.find_bucket(bucket).map(|bucket| bucket.cors()).unwrap_or_default()
    }
}

impl hyper::service::Service<Request<Incoming>> for Front {
    type Response = Response<Body>;
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let Some(origin) = text(request.headers(), &header::ORIGIN).map(str::to_owned) else {
            return hyper::service::Service::call(&self.s3, request);
        };
        let rules = self.rules(request.uri().path());
        if request.method() == Method::OPTIONS {
            let response = answer_preflight(&rules, &origin, request.headers());
            return Box::pin(std::future::ready(Ok(response)));
        }
        let method = request.method().clone();
        let answer = hyper::service::Service::call(&self.s3, request);
        Box::pin(async move {
            let mut response = answer.await?;
            let asked = Preflight { origin: &origin, method: method.as_str(), headers: "" };
            if let Some(rule) = CorsRule::find(&rules, &asked) {
                allow(response.headers_mut(), rule, &origin);
                set_list(response.headers_mut(), header::ACCESS_CONTROL_EXPOSE_HEADERS, &rule.exposed_headers);
            }
            Ok(response)
        })
    }
}

fn answer_preflight(rules: &[CorsRule], origin: &str, asked: &HeaderMap) -> Response<Body> {
    let method = text(asked, &header::ACCESS_CONTROL_REQUEST_METHOD).unwrap_or_default();
    let headers = text(asked, &header::ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
    let mut response = Response::new(Body::empty());
    let Some(rule) = CorsRule::find(rules, &Preflight { origin, method, headers }) else {
        *response.status_mut() = StatusCode::FORBIDDEN;
        return response;
    };
    let answer = response.headers_mut();
    allow(answer, rule, origin);
    set_list(answer, header::ACCESS_CONTROL_ALLOW_METHODS, &rule.methods);
    if let Some(names) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    if let Some(seconds) = rule.max_age_secs {
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(seconds));
    }
    response
}

fn allow(answer: &mut HeaderMap, rule: &CorsRule, origin: &str) {
    let allowed = if rule.is_for_everybody() { "*" } else { origin };
    if let Ok(value) = HeaderValue::from_str(allowed) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, value);
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

fn set_list(answer: &mut HeaderMap, name: HeaderName, values: &[String]) {
    if let (false, Ok(value)) = (values.is_empty(), HeaderValue::from_str(&values.join(", "))) {
        answer.insert(name, value);
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
