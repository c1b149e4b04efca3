//! The shape of `bellwether.yml`, and with it the JSON schema. Values are as written: nothing is checked here but
//! their kind. Descriptions in the schema are these comments.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::model::choice::FORMATS;

/// How bellwether migrates each environment's database. Every string may hold ${VAR} or ${VAR:-default}; $$ is a
/// dollar sign.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys `defaults` and `environments`")]
#[schemars(title = "bellwether.yml")]
pub struct RawConfig {
    /// What all environments have in common; takes the same keys as one of them.
    pub defaults: Option<RawEnvironment>,
    /// One entry for each deploy target with a database of its own.
    pub environments: Option<BTreeMap<String, Option<RawEnvironment>>>,
}

/// One environment.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of an environment")]
#[schemars(rename = "Environment")]
pub struct RawEnvironment {
    /// Who migrates: a participant's name; elect: whoever gets the lock first; env: whoever has a true
    /// RUN_MIGRATIONS.
    pub leader: Option<Text>,
    /// The database's URL, best as ${DATABASE_URL}.
    pub database: Option<Text>,
    /// Folder with the migrations, from this file's folder.
    pub migrations: Option<Text>,
    /// How the migrations are named and recorded; auto finds out.
    #[schemars(schema_with = "format")]
    pub format: Option<Text>,
    /// What the leader runs in place of SQL files: program and arguments, no shell.
    pub command: Option<Vec<Text>>,
    /// What the leader runs after the command.
    pub check: Option<Vec<Text>>,
    /// Where both run, from this file's folder.
    pub cwd: Option<Text>,
    /// Between SIGTERM and SIGKILL of the command.
    pub grace: Option<Span>,
    /// How long one participant may take in all; the default depends on the platform.
    pub timeout: Option<Span>,
    /// The first connection.
    pub connect: Option<RawConnect>,
    /// What keeps two leaders apart.
    pub lock: Option<RawLock>,
    /// How long a DDL statement may wait for the application's locks before it is rolled back and tried again; 0 =
    /// for ever.
    pub ddl_lock_timeout: Option<Span>,
    /// What to do about odd histories.
    pub history: Option<RawHistory>,
    /// bellwether's own tables.
    pub ledger: Option<RawLedger>,
    /// How followers wait.
    pub follow: Option<RawFollow>,
    /// GitHub.
    pub github: Option<RawGithub>,
    /// Heroku.
    pub heroku: Option<RawHeroku>,
}

/// The first connection.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `connect`")]
#[schemars(rename = "Connect")]
pub struct RawConnect {
    /// How long a server that does not answer yet is tried. Default 60s.
    pub wait: Option<Span>,
}

/// What keeps two leaders apart.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `lock`")]
#[schemars(rename = "Lock")]
pub struct RawLock {
    /// auto: the server's session lock where it is safe.
    #[schemars(schema_with = "lock_mode")]
    pub mode: Option<Text>,
    /// One name for each body of migrations in a database. Default: default.
    pub name: Option<Text>,
    /// The number of the server's lock, in place of one made from the name.
    pub id: Option<i64>,
    /// How long a designated leader waits for the lock. Default: as long as its timeout.
    pub wait: Option<Span>,
}

/// What to do about odd histories: default = as the format's own tool; allow; refuse.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `history`")]
#[schemars(rename = "History")]
pub struct RawHistory {
    /// A pending migration older than one that is applied.
    #[schemars(schema_with = "history_rule")]
    pub out_of_order: Option<Text>,
    /// An applied migration whose file has changed.
    #[schemars(schema_with = "history_rule")]
    pub changed: Option<Text>,
    /// An applied migration whose file is gone.
    #[schemars(schema_with = "history_rule")]
    pub missing: Option<Text>,
}

/// bellwether's own tables.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `ledger`")]
#[schemars(rename = "Ledger")]
pub struct RawLedger {
    /// Their schema. Default: public, dbo, or the database itself.
    pub schema: Option<Text>,
    /// Database users who may read them.
    pub readers: Option<Vec<Text>>,
}

