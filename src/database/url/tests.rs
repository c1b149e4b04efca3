//! The forms that people have, as tables.

use super::*;

mod any_text;
mod parameters;
mod sqlserver;

const NOTHING: &dyn Fn(&str) -> Option<String> = &|_| None;

fn target(url: &str) -> Target {
    parse_on(url, NOTHING, &|_| false).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn refused(url: &str) -> UrlError {
    parse_on(url, NOTHING, &|_| false).expect_err(url)
}

fn with(url: &str, variables: &[(&str, &str)]) -> Result<Target, UrlError> {
    let env =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    parse_on(url, &env, &|_| false)
}

fn password(target: &Target) -> Option<&str> {
    target.password.as_ref().map(Secret::expose)
}

fn setting<'a>(target: &'a Target, name: &str) -> Option<&'a str> {
    target.settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[test]
fn servers_are_read_from_every_form() {
    let table = [
        ("postgres://u:p@db.example.com:5433/app", "postgres://u@db.example.com:5433/app"),
        ("postgresql://u@db/app", "postgres://u@db:5432/app"),
        ("POSTGRES://u@db/app", "postgres://u@db:5432/app"),
        ("pgsql://db/app", "postgres://db:5432/app"),
        ("psql://db/app/", "postgres://db:5432/app"),
        ("postgis://u:p@db/geo", "postgres://u@db:5432/geo"),
        ("postgresql+psycopg2://u:p@db/app", "postgres://u@db:5432/app"),
        ("cockroachdb://u:p@db:26257/app", "postgres://u@db:26257/app"),
        ("jdbc:postgresql://db/app?user=u&password=p", "postgres://u@db:5432/app"),
        ("jdbc:postgresql:app", "postgres://localhost:5432/app"),
        ("r2dbc:mariadb://db/app", "mysql://db:3306/app"),
        ("mysql://u:p@db/app", "mysql://u@db:3306/app"),
        ("mysql2://u:p@db:3307/app", "mysql://u@db:3307/app"),
        ("mariadb://u@db/app", "mysql://u@db:3306/app"),
        ("trilogy://u@db/app", "mysql://u@db:3306/app"),
        ("mysql+pymysql://u:p@db/app?charset=utf8mb4", "mysql://u@db:3306/app"),
        ("jdbc:mysql://db:3307/app?user=u&password=p&useSSL=true", "mysql://u@db:3307/app"),
        ("jdbc:mariadb://db/app", "mysql://db:3306/app"),
        ("mysql://u:p@tcp(db:3307)/app", "mysql://u@db:3307/app"),
        ("postgres://[::1]:5433/app", "postgres://[::1]:5433/app"),
        ("postgres://u@[2001:db8::1]/app", "postgres://u@[2001:db8::1]:5432/app"),
        ("postgres://my_db-1/app", "postgres://my_db-1:5432/app"),
        ("postgres://u%40corp@db:/a%20b%2Fc", "postgres://u%40corp@db:5432/a%20b%2Fc"),
        ("postgres://u@server:pw@db/app", "postgres://u%40server@db:5432/app"),
        ("postgres://", "postgres://localhost:5432"),
        ("mysql:///app", "mysql://localhost:3306/app"),
        ("  \"postgres://u@db/app\"\n", "postgres://u@db:5432/app"),
        ("postgres://db/app?host=other&port=6000&dbname=x&user=v", "postgres://v@other:6000/x"),
        ("postgres://db/app?hostaddr=10.0.0.1", "postgres://db:5432/app"),
        ("postgres:///app?hostaddr=10.0.0.1", "postgres://10.0.0.1:5432/app"),
    ];
    for (url, shown) in table {
        let target = target(url);
        assert_eq!(target.to_string(), shown, "{url}");
        assert_eq!(target.warnings, Vec::<String>::new(), "{url}");
    }
}

