//! The API document, held against every answer a test sees.

use std::collections::BTreeMap;

use serde_json::Value;

/// Which statuses each operation may answer.
#[derive(Debug, Default)]
pub struct Document {
    operations: BTreeMap<(String, String), Vec<String>>,
}

impl Document {
    /// The document of a server; a role without an API has none.
    pub async fn fetch(base: &str, role: &str) -> Self {
        if role == "transcoder" {
            return Self::default();
        }
        let answer = reqwest::get(format!("{base}/v1/openapi.json")).await.expect("the document");
        Self::read(&answer.json().await.expect("json"))
    }

    pub fn read(document: &Value) -> Self {
        let mut operations = BTreeMap::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("an item") {
                if let Some(responses) = operation["responses"].as_object() {
                    operations.insert((method.to_uppercase(), path.clone()), responses.keys().cloned().collect());
                }
            }
        }
        Self { operations }
    }

    /// Fails unless the document says that this may be answered.
    pub fn check(&self, method: &str, path: &str, status: u16) {
        let path = path.split('?').next().unwrap_or_default();
        let known: Vec<&Vec<String>> = self
            .operations
            .iter()
            .filter(|((m, template), _)| m == method && is_match(template, path))
            .map(|(_, s)| s)
            .collect();
        assert!(!known.is_empty(), "{method} {path} is not in the document");
        let class = format!("{}XX", status / 100);
        let is_documented =
            known.iter().any(|statuses| statuses.iter().any(|known| *known == status.to_string() || *known == class));
        assert!(is_documented, "{method} {path} answered {status}, which the document does not know: {known:?}");
    }
}

fn is_match(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len() && template.iter().zip(&path).all(|(t, p)| t.starts_with('{') || t == p)
}

#[test]
fn an_answer_that_is_not_documented_is_refused() {
    let document = Document::read(
        &serde_json::json!({ "paths": { "/v1/clips/{id}": { "get": { "responses": { "200": {}, "4XX": {} } } } } }),
    );
    document.check("GET", "/v1/clips/a?b=c", 200);
    document.check("GET", "/v1/clips/a", 404);
    for (method, path, status) in
        [("GET", "/v1/clips/a", 500), ("PUT", "/v1/clips/a", 200), ("GET", "/v1/clips/a/b", 200)]
    {
        let refused = std::panic::catch_unwind(|| document.check(method, path, status));
        assert!(refused.is_err(), "{method} {path} {status}");
    }
}
