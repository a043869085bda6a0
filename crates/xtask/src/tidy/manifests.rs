//! Every dependency says what it is for, once, in the root manifest.

use super::Source;

/// Checks one `Cargo.toml`.
pub(super) fn check(source: &Source) -> Vec<String> {
    let mut section = "";
    let mut offences = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line;
            continue;
        }
        if line.is_empty() || line.starts_with('#') || !section.ends_with("dependencies]") {
            continue;
        }
        if let Some(what) = check_line(section, line) {
            offences.push(format!("{}:{}: {what}", source.path, index + 1));
        }
    }
    offences
}

fn check_line(section: &str, line: &str) -> Option<String> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    if section == "[workspace.dependencies]" {
        let (value, why) = value.split_once('#').unwrap_or((value, ""));
        let is_ours = value.contains("path =");
        return (!is_ours && why.trim().is_empty()).then(|| format!("`{name}` does not say what it is for"));
    }
    let inherits = name.ends_with(".workspace") || value.contains("workspace = true");
    (!inherits).then(|| format!("`{name}` is not taken from the workspace"))
}

#[cfg(test)]
mod tests {
    use super::{Source, check};

    fn check_text(text: &str) -> Vec<String> {
        check(&Source { path: "Cargo.toml".to_owned(), text: text.to_owned() })
    }

    #[test]
    fn a_dependency_without_a_purpose_is_an_offence() {
        let text = "[workspace.dependencies]\n# storage\nsqlx = \"0.9\"\nurl = \"2\" # URLs\n\
                    estrade-db = { path = \"crates/db\" }\n";
        assert_eq!(check_text(text), ["Cargo.toml:3: `sqlx` does not say what it is for"]);
    }

    #[test]
    fn a_crate_takes_its_versions_from_the_workspace() {
        let text = "[dependencies]\nurl.workspace = true\nserde = { workspace = true }\n\
                    [dev-dependencies]\ntempfile = \"3\"\n[lints]\nworkspace = true\n";
        assert_eq!(check_text(text), ["Cargo.toml:5: `tempfile` is not taken from the workspace"]);
    }
}
