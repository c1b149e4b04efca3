//! SQL Server's URLs and connection strings: `sqlserver://user@host/db?…`, `…;name=value` as JDBC and Prisma have it, and
//! ADO's `Server=…;Database=…`. An error or a warning names a parameter, never its value.

mod words;

use std::path::PathBuf;

use super::pairs::{BRACES, QUOTES, properties};
use super::split::{self, Host, Scheme, decode};
use super::{EngineName, StringForm, Target, TlsMode, UrlError, params, redact, tls};
use crate::model::secret::Secret;
use words::{Meaning, meaning, plain};

/// Said in place of a name.
const BEHIND_PASSWORD: &str = "a parameter behind the password is not known and not shown, since it may be the password's \
    end: one with a semicolon stands in {braces} for JDBC and ODBC, in \"quotes\" for ADO";

/// Java's files are not read.
const TRUST_STORE: &str = "the database URL's parameter `trustStore` has no effect: `serverCertificate` names a PEM file \
    with the certificate of the server's authority";

/// Whether a parameter's name is one that we know.
pub(super) fn is_known(name: &str) -> bool {
    meaning(name).is_some()
}

/// A URL of any of the schemes.
pub(super) fn parse(scheme: &Scheme<'_>, env: &dyn Fn(&str) -> Option<String>) -> Result<Target, UrlError> {
    // jTDS: `jdbc:jtds:sqlserver://…`
    let jtds = scheme.rest.strip_prefix("sqlserver:");
    let rest = jtds.unwrap_or(scheme.rest);
    let text = rest.strip_prefix("//").ok_or(UrlError::NoSlashes { scheme: "sqlserver" })?;
    if let Some(string) = odbc_connect(text)? {
        return odbc(&string, env);
    }
    let mut draft = Draft { jtds: jtds.is_some(), ..Draft::new() };
    match properties_begin(text, scheme.jdbc) {
        Some(at) => {
            let mut read = || {
                draft.address(&text[..at])?;
                draft.apply(&properties(text[at..].trim_start_matches(';'), BRACES)?)
            };
            read().map_err(|error| error.of(StringForm::Jdbc))?;
        }
        None => draft.url(&Scheme { rest, ..*scheme })?,
    }
    draft.finish(env)
}

/// SQLAlchemy's `?odbc_connect=…`: a whole ODBC string in place of all else, with its blanks as plus signs.
fn odbc_connect(text: &str) -> Result<Option<String>, UrlError> {
    let query = text.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let string = pairs.find(|(name, _)| plain(name) == "odbcconnect").map(|(_, value)| value);
    string.map(|value| decode("parameter", &value.replace('+', " "))).transpose()
}