#[test]
fn sockets_are_read_from_every_form() {
    let table = [
        (
            "postgres://%2Fvar%2Frun%2Fpostgresql/app",
            "/var/run/postgresql",
            "/var/run/postgresql/.s.PGSQL.5432",
        ),
        ("postgres:///app?host=/run/pg&port=5433", "/run/pg", "/run/pg/.s.PGSQL.5433"),
        (
            "postgres://u:p@localhost/app?host=/cloudsql/a:b:c",
            "/cloudsql/a:b:c",
            "/cloudsql/a:b:c/.s.PGSQL.5432",
        ),
        ("postgres:///app?socket=/run/pg/.s.PGSQL.6000", "/run/pg", "/run/pg/.s.PGSQL.6000"),
        ("mysql://u@localhost/app?socket=/run/my.sock", "/run/my.sock", "/run/my.sock"),
        ("mysql2:///app?unix_socket=%2Frun%2Fmy.sock", "/run/my.sock", "/run/my.sock"),
        ("mysql://u@%2Frun%2Fmy.sock/app", "/run/my.sock", "/run/my.sock"),
        ("mysql://u:p@unix(/run/my.sock)/app", "/run/my.sock", "/run/my.sock"),
    ];
    for (url, socket, label) in table {
        let target = target(url);
        assert_eq!(target.socket.as_deref(), Some(Path::new(socket)), "{url}");
        assert_eq!((target.host.as_deref(), target.host_label().as_str()), (None, label), "{url}");
        assert_eq!(target.database_label(), "app", "{url}");
    }
    assert_eq!(target("postgres://u@/app?host=/run/pg").to_string(), "postgres://u@/app?host=/run/pg");
    assert_eq!(target("mysql://u@/?socket=/my.sock").to_string(), "mysql://u@/?socket=/my.sock");
}

#[test]
fn a_local_postgres_is_reached_by_its_socket_if_it_is_there() {
    let there = |path: &Path| path == Path::new("/tmp/.s.PGSQL.5433");
    let parse = |url| parse_on(url, NOTHING, &there).expect("a good URL").to_string();
    assert_eq!(parse("postgres://:5433/app"), "postgres:///app?host=/tmp");
    assert_eq!(parse("postgres://:5432/app"), "postgres://localhost:5432/app");
    assert_eq!(parse("postgres://localhost:5433/app"), "postgres://localhost:5433/app");
}

#[test]
fn sqlite_files_are_read_from_every_form() {
    let table = [
        ("sqlite:app.db", "app.db"),
        ("sqlite:db/app.db?mode=rwc", "db/app.db"),
        ("sqlite:/srv/app.db", "/srv/app.db"),
        ("sqlite:///srv/app.db", "/srv/app.db"),
        ("sqlite:////srv/app.db", "/srv/app.db"),
        ("sqlite://app.db", "app.db"),
        ("sqlite://db/app.db", "db/app.db"),
        ("sqlite3:db/app.sqlite3?pool=5&timeout=5000", "db/app.sqlite3"),
        ("sqlite+pysqlite:///app.db", "app.db"),
        ("sqlite+aiosqlite:////srv/app.db", "/srv/app.db"),
        ("jdbc:sqlite:db/app.db", "db/app.db"),
        ("jdbc:sqlite:/srv/app.db", "/srv/app.db"),
        ("file:./dev.db?connection_limit=1", "./dev.db"),
        ("file:///srv/app.db", "/srv/app.db"),
        ("file://localhost/srv/app.db", "/srv/app.db"),
        ("sqlite:a%20b%3F#1.db", "a b?#1.db"),
    ];
    for (url, file) in table {
        let target = target(url);
        assert_eq!(
            (target.engine, target.file.as_deref()),
            (EngineName::Sqlite, Some(Path::new(file))),
            "{url}"
        );
        assert_eq!(target.to_string(), format!("sqlite:{file}"));
        assert_eq!(target.warnings, Vec::<String>::new(), "{url}");
    }
    assert_eq!(target("sqlite:/srv/app.db").database_label(), "app.db");
    assert_eq!(setting(&target("sqlite:a.db?mode=ro"), "mode"), Some("ro"));
    assert_eq!(target("sqlite:a.db?vfs=unix-none").warnings.len(), 1);
    let memory = [
        ":memory:",
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite:///:memory:",
        "file::memory:?cache=shared",
        "sqlite:a?mode=memory",
        "sqlite+pysqlite://",
        "sqlite+pysqlite:///:memory:",
        "jdbc:sqlite:",
        "jdbc:sqlite::memory:",
    ];
    for url in memory {
        assert_eq!(refused(url), UrlError::Memory, "{url}");
    }
    assert_eq!(refused("sqlite:"), UrlError::NoFile);
    assert!(matches!(refused("sqlite:a.db?mode=wo"), UrlError::BadParameter { .. }));
}

