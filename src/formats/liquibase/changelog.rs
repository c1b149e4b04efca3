//! A changelog in XML, YAML or JSON, as far as it includes other files. Changesets in it are not read, and are said.

use serde_yaml::Value;

/// What a changelog is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Xml,
    Yaml,
    Json,
}

pub(super) fn language(name: &str) -> Option<Language> {
    let (_, ending) = name.rsplit_once('.')?;
    match ending.to_ascii_lowercase().as_str() {
        "xml" => Some(Language::Xml),
        "yaml" | "yml" => Some(Language::Yaml),
        "json" => Some(Language::Json),
        _ => None,
    }
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Xml => "XML",
            Self::Yaml => "YAML",
            Self::Json => "JSON",
        }
    }
}

/// What is included, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Include {
    /// A file, or a folder with all that is in it.
    pub path: String,
    pub is_folder: bool,
    /// Beside the changelog; else somewhere on Liquibase's search path.
    pub is_relative: bool,
    /// Of the files of a folder only those whose names end like this.
    pub ending: String,
}

/// A changelog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changelog {
    pub includes: Vec<Include>,
    /// What of it cannot be read, in a clause that follows its name.
    pub unread: Option<String>,
}

/// One element, with what it says about itself.
type Element = (String, Vec<(String, String)>);

/// A file's changelog; none = it is none.
pub(super) fn parse(text: &str, language: Language) -> Option<Changelog> {
    if !text.contains("databaseChangeLog") {
        return None;
    }
    let elements = match language {
        Language::Xml => in_xml(text),
        Language::Yaml | Language::Json => in_yaml(text),
    };
    let mut changelog = Changelog::default();
    match elements {
        Err(why) => changelog.unread = Some(why),
        Ok(elements) => {
            for (name, attributes) in elements {
                if let Err(why) = changelog.add(&name, &attributes, language) {
                    changelog.unread.get_or_insert(why);
                }
            }
        }
    }
    Some(changelog)
}

impl Changelog {
    fn add(&mut self, name: &str, attributes: &[(String, String)], language: Language) -> Result<(), String> {
        let is_folder = match name {
            "include" => false,
            "includeAll" => true,
            // expanded in ids at most, where it is seen; a precondition that fails fails the run
            "databaseChangeLog" | "property" | "preConditions" | "logicalFilePath" => return Ok(()),
            _ => {
                let language = language.name();
                return Err(format!("has a {name} in {language}, and only formatted SQL is read"));
            }
        };
        let mut include =
            Include { path: String::new(), is_folder, is_relative: false, ending: String::new() };
        for (attribute, value) in attributes {
            match attribute.as_str() {
                "file" | "path" => include.path.clone_from(value),
                "relativeToChangelogFile" => include.is_relative = value == "true",
                "endsWithFilter" => include.ending.clone_from(value),
                "errorIfMissing" | "errorIfMissingOrEmpty" => {}
                _ => return Err(format!("includes {} with {attribute}, which is not read", include.path)),
            }
        }
        if include.path.is_empty() || include.path.contains("${") {
            return Err(format!("has an {name} whose path cannot be told"));
        }
        self.includes.push(include);
        Ok(())
    }
}

/// The elements of XML that stand directly in the changelog.
fn in_xml(text: &str) -> Result<Vec<Element>, String> {
    let broken = || "is no XML that can be read".to_owned();
    let mut elements = Vec::new();
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some((_, tag)) = rest.split_once('<') {
        if let Some(comment) = tag.strip_prefix("!--") {
            rest = comment.split_once("-->").ok_or_else(broken)?.1;
            continue;
        }
        if let Some(data) = tag.strip_prefix("![CDATA[") {
            rest = data.split_once("]]>").ok_or_else(broken)?.1;
            continue;
        }
        let end = end_of_tag(tag).ok_or_else(broken)?;
        let (inside, after) = (&tag[..end], &tag[end + 1..]);
        rest = after;
        if inside.starts_with(['?', '!']) {
            continue;
        }
        if inside.starts_with('/') {
            depth = depth.checked_sub(1).ok_or_else(broken)?;
            continue;
        }
        let (body, is_closed) = match inside.strip_suffix('/') {
            Some(body) => (body, true),
            None => (inside, false),
        };
        let name = body.split(char::is_whitespace).next().unwrap_or_default();
        if depth <= 1 {
            let attributes = attributes(&body[name.len()..]).ok_or_else(broken)?;
            elements.push((name.rsplit(':').next().unwrap_or(name).to_owned(), attributes));
        }
        depth += usize::from(!is_closed);
    }
    if depth == 0 { Ok(elements) } else { Err(broken()) }
}

/// Where a tag ends: a `>` in a value does not end it.
fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, character) in tag.char_indices() {
        match (quote, character) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    None
}

fn attributes(text: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, after) = value[1..].split_once(quote)?;
        let value =
            value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        found.push((name.trim().to_owned(), value));
        rest = after.trim_start();
    }
    Some(found)
}

/// The same of YAML, which JSON is too.
fn in_yaml(text: &str) -> Result<Vec<Element>, String> {
    let value: Value = serde_yaml::from_str(text).map_err(|_| "is no YAML that can be read".to_owned())?;
    let Some(Value::Sequence(items)) = value.get("databaseChangeLog") else {
        return Err("has no list of changes".to_owned());
    };
    let mut elements = Vec::new();
    for item in items {
        let Value::Mapping(item) = item else { return Err("has a change without a name".to_owned()) };
        for (name, value) in item {
            let attributes = match value {
                Value::Mapping(attributes) => {
                    attributes.iter().map(|(name, value)| (word(name), word(value))).collect()
                }
                _ => Vec::new(),
            };
            elements.push((word(name), attributes));
        }
    }
    Ok(elements)
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