fn odbc(string: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Target, UrlError> {
    let of = |error: UrlError| error.of(StringForm::Odbc);
    let pairs = properties(string, BRACES).map_err(of)?;
    if !names_server(&pairs) {
        return Err(UrlError::BadParameter { name: "odbc_connect".to_owned(), expected: ODBC });
    }
    let mut draft = Draft::new();
    draft.apply(&pairs).map_err(of)?;
    draft.finish(env)
}

fn names_server(pairs: &[(String, String)]) -> bool {
    pairs.iter().any(|(name, _)| meaning(name) == Some(Meaning::Server))
}

/// ADO's `Server=…;Database=…`, which has no scheme; none = it is none.
pub(super) fn parse_ado(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Option<Result<Target, UrlError>> {
    let (first, _) = text.split_once('=')?;
    let first = first.trim();
    // libpq has pairs too: `host=…`, and blanks between them
    let begins = meaning(first).is_some_and(|it| text.contains(';') || it == Meaning::Server);
    if !begins || first.eq_ignore_ascii_case("host") || first.contains([':', '/', '@']) {
        return None;
    }
    // ODBC's name a driver, and put their values in braces
    let is_driver = |name: &str| plain(name.trim()) == "driver";
    let named =
        |quotes| properties(text, quotes).is_ok_and(|pairs| pairs.iter().any(|(name, _)| is_driver(name)));
    let form = match named(BRACES) {
        true => StringForm::Odbc,
        // which cannot be read
        _ if properties(text, QUOTES).is_err()
            && text.split(';').any(|pair| pair.split_once('=').is_some_and(|(name, _)| is_driver(name))) =>
        {
            StringForm::Odbc
        }
        false => StringForm::Ado,
    };
    let quotes = if form == StringForm::Odbc { BRACES } else { QUOTES };
    let read = || {
        let pairs = properties(text, quotes)?;
        if !names_server(&pairs) {
            return Err(UrlError::NoScheme);
        }
        let mut draft = Draft::new();
        draft.apply(&pairs)?;
        draft.finish(env)
    };
    let found = read().map_err(|error| error.of(form));
    Some(found)
}

/// Where `;name=value` begins in a URL; none where parameters follow a `?`, or there are none. A password in front of
/// an `@` may have a semicolon in it.
fn properties_begin(text: &str, jdbc: bool) -> Option<usize> {
    let at = text.find(';');
    if jdbc {
        return Some(at.unwrap_or(text.len()));
    }
    at.filter(|at| {
        let behind = text[*at..].trim_start_matches([';', ' ']);
        let name = behind.split(['=', ';']).next().unwrap_or_default();
        !text[..*at].contains(['@', '?']) && (behind.is_empty() || is_known(name))
    })
}

/// A target while it is put together.
struct Draft {
    target: Target,
    mode: Option<TlsMode>,
    trust: bool,
    instance: Option<String>,
    jtds: bool, // of its words, only `authenticate` looks at the certificate
}

impl Draft {
    fn new() -> Self {
        Self {
            target: Target::new(EngineName::SqlServer),
            mode: None,
            trust: false,
            instance: None,
            jtds: false,
        }
    }

    /// `user:password@host:port/database?name=value`.
    fn url(&mut self, scheme: &Scheme<'_>) -> Result<(), UrlError> {
        let parts = split::parts(scheme)?;
        let some = |part, text| decode(part, text).map(|text| Some(text).filter(|text| !text.is_empty()));
        self.target.user = some("user", parts.user)?;
        self.target.password = some("password", parts.password)?.map(Secret::new);
        self.target.port = parts.port;
        match parts.host {
            Some(Host::Name(name)) => self.target.host = Some(name),
            Some(Host::Socket(_)) => return Err(UrlError::BadHost),
            None => {}
        }
        let path = some("database", parts.database)?;
        // a plus sign is a blank in Go's and Python's words for drivers, never in ours
        self.apply(&params::pairs(parts.query)?)?;
        match self.target.database {
            // Go's driver, and golang-migrate with it: the path is an instance then
            Some(_) => self.instance = path.or(self.instance.take()),
            None => self.target.database = path,
        }
        Ok(())
    }

    /// `host\instance:port/database`, in front of properties.
    fn address(&mut self, text: &str) -> Result<(), UrlError> {
        let (place, database) = text.split_once('/').unwrap_or((text, ""));
        if !database.is_empty() {
            self.target.database = Some(decode("database", database)?);
        }
        self.place(place, ':')
    }

    /// A server as drivers name it; `before_port` is a colon in URLs and a comma in ADO's strings.
    fn place(&mut self, text: &str, before_port: char) -> Result<(), UrlError> {
        let text = text.trim();
        let text = match text.get(..4) {
            Some(tcp) if tcp.eq_ignore_ascii_case("tcp:") => text[4..].trim_start(),
            _ => text,
        };
        // an IPv6 address is in brackets where colons separate
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, after)) => (host, after.trim_start_matches(before_port)),
            None => text.rsplit_once(before_port).unwrap_or((text, "")),
        };
        if !port.trim().is_empty() {
            self.target.port = Some(split::port(port.trim()).ok_or(UrlError::BadPort)?);
        }
        let (host, instance) = host.split_once('\\').unwrap_or((host, ""));
        if !instance.is_empty() {
            self.instance = Some(instance.to_owned());
        }
        match host.trim() {
            "" => {}
            "." | "(local)" => self.target.host = Some("localhost".to_owned()),
            host => match split::host(host)? {
                Host::Name(name) => self.target.host = Some(name),
                Host::Socket(_) => return Err(UrlError::BadHost),
            },
        }
        Ok(())
    }

    fn apply(&mut self, pairs: &[(String, String)]) -> Result<(), UrlError> {
        let mut behind_password = false;
        for (name, value) in pairs {
            match meaning(name) {
                Some(meaning) => {
                    self.one(meaning, name, value)?;
                    behind_password |= meaning == Meaning::Password;
                }
                None if behind_password => self.target.warnings.push(BEHIND_PASSWORD.to_owned()),
                None => self.target.warnings.push(params::unknown(&name.replace(' ', "_"))),
            }
        }
        Ok(())
    }

    fn one(&mut self, meaning: Meaning, name: &str, value: &str) -> Result<(), UrlError> {
        let bad = |expected| Err(UrlError::BadParameter { name: name.to_owned(), expected });
        let some = || Some(value.to_owned()).filter(|value| !value.is_empty());
        let target = &mut self.target;
        match meaning {
            Meaning::Server => return self.place(value, ','),
            Meaning::Port => target.port = Some(split::port(value).ok_or(UrlError::BadPort)?),
            Meaning::Instance => self.instance = some(),
            Meaning::Database => target.database = some().or(target.database.take()),
            Meaning::User => target.user = some().or(target.user.take()),
            Meaning::Password => target.password = some().map(Secret::new).or(target.password.take()),
            Meaning::Encrypt => match encryption(value) {
                Some(_) if self.jtds && value.eq_ignore_ascii_case("require") => {
                    self.mode = Some(TlsMode::Require);
                }
                Some(mode) => self.mode = Some(mode),
                None => return bad(ENCRYPT),
            },
            Meaning::SslMode => match tls::mode(value) {
                Some(mode) => self.mode = Some(mode),
                None => return bad(tls::MODES),
            },
            Meaning::TrustCertificate => match tls::truth(value) {
                Some(trust) => self.trust = trust,
                None => return bad("true or false"),
            },
            Meaning::RootCert => target.tls.root_cert = some().map(PathBuf::from),
            Meaning::CertificateName => target.settings.extend(some().map(|name| (CERTIFICATE.into(), name))),
            Meaning::ConnectTimeout => match params::seconds(value) {
                Some(limit) => target.connect_timeout = limit,
                None => return bad(params::SECONDS),
            },
            Meaning::ApplicationName => target.settings.extend(some().map(|name| (APPLICATION.into(), name))),
            // it stands in statements' templates
            Meaning::History if value.contains(['?', '{', '}', ',']) => return bad("one schema's name"),
            Meaning::History => target.settings.extend(some().map(|schema| (HISTORY.into(), schema))),
            Meaning::Intent if value.eq_ignore_ascii_case("readonly") => {
                target.settings.push((INTENT.into(), "readonly".into()));
            }
            Meaning::ForeignLogin => {
                let own = ["sqlpassword", "notspecified", "nativeauthentication"];
                let is_own = own.iter().any(|word| plain(value) == *word);
                // `Integrated Security=SSPI` is a yes
                if !(is_own || tls::truth(value) == Some(false) || value.is_empty()) {
                    return bad(OWN_LOGIN);
                }
            }
            Meaning::TrustStore => target.warnings.push(TRUST_STORE.to_owned()),
            Meaning::Intent | Meaning::Ignored => {}
        }
        Ok(())
    }

    /// Applies variables and defaults: sqlcmd's variables, and encryption as in Microsoft's drivers since 2022.
    fn finish(mut self, env: &dyn Fn(&str) -> Option<String>) -> Result<Target, UrlError> {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        if self.target.host.is_none()
            && let Some(server) = env("SQLCMDSERVER")
        {
            let expected = "one server: a name or an address, with its port after a comma";
            let bad = UrlError::BadVariable { name: "SQLCMDSERVER", expected };
            let port = self.target.port;
            self.place(&server, ',').map_err(|_| bad)?;
            self.target.port = port.or(self.target.port);
        }
        if self.instance.is_some() && self.target.port.is_none() {
            return Err(UrlError::BadParameter { name: "instance".to_owned(), expected: INSTANCE });
        }
        let mut target = self.target;
        target.host.get_or_insert_with(|| "localhost".to_owned());
        target.user = target.user.take().or_else(|| env("SQLCMDUSER"));
        target.password = target.password.take().or_else(|| env("SQLCMDPASSWORD").map(Secret::new));
        target.database = target.database.take().or_else(|| env("SQLCMDDBNAME"));
        let mode = self.mode.unwrap_or(TlsMode::VerifyFull);
        target.tls.mode = if self.trust { mode.min(TlsMode::Require) } else { mode };
        target.warnings = target.warnings.iter().map(|text| redact(text, &target)).collect();
        Ok(target)
    }
}