#[test]
fn what_is_no_url_of_ours_is_refused_by_name() {
    let table = [
        ("", UrlError::Empty),
        ("''", UrlError::Empty),
        ("localhost:5432/app", UrlError::NoScheme),
        ("db.example.com", UrlError::NoScheme),
        ("user:secret@db/app", UrlError::NoScheme),
        ("host=db user=u password=secret", UrlError::NoScheme),
        ("oracle://u:secret@db/app", UrlError::UnknownScheme { scheme: "oracle".into() }),
        ("jdbc:oracle:thin:@db", UrlError::UnknownScheme { scheme: "jdbc:oracle".into() }),
        ("prisma+postgres://accelerate", UrlError::UnknownScheme { scheme: "prisma+postgres".into() }),
        ("postgres:u:secret@db/app", UrlError::NoSlashes { scheme: "postgres" }),
        ("postgres://u:secret@a,b/app", UrlError::ManyHosts),
        ("postgres://u:secret@a:5432,b:5433/app", UrlError::ManyHosts),
        ("postgres:///app?host=a,b", UrlError::ManyHosts),
        ("jdbc:mysql:loadbalance://a,b/app", UrlError::ManyHosts),
        ("postgres://u:secret@db:port/app", UrlError::BadPort),
        ("postgres://u:secret@db:0/app", UrlError::BadPort),
        ("postgres://u:secret@db:65536/app", UrlError::BadPort),
        ("postgres://u:secret@d b/app", UrlError::BadHost),
        ("postgres://u:secret@::1/app", UrlError::BadHost),
        ("postgres://u:secret@[db]/app", UrlError::BadHost),
        ("postgres://u:%FF@db/app", UrlError::BadEncoding { part: "password" }),
        ("postgres://u%00@db/app", UrlError::BadEncoding { part: "user" }),
        ("postgres://u:1/secret@d b/app", UrlError::Unclear),
    ];
    for (url, error) in table {
        let refusal = refused(url);
        assert_eq!(refusal, error, "{url}");
        assert!(!refusal.to_string().contains("secret"), "{refusal}");
    }
}

#[test]
fn a_raw_password_is_understood_where_only_one_reading_makes_sense() {
    let table = [
        "p@ss",
        "p@ss/w#rd",
        "p/w",
        "p#w",
        "p?w",
        "12/34",
        "a:b",
        "50%",
        "1@2@3",
        "@",
        "/",
        "#a?b=c&d",
        "p@x/y?z=1",
        "it's",
        "p,q@r",
        "[x]",
    ];
    for raw in table {
        for tail in ["db:5432/app", "db/app?sslmode=require", "db", "[::1]:5432/app?application_name=me@here"]
        {
            let url = format!("postgres://user:{raw}@{tail}");
            let target = target(&url);
            assert_eq!((target.user.as_deref(), password(&target)), (Some("user"), Some(raw)), "{url}");
            assert_eq!(target.warnings, Vec::<String>::new(), "{url}");
        }
    }
    let named = target("postgres://db/app?user=me@here&password=p#w");
    assert_eq!((named.user.as_deref(), password(&named)), (Some("me@here"), Some("p#w")));
}

