//! What follows the `?` of a server's URL, in the words of many tools. A parameter that nobody knows is a warning that
//! names it, and never its value.

use percent_encoding::percent_decode_str;

use super::draft::Draft;
use super::split::{self, Host, decode};
use super::{EngineName, TlsMode, UrlError, sqlserver, tls};
use crate::model::secret::Secret;

/// What [`seconds`] understands.
pub(super) const SECONDS: &str = "a whole number of seconds";

/// PostgreSQL's own settings that drivers take as parameters.
const SETTINGS: &[&str] = &[
    "search_path",
    "application_name",
    "statement_timeout",
    "lock_timeout",
    "timezone",
    "role",
    "datestyle",
    "intervalstyle",
    "work_mem",
    "maintenance_work_mem",
];

/// Known, harmless, and without effect on one session that speaks UTF-8: pools, caches, types, retries.
const IGNORED: &str = "\
    adapter advisorylocks allowmultiqueries allownativepasswords allowpublickeyretrieval asyncfallback \
    autoreconnect autosave binaryparameters binarytransfer cacheprepstmts cachesize channelbinding \
    characterencoding characterset charset checkouttimeout clientencoding clientfoundrows collation \
    commandtimeout connectionattributes connectioncollation connectionlimit connhealthchecks connmaxage \
    datestrings defaultfetchsize defaultqueryexecmode defaultrowfetchsize elidesettransactionisolation \
    enabledtlsprotocols encoding failoverreadonly fallbackapplicationname gssencmode hostrecheckseconds \
    idletimeout interpolateparams keepalive keepalives keepalivescount keepalivesidle keepalivesinterval \
    loadbalancehosts loc loggerlevel logintimeout logunclosedconnections maxallowedpacket \
    maxconnectionlifetime maxconnections maxidleconnectionlifetime maxoverflow maxreconnects \
    minconnections minmessages multistatements nullcatalogmeanscurrent parsetime pool \
    poolhealthcheckperiod poolmaxconnidletime poolmaxconnlifetime poolmaxconns poolminconns poolmode \
    poolpreping poolrecycle poolsize pooltimeout preparedstatementcachequeries \
    preparedstatementcachesize preparedstatements preparethreshold prepstmtcachesize \
    prepstmtcachesqllimit queueinterval queuelimit queuetarget readtimeout reapingfrequency reconnect \
    rejectreadonly retries rewritebatchedinserts rewritebatchedstatements servertimezone serverversion \
    singleuseconnections sockettimeout sslcompression sslmaxprotocolversion sslminprotocolversion \
    sslnegotiation sslpassword sslsni statementcachecapacity statementcachesize stringtype \
    supportbignumbers targetservertype targetsessionattrs tcpkeepalive tcpusertimeout timeout \
    tinyint1isbit tlsversions useaffectedrows usecompression usejdbccomplianttimezoneshift \
    uselegacydatetimecode uselibpqcompat useserverprepstmts useunicode waitforconnections writetimeout \
    zerodatetimebehavior";

#[derive(Clone, Copy)]
enum Meaning {
    User,
    Password,
    Host,
    HostAddress,
    Port,
    Database,
    Socket,
    ConnectTimeout,
    Pooler,
    Setting(&'static str),
    Schema,
    Collation,
    Options,
    SslMode,
    SslFlag,
    TlsFlag,
    RequireSsl,
    VerifyCertificate,
    VerifyIdentity,
    TrustCertificate,
    SslAccept,
    SslIdentity,
    RootCert,
    ClientCert,
    ClientKey,
    Ignored,
}

fn meaning(name: &str, engine: EngineName) -> Option<Meaning> {
    use EngineName::{MySql, Postgres};
    let name = plain(name);
    let setting = SETTINGS.iter().find(|setting| engine == Postgres && plain(setting) == name);
    Some(match (name.as_str(), engine) {
        ("user" | "username", _) => Meaning::User,
        ("password", _) => Meaning::Password,
        ("host", _) => Meaning::Host,
        ("hostaddr", Postgres) => Meaning::HostAddress,
        ("port", _) => Meaning::Port,
        ("dbname" | "database", _) => Meaning::Database,
        ("socket" | "unixsocket" | "localsocket", _) => Meaning::Socket,
        ("connecttimeout", _) => Meaning::ConnectTimeout,
        ("pgbouncer", _) => Meaning::Pooler,
        ("currentschema" | "schemasearchpath", Postgres) => Meaning::Setting("search_path"),
        ("schema", Postgres) => Meaning::Schema,
        ("timezone", MySql) => Meaning::Setting("time_zone"),
        ("collation" | "connectioncollation", MySql) => Meaning::Collation,
        ("options", Postgres) => Meaning::Options,
        ("sslmode", _) => Meaning::SslMode,
        ("ssl" | "usessl", _) => Meaning::SslFlag,
        ("tls", MySql) => Meaning::TlsFlag,
        ("requiressl", _) => Meaning::RequireSsl,
        ("verifyservercertificate" | "sslverify" | "sslverifycert", _) => Meaning::VerifyCertificate,
        ("sslverifyidentity", _) => Meaning::VerifyIdentity,
        ("trustservercertificate", _) => Meaning::TrustCertificate,
        ("sslaccept", _) => Meaning::SslAccept,
        ("sslidentity", _) => Meaning::SslIdentity,
        ("sslrootcert" | "sslca" | "serversslcert", _) => Meaning::RootCert,
        ("sslcert", _) => Meaning::ClientCert,
        ("sslkey", _) => Meaning::ClientKey,
        (ignored, _) if IGNORED.split_whitespace().any(|known| known == ignored) => Meaning::Ignored,
        _ => Meaning::Setting(setting?),
    })
}

/// Whether a parameter's name, as written in a URL, is one that we know.
pub(super) fn is_known(name: &str, engine: EngineName) -> bool {
    let name = percent_decode_str(name).decode_utf8_lossy();
    match engine {
        EngineName::SqlServer => sqlserver::is_known(&name),
        _ => meaning(&name, engine).is_some(),
    }
}

/// A name without what tools spell differently: `ssl-mode`, `ssl_mode`, `sslMode` are one.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).collect::<String>().to_lowercase()
}