/// How followers wait.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `follow`")]
#[schemars(rename = "Follow")]
pub struct RawFollow {
    /// Where they look.
    #[schemars(schema_with = "follow_source")]
    pub source: Option<Text>,
    /// How long they wait for a run to begin. Default 15m.
    pub start: Option<Span>,
    /// How long they wait for a newer run after one that ended badly. Default 60s.
    pub grace: Option<Span>,
    /// How long a run that ended badly counts at all. Default 15m.
    pub window: Option<Span>,
    /// The one migration that must be applied, for followers without a folder.
    pub needs: Option<Text>,
    /// The status command: program and arguments, no shell.
    pub command: Option<Vec<Text>>,
    /// The pause between two runs of it. Default 5s.
    pub every: Option<Span>,
    /// How long one run of it may take. Default 60s.
    pub timeout: Option<Span>,
    /// Its exit codes that mean ready. Default [0].
    pub ready: Option<Vec<i32>>,
    /// Its exit codes that mean not yet. Default [1].
    pub pending: Option<Vec<i32>>,
}

/// GitHub.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `github`")]
#[schemars(rename = "Github")]
pub struct RawGithub {
    /// owner/repo of the leader. Default: the one we run in.
    pub repository: Option<Text>,
    /// Whether the leader writes GitHub Deployments.
    #[schemars(schema_with = "deployments")]
    pub deployments: Option<Text>,
}

/// Heroku.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "the keys of `heroku`")]
#[schemars(rename = "Heroku")]
pub struct RawHeroku {
    /// The app whose releases are followed. Default: the leader, if it is named.
    pub app: Option<Text>,
}

/// A string before interpolation. Its `Debug` shows nothing, since any may hold a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text(pub String);

/// A duration before interpolation; a bare `0` may stand without quotes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Span(pub String);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;
        impl Visitor<'_> for AsText {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(AsText)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsSpan;
        impl Visitor<'_> for AsSpan {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 30s")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                Ok(Span(text.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Span, E> {
                Ok(Span(number.to_string()))
            }
        }
        deserializer.deserialize_any(AsSpan)
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whole numbers with a unit each (ms, s, m, h, d): 500ms, 90s, 30m, 1h30m.",
            "anyOf": [
                { "type": "string", "pattern": "^(0|([0-9]+(ms|s|m|h|d) ?)+)$" },
                { "type": "string", "pattern": "\\$\\{" },
                { "const": 0 },
            ],
        })
    }
}

fn one_of(words: &[&str]) -> Schema {
    json_schema!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": "\\$\\{" }, { "type": "null" }] })
}

fn format(_: &mut SchemaGenerator) -> Schema {
    one_of(FORMATS)
}

fn lock_mode(_: &mut SchemaGenerator) -> Schema {
    one_of(&["auto", "session", "lease"])
}

fn history_rule(_: &mut SchemaGenerator) -> Schema {
    one_of(&["default", "allow", "refuse"])
}

fn follow_source(_: &mut SchemaGenerator) -> Schema {
    one_of(&["ledger", "history", "github", "heroku", "command"])
}

fn deployments(_: &mut SchemaGenerator) -> Schema {
    one_of(&["off", "on", "required"])
}

/// The JSON schema of `bellwether.yml`, as committed in `schema/bellwether.schema.json`.
pub fn json_schema_text() -> String {
    let mut schema = schemars::schema_for!(RawConfig).to_value();
    polish(&mut schema);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is always valid JSON");
    text.push('\n');
    text
}

/// Comments are broken into lines here, and editors break them as they like; no key is ever required, though one with
/// a schema of its own seems so to the generator.
fn polish(node: &mut serde_json::Value) {
    match node {
        serde_json::Value::Object(fields) => {
            if let Some(serde_json::Value::String(text)) = fields.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            fields.retain(|key, value| key != "required" || !value.is_array());
            fields.values_mut().for_each(polish);
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(polish),
        _ => {}
    }
}

/// Every key that an environment may have, dotted: `timeout`, `lock.wait`.
pub(super) fn keys() -> Vec<String> {
    let schema = schemars::schema_for!(RawEnvironment).to_value();
    let mut keys = Vec::new();
    collect(&schema, &schema["properties"], "", &mut keys);
    keys
}

fn collect(root: &serde_json::Value, properties: &serde_json::Value, prefix: &str, keys: &mut Vec<String>) {
    for (name, property) in properties.as_object().into_iter().flatten() {
        let reference =
            property["anyOf"].as_array().into_iter().flatten().find_map(|part| part["$ref"].as_str());
        let below = reference.and_then(|reference| root.pointer(reference.trim_start_matches('#')));
        if let Some(below) = below.map(|below| &below["properties"]).filter(|below| below.is_object()) {
            collect(root, below, &format!("{prefix}{name}."), keys);
        }
        keys.push(format!("{prefix}{name}"));
    }
}
