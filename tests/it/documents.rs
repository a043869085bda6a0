//! What is written down about the product is what the product does.

use std::path::Path;

use serde_json::Value;

use crate::harness::server::run_binary;
use crate::harness::world::shared_server;

fn printed(arguments: &[&str]) -> String {
    let output = run_binary(arguments);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[tokio::test]
async fn the_document_is_the_committed_one_and_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let committed = std::fs::read_to_string(path).expect("docs/openapi.json; `cargo xtask openapi` writes it");
    let printed = printed(&["openapi"]);
    assert!(committed.trim_end() == printed.trim_end(), "docs/openapi.json differs; run `cargo xtask openapi`");
    let served = shared_server().await.client();
    let served = served.call(reqwest::Method::GET, "/v1/openapi.json").undocumented().await.expect(200).json();
    assert!(served == serde_json::from_str::<Value>(&printed).expect("json"), "the served document differs");
}

#[tokio::test]
async fn the_documentation_page_needs_nobody_else() {
    let client = shared_server().await.client();
    for path in ["/docs", "/docs.js"] {
        let text = client.call(reqwest::Method::GET, path).undocumented().await.expect(200).text();
        assert!(!text.contains("src=\"http") && !text.contains("href=\"http"), "{path} loads from elsewhere");
    }
}

#[test]
fn every_operation_of_the_document_says_what_goes_wrong() {
    let document: Value = serde_json::from_str(&printed(&["openapi"])).expect("json");
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let Some(responses) = operation["responses"].as_object() else { continue };
            for (status, response) in responses {
                assert!(
                    response["description"].as_str().is_some_and(|text| !text.is_empty()),
                    "{method} {path} {status}"
                );
            }
            let is_changing = matches!(method.as_str(), "post" | "put" | "patch" | "delete");
            let knows_refusal = responses.keys().any(|status| status.starts_with('4'));
            assert!(!is_changing || knows_refusal, "{method} {path} never refuses anything");
        }
    }
}

#[test]
fn the_help_is_the_reference_of_every_setting() {
    insta::assert_snapshot!("help", printed(&["--help"]));
    insta::assert_snapshot!("help_serve", printed(&["serve", "--help"]));
    let version = printed(&["--version"]);
    assert!(version.starts_with("estrade "), "{version}");
}

#[test]
fn a_wrong_command_line_is_refused_with_usage() {
    for arguments in [&["serve", "--listen", "nowhere"][..], &["dance"], &["serve", "--unknown"], &[]] {
        let output = run_binary(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--help"), "{arguments:?}");
    }
}