/// The decoded pairs of a query. A plus sign stays one: passwords have them. Refused, on every server, is what would have
/// its tool keep another history than the one we look at.
pub(super) fn pairs(query: &str) -> Result<Vec<(String, String)>, UrlError> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode("parameter", name)?, decode("parameter", value)?);
            // golang-migrate would have another history, and ours be empty
            if plain(&name) == "xmigrationstable" && value != GOLANG_MIGRATE {
                return Err(UrlError::BadParameter { name, expected: ONE_TABLE });
            }
            Ok((name, value))
        })
        .collect()
}

/// golang-migrate's table, unless its URL names another (`x-migrations-table`, its databases' pages).
const GOLANG_MIGRATE: &str = "schema_migrations";
const ONE_TABLE: &str = "`schema_migrations`: golang-migrate's history is looked for in no other table";

/// The warning about a parameter. What is no name may be the rest of a password with a raw `&` in it: not shown.
pub(super) fn unknown(name: &str) -> String {
    let named = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']'));
    if named {
        format!("the database URL's parameter `{name}` is not known and has no effect")
    } else {
        "the database URL has a parameter without a proper name, which has no effect".to_owned()
    }
}

/// Applies a URL's parameters.
pub(super) fn apply(draft: &mut Draft, query: &str) -> Result<(), UrlError> {
    let engine = draft.target.engine;
    for (name, value) in pairs(query)? {
        let setting = name.strip_prefix("options[").and_then(|rest| rest.strip_suffix(']'));
        match (meaning(&name, engine), setting) {
            (Some(meaning), _) => one(draft, meaning, name, value)?,
            (None, Some(setting)) if engine == EngineName::Postgres => draft.set(setting, value),
            (None, _) => draft.target.warnings.push(unknown(&name)),
        }
    }
    Ok(())
}

fn one(draft: &mut Draft, meaning: Meaning, name: String, value: String) -> Result<(), UrlError> {
    let nowhere = draft.nowhere();
    let target = &mut draft.target;
    let some = Some(value.clone()).filter(|value| !value.is_empty());
    match meaning {
        Meaning::User => target.user = some.or(target.user.take()),
        Meaning::Password => target.password = some.map(Secret::new).or(target.password.take()),
        Meaning::Database => target.database = some.or(target.database.take()),
        Meaning::Host if value.is_empty() => {}
        Meaning::Host => draft.place(split::host(&value)?),
        // with both, libpq dials the address and checks the name: the name leads there too
        Meaning::HostAddress if nowhere => draft.place(split::host(&value)?),
        Meaning::Port => target.port = Some(split::port(&value).ok_or(UrlError::BadPort)?),
        Meaning::Socket if value.is_empty() => {}
        Meaning::Socket => draft.place(Host::Socket(value.into())),
        Meaning::ConnectTimeout => {
            // Connector/J and node's mysql2, which write it so, count milliseconds
            let milliseconds = target.engine == EngineName::MySql && name.contains('T');
            let limit = seconds(&value).ok_or(UrlError::BadParameter { name, expected: SECONDS })?;
            target.connect_timeout = limit.map(|n| if milliseconds { n.div_ceil(1000) } else { n });
            draft.timed = true;
        }
        Meaning::Pooler => target.pooled = truth(name, &value)?,
        // Go's MySQL driver wants a setting's value quoted
        Meaning::Setting(setting) => draft.set(setting, value.trim_matches('\'').to_owned()),
        // the text we send is utf8mb4, whatever the application speaks: no other collation fits it
        Meaning::Collation if value.starts_with("utf8mb4_") => draft.set("collation", value),
        Meaning::Schema => draft.set("search_path", identifier(&value)),
        Meaning::Options => {
            draft.options = true;
            for (name, value) in options(&value.replace("-c+", "-c ").replace("+-", " -")) {
                draft.set(&name, value);
            }
        }
        Meaning::HostAddress | Meaning::Collation | Meaning::Ignored => {}
        _ => return encryption(draft, meaning, name, value),
    }
    Ok(())
}