/// The setting that says what a server's certificate is made out to, where that is not the host.
pub const CERTIFICATE: &str = "host_name_in_certificate";
/// The setting that says what we call ourselves.
pub const APPLICATION: &str = "application_name";
/// The setting that names the history's schema, where that is not the login's own: the server knows no search path.
pub const HISTORY: &str = "history_schema";
/// The setting that is there (`readonly`) if a copy that is only read will do.
pub const INTENT: &str = "application_intent";

const ENCRYPT: &str = "true, false or disable; strict, which begins with TLS (TDS 8.0), is not supported: true \
                       encrypts everything too, and checks the certificate";
const OWN_LOGIN: &str = "left out: only a login of SQL Server's own, with a password, is supported";
const ODBC: &str = "an ODBC string that names its server, percent-encoded: DRIVER={…};SERVER=host,1433;DATABASE=…;UID=…;PWD=…";
const INSTANCE: &str =
    "left out, or given with its port (host\\instance,1433): SQL Server Browser is not asked for it";

/// `encrypt=…`, in the words of Microsoft's drivers and of Go's. Not demanded is: if the server can.
fn encryption(word: &str) -> Option<TlsMode> {
    match word.to_ascii_lowercase().as_str() {
        "mandatory" | "require" | "required" => Some(TlsMode::VerifyFull),
        "optional" | "request" => Some(TlsMode::Prefer),
        "disable" | "disabled" => Some(TlsMode::Disable),
        // jTDS
        "authenticate" => Some(TlsMode::VerifyFull),
        word => tls::truth(word).map(|yes| if yes { TlsMode::VerifyFull } else { TlsMode::Prefer }),
    }
}