#[test]
fn variables_fill_what_the_url_leaves_out() {
    let all = [
        ("PGHOST", "pg.example.com"),
        ("PGPORT", "6000"),
        ("PGUSER", "deploy"),
        ("PGPASSWORD", "hunter2"),
        ("PGDATABASE", "shop"),
        ("PGSSLMODE", "verify-full"),
        ("PGSSLROOTCERT", "ca.pem"),
        ("PGSSLCERT", "me.pem"),
        ("PGSSLKEY", "me.key"),
        ("PGAPPNAME", "web"),
        ("PGOPTIONS", "-c search_path=app"),
        ("PGCONNECT_TIMEOUT", "7"),
        ("USER", "me"),
    ];
    let filled = with("postgres://", &all).expect("a good URL");
    assert_eq!(filled.to_string(), "postgres://deploy@pg.example.com:6000/shop");
    assert_eq!((password(&filled), filled.connect_timeout), (Some("hunter2"), Some(7)));
    let files = [&filled.tls.root_cert, &filled.tls.client_cert, &filled.tls.client_key];
    assert_eq!(
        files.map(|file| file.as_deref().and_then(Path::to_str)),
        [Some("ca.pem"), Some("me.pem"), Some("me.key")]
    );
    assert_eq!(filled.tls.mode, TlsMode::VerifyFull);
    assert_eq!(
        (setting(&filled, "search_path"), setting(&filled, "application_name")),
        (Some("app"), Some("web"))
    );

    let url =
        "postgres://u:p@db:1/a?sslmode=disable&application_name=x&options=-c%20role%3Dr&connect_timeout=0";
    let said = with(url, &all).expect("a good URL");
    assert_eq!(said.to_string(), "postgres://u@db:1/a");
    assert_eq!((password(&said), said.connect_timeout, said.tls.mode), (Some("p"), None, TlsMode::Disable));
    assert_eq!((setting(&said, "search_path"), setting(&said, "application_name")), (None, Some("x")));
}

#[test]
fn variables_of_one_server_say_nothing_of_another() {
    let user = |url, variables: &[_]| with(url, variables).expect("a good URL").user;
    assert_eq!(user("postgres://db/a", &[("USER", "me")]), Some("me".to_owned()));
    assert_eq!(user("postgres://db/a", &[("USER", "me"), ("PGUSER", "")]), Some("me".to_owned()));
    assert_eq!(user("mysql://db/a", &[("USER", "me"), ("PGUSER", "you")]), None);

    let socket = with("postgres:///a", &[("PGHOST", "/run/pg")]).expect("a good URL");
    assert_eq!(socket.host_label(), "/run/pg/.s.PGSQL.5432");
    let my = [
        ("MYSQL_HOST", "my"),
        ("MYSQL_TCP_PORT", "3307"),
        ("MYSQL_PWD", "hunter2"),
        ("MYSQL_UNIX_PORT", "/s"),
    ];
    let mysql = with("mysql://u@/a", &my).expect("a good URL");
    assert_eq!((mysql.to_string().as_str(), password(&mysql)), ("mysql://u@my:3307/a", Some("hunter2")));
    assert_eq!(with("mysql://u@/a", &my[3..]).expect("a good URL").host_label(), "/s");
}

#[test]
fn a_bad_variable_is_named() {
    let table = [("PGPORT", "x"), ("PGSSLMODE", "on"), ("PGCONNECT_TIMEOUT", "x"), ("PGHOST", "a b")];
    for (name, value) in table {
        let error = with("postgres://", &[(name, value)]).expect_err("a bad variable");
        assert!(matches!(error, UrlError::BadVariable { name: found, .. } if found == name), "{error}");
    }
    assert_eq!(with("postgres://", &[("PGHOST", "a,b")]).expect_err("a bad variable"), UrlError::ManyHosts);
    assert!(matches!(
        with("mysql://", &[("MYSQL_TCP_PORT", "0")]),
        Err(UrlError::BadVariable { name: "MYSQL_TCP_PORT", .. })
    ));
}

#[test]
fn a_password_is_taken_out_of_foreign_text() {
    let target = target("postgres://u:p%40ss%2Fw%2525@db/app");
    assert_eq!(password(&target), Some("p@ss/w%25"));
    let text = "a p@ss/w%25 b p%40ss%2Fw%2525 c p%40ss%2fw%2525 d p@ss/w";
    assert_eq!(redact(text, &target), "a *** b *** c *** d p@ss/w");
    let mut short = target.clone();
    short.password = Some(Secret::new("abc"));
    assert_eq!(redact("abc", &short), "abc");
    short.password = Some(Secret::new("grün"));
    assert_eq!(redact("ü grün gr%C3%BCn ü", &short), "ü *** *** ü");
}