fn encryption(draft: &mut Draft, meaning: Meaning, name: String, value: String) -> Result<(), UrlError> {
    let java_postgres = draft.jdbc && draft.target.engine == EngineName::Postgres;
    let wish = &mut draft.tls;
    let some = Some(value.clone()).filter(|value| !value.is_empty());
    let bad = |name, expected| UrlError::BadParameter { name, expected };
    match meaning {
        Meaning::SslMode => wish.mode = Some(tls::mode(&value).ok_or_else(|| bad(name, tls::MODES))?),
        Meaning::SslFlag | Meaning::TlsFlag => {
            // pgjdbc: true checks everything, false leaves the choice open; Go's MySQL driver: true checks everything
            let (yes, no) = match meaning {
                Meaning::TlsFlag => (TlsMode::VerifyFull, TlsMode::Disable),
                _ if java_postgres => (TlsMode::VerifyFull, TlsMode::Prefer),
                _ => (TlsMode::Require, TlsMode::Disable),
            };
            let mode = tls::flag(&value, yes, no);
            wish.flag = Some(mode.ok_or_else(|| bad(name, "true, false or an sslmode"))?);
        }
        Meaning::RequireSsl => {
            wish.floor = wish.floor.max(truth(name, &value)?.then_some(TlsMode::Require));
        }
        Meaning::VerifyCertificate => {
            wish.floor = wish.floor.max(truth(name, &value)?.then_some(TlsMode::VerifyCa));
        }
        Meaning::VerifyIdentity => {
            wish.floor = wish.floor.max(truth(name, &value)?.then_some(TlsMode::VerifyFull));
        }
        Meaning::TrustCertificate => wish.ceiling = truth(name, &value)?.then_some(TlsMode::Require),
        Meaning::SslAccept => {
            wish.prisma = true;
            match value.as_str() {
                "strict" => wish.floor = Some(TlsMode::VerifyFull),
                "accept_invalid_certs" => wish.ceiling = Some(TlsMode::Require),
                _ => return Err(bad(name, "strict or accept_invalid_certs")),
            }
        }
        Meaning::SslIdentity => {
            wish.prisma = true;
            let text = "is not supported: name certificate and key as PEM files with `sslcert` and `sslkey`";
            draft.target.warnings.push(format!("the database URL's parameter `{name}` {text}"));
        }
        Meaning::RootCert => wish.root_cert = some,
        Meaning::ClientCert => wish.client_cert = some,
        Meaning::ClientKey => wish.client_key = some,
        _ => {}
    }
    Ok(())
}

fn truth(name: String, value: &str) -> Result<bool, UrlError> {
    tls::truth(value).ok_or(UrlError::BadParameter { name, expected: "true or false" })
}

/// Whole seconds; 0 and nothing mean no limit.
pub(super) fn seconds(value: &str) -> Option<Option<u64>> {
    if value.is_empty() {
        return Some(None);
    }
    value.parse().ok().map(|seconds| Some(seconds).filter(|seconds| *seconds > 0))
}

/// PostgreSQL's command-line options as settings: `-c name=value`, `-cname=value`, `--name=value`. The rest (Neon's
/// `endpoint=…`, CockroachDB's `cluster`, other switches) stays as it is, under the name `options`.
pub(super) fn options(text: &str) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    let mut others = Vec::new();
    let mut words = words(text).into_iter();
    while let Some(word) = words.next() {
        let assignment = match word.as_str() {
            "-c" => words.next().unwrap_or_default(),
            _ => {
                let rest = word.strip_prefix("--").or_else(|| word.strip_prefix("-c"));
                rest.unwrap_or_default().to_owned()
            }
        };
        match assignment.split_once('=') {
            // CockroachDB's proxy looks for it
            Some(("cluster", name)) => others.push(format!("--cluster={name}")),
            // the server, too, takes a hyphen in a setting's name for an underscore
            Some((name, value)) if !name.is_empty() => {
                settings.push((name.replace('-', "_"), value.to_owned()))
            }
            _ => {
                let rest = (word == "-c").then_some(assignment);
                let both = std::iter::once(word).chain(rest);
                others.extend(both.map(|word| word.replace('\\', "\\\\").replace(' ', "\\ ")));
            }
        }
    }
    if !others.is_empty() {
        settings.push(("options".to_owned(), others.join(" ")));
    }
    settings
}

/// Words between white space; a backslash takes the next character as it is.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, words.last_mut()) {
            ('\\', Some(word)) => word.extend(chars.next()),
            (c, _) if c.is_whitespace() => words.push(String::new()),
            (c, Some(word)) => word.push(c),
            (_, None) => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A schema's name as `search_path` needs it: quoted unless it is a plain lower-case word.
fn identifier(name: &str) -> String {
    let plain = !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && !name.is_empty() { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
