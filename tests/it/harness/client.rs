//! A client that trusts nothing: every answer must be documented, every problem whole.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::document::Document;
use super::wait::{PATIENCE, eventually};

pub const PASSWORD: &str = "a long pass phrase";

/// Somebody who talks to a server.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    pub base: String,
    document: Arc<Document>,
    pub token: Option<String>,
    pub guest: Option<String>,
    pub handle: String,
}

/// A request in the making.
pub struct Call<'a> {
    client: &'a Client,
    method: Method,
    path: String,
    request: reqwest::RequestBuilder,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub what: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Client {
    pub fn new(base: &str, document: Arc<Document>) -> Self {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Self { http, base: base.to_owned(), document, token: None, guest: None, handle: String::new() }
    }

    /// Signs up and stays signed in.
    pub async fn sign_up(mut self, handle: &str) -> Self {
        let session =
            self.post("/v1/accounts", &json!({ "handle": handle, "password": PASSWORD })).await.expect(201).json();
        self.token = Some(session["token"].as_str().expect("a token").to_owned());
        self.handle = handle.to_owned();
        self
    }

    /// A guest.
    pub async fn into_guest(mut self) -> Self {
        let guest = self.post("/v1/guests", &Value::Null).await.expect(201).json();
        self.guest = Some(guest["token"].as_str().expect("a token").to_owned());
        self
    }

    /// Somebody with this guest's token, or with none.
    pub fn with_guest(self, guest: Option<&str>) -> Self {
        Self { guest: guest.map(ToOwned::to_owned), ..self }
    }

    /// Somebody with this session's token.
    pub fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// The same person at another server.
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.to_owned(), ..self.clone() }
    }

    /// `path` may be absolute, as addresses in answers are.
    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        let path = path.strip_prefix(&self.base).unwrap_or(path).to_owned();
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(guest) = &self.guest {
            request = request.header("Estrade-Guest", guest);
        }
        Call { client: self, method, path, request }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path).send().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path).send().await
    }

    pub async fn put(&self, path: &str) -> Answer {
        self.call(Method::PUT, path).send().await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path).json(body).send().await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::PATCH, path).json(body).send().await
    }

    /// The clip as this client sees it.
    pub async fn clip(&self, id: &str) -> Value {
        self.get(&format!("/v1/clips/{id}")).await.expect(200).json()
    }

    /// The clip once its whole ladder stands.
    pub async fn wait_complete(&self, id: &str) -> Value {
        eventually("the clip is complete", || async {
            let clip = self.clip(id).await;
            assert_ne!(clip["state"], "failed", "{clip}");
            (clip["complete"] == true).then_some(clip)
        })
        .await
    }

    /// The clip once it has failed.
    pub async fn wait_failed(&self, id: &str) -> Value {
        eventually("the clip has failed", || async {
            let clip = self.clip(id).await;
            assert_ne!(clip["state"], "ready", "{clip}");
            (clip["state"] == "failed").then_some(clip)
        })
        .await
    }

    /// Everything the event stream of a clip tells, until the server ends it.
    pub async fn watch_clip(&self, id: &str) -> Vec<Value> {
        let path = format!("/v1/clips/{id}/events");
        let response = self.call(Method::GET, &path).request.send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
        let mut stream = response.bytes_stream();
        let mut text = String::new();
        let reading = async {
            while let Some(chunk) = stream.next().await {
                text.push_str(std::str::from_utf8(&chunk.expect("a chunk")).expect("UTF-8"));
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("the stream ends");
        let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        data.map(|data| serde_json::from_str(data.trim()).expect("json")).collect()
    }

    /// All items of a list, page by page; the end must be null.
    pub async fn all_items(&self, path: &str, limit: usize) -> Vec<Value> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..200 {
            let separator = if path.contains('?') { '&' } else { '?' };
            let after = cursor.as_ref().map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
            let page = self.get(&format!("{path}{separator}limit={limit}{after}")).await.expect(200).json();
            items.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return items,
            }
        }
        panic!("the list {path} does not end");
    }
}

impl Call<'_> {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn json(mut self, body: &Value) -> Self {
        self.request = self.request.json(body);
        self
    }

    pub fn body(mut self, body: impl Into<reqwest::Body>) -> Self {
        self.request = self.request.body(body);
        self
    }

    /// Sends it; the answer must be one the document knows.
    pub async fn send(self) -> Answer {
        let (client, method, path) = (self.client, self.method.clone(), self.path.clone());
        let answer = self.undocumented().await;
        client.document.check(method.as_str(), &path, answer.status);
        answer
    }

    /// Sends it to an address that is none of the API's: pages, probes, nowhere.
    pub async fn undocumented(self) -> Answer {
        let what = format!("{} {}", self.method, self.path);
        let is_head = self.method == Method::HEAD;
        let answer = Answer::read(what, self.request.send().await.expect("an answer")).await;
        if !is_head {
            answer.check_problem();
        }
        answer
    }
}

impl Answer {
    async fn read(what: String, response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { what, status, headers, body: response.bytes().await.expect("the whole body") }
    }

    /// An error tells what it is, which request it was and, where it helps, when to come back.
    fn check_problem(&self) {
        if self.status < 400 {
            return;
        }
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "{self:?}");
        assert!(problem["code"].as_str().is_some_and(is_snake_case), "{self:?}");
        for field in ["type", "title", "detail", "request_id"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {self:?}");
        }
        assert_eq!(problem["request_id"], self.header("estrade-request-id"));
        if matches!(self.status, 429 | 503) {
            assert!(self.header("retry-after").parse::<u32>().is_ok(), "{self:?}");
        }
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.what, String::from_utf8_lossy(&self.body));
        self
    }

    /// Expects a problem of this status and code.
    #[track_caller]
    pub fn expect_code(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.code(), code, "{answer:?}");
        answer
    }

    /// Expects a problem that names this field.
    #[track_caller]
    pub fn expect_field(self, status: u16, field: &str) -> Self {
        let answer = self.expect(status);
        let problem = answer.json();
        let fields: Vec<&str> =
            problem["errors"].as_array().into_iter().flatten().filter_map(|error| error["field"].as_str()).collect();
        assert!(fields.contains(&field), "{field} is not among {fields:?}: {answer:?}");
        answer
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

fn is_snake_case(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// An id in a list.
pub fn ids<'a>(items: &'a [Value], pointer: &str) -> Vec<&'a str> {
    items.iter().map(|item| item.pointer(pointer).and_then(Value::as_str).expect("an id")).collect()
}
