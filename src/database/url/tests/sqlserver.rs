//! SQL Server's forms.

use proptest::prelude::*;

use super::super::sqlserver::{APPLICATION, CERTIFICATE, HISTORY, INTENT};
use super::any_text::{encode, seen};
use super::*;

#[test]
fn servers_are_read_from_every_form_that_microsofts_and_others_drivers_have() {
    let table = [
        ("sqlserver://u:p@db.example.com:1434/app", "sqlserver://u@db.example.com:1434/app"),
        ("mssql://u:p@db/app?encrypt=true", "sqlserver://u@db:1433/app"),
        ("mssql+pyodbc://u:p@db/app?driver=ODBC+Driver+18+for+SQL+Server", "sqlserver://u@db:1433/app"),
        ("sqlserver://u:p@db:1433?database=app&connection+timeout=30", "sqlserver://u@db:1433/app"),
        ("sqlserver://u:p@db:1433/sqlexpress?database=app", "sqlserver://u@db:1433/app"),
        ("sqlserver://db:1433;database=app;user=u;password=p;encrypt=true", "sqlserver://u@db:1433/app"),
        ("jdbc:sqlserver://db:1433;databaseName=app;user=u;password={p;}}};", "sqlserver://u@db:1433/app"),
        ("jdbc:sqlserver://db\\one:1444;databaseName=app", "sqlserver://db:1444/app"),
        ("jdbc:sqlserver://;serverName=db;portNumber=1444;databaseName=app", "sqlserver://db:1444/app"),
        ("jdbc:sqlserver://db", "sqlserver://db:1433"),
        ("jdbc:jtds:sqlserver://db:1444/app;user=u", "sqlserver://u@db:1444/app"),
        ("Server=db;Database=app;User Id=u;Password=p;", "sqlserver://u@db:1433/app"),
        (
            "Server=tcp:db.example.com,1444;Initial Catalog=app;UID=u;PWD=p",
            "sqlserver://u@db.example.com:1444/app",
        ),
        (
            "Data Source=.;Initial Catalog='my app';User ID=u;Password=\"a;\"\"b\"",
            "sqlserver://u@localhost:1433/my%20app",
        ),
        ("Database=app;Server=(local)\\one,1444;Trusted_Connection=false", "sqlserver://localhost:1444/app"),
        ("server = db ; database = app", "sqlserver://db:1433/app"),
        ("Addr=TCP:db,1444;Database=app", "sqlserver://db:1444/app"),
        ("Provider=MSOLEDBSQL;Data Source=db;Initial Catalog=app", "sqlserver://db:1433/app"),
        ("Network Address=db;Server=other;Database=app;Database=shop", "sqlserver://other:1433/shop"),
        (
            "Address=db;Database=app;MultiSubnetFailover=True;Persist Security Info=False",
            "sqlserver://db:1433/app",
        ),
        ("Server=[::1],1444;Database=app", "sqlserver://[::1]:1444/app"),
        ("sqlserver://[::1]:1444/app", "sqlserver://[::1]:1444/app"),
        ("sqlserver://u:p;w@db/app", "sqlserver://u@db:1433/app"),
        ("sqlserver://db", "sqlserver://db:1433"),
    ];
    for (url, shown) in table {
        let target = target(url);
        assert_eq!(target.to_string(), shown, "{url}");
        assert_eq!(target.warnings, Vec::<String>::new(), "{url}");
        assert_eq!(target.engine, EngineName::SqlServer);
    }
    let of = |url| password(&target(url)).map(str::to_owned);
    assert_eq!(of("jdbc:sqlserver://db;password={p;}}x}").as_deref(), Some("p;}x"));
    assert_eq!(of("Server=db;Password=\"a;\"\"b\"").as_deref(), Some("a;\"b"));
    assert_eq!(of("Server=db;Password=a=b").as_deref(), Some("a=b"));
    // braces are ODBC's and JDBC's, quotes are ADO's: each takes the other's as they are
    assert_eq!(of("Server=db;Password={a}b").as_deref(), Some("{a}b"));
    assert_eq!(of("Server=db;Password='a''b'").as_deref(), Some("a'b"));
    assert_eq!(of("Driver={ODBC Driver 18 for SQL Server};Server=db;PWD={a;}}b}").as_deref(), Some("a;}b"));
    assert_eq!(of("Server=db;PWD=\"ab\";Driver={ODBC Driver 18}").as_deref(), Some("\"ab\""));
    assert_eq!(of("jdbc:sqlserver://db;password='ab'").as_deref(), Some("'ab'"));
    assert_eq!(of("sqlserver://db;password=\"a;user=u").as_deref(), Some("\"a"));
    assert_eq!(of("sqlserver://u:p;w@db/app").as_deref(), Some("p;w"));
    assert_eq!(of("sqlserver://u:p%40%2Fw@db/app").as_deref(), Some("p@/w"));
}

#[test]
fn jtds_looks_at_certificates_where_it_is_told_to() {
    for (word, mode) in
        [("require", TlsMode::Require), ("authenticate", TlsMode::VerifyFull), ("request", TlsMode::Prefer)]
    {
        assert_eq!(target(&format!("jdbc:jtds:sqlserver://db/app;ssl={word}")).tls.mode, mode, "{word}");
    }
    assert_eq!(target("sqlserver://db/app?encrypt=require").tls.mode, TlsMode::VerifyFull);
}

#[test]
fn encryption_is_as_microsofts_drivers_have_it() {
    use TlsMode::{Disable, Prefer, Require, VerifyFull};
    for (parameters, mode) in [
        ("", VerifyFull),
        ("encrypt=true", VerifyFull),
        ("Encrypt=Mandatory", VerifyFull),
        ("encrypt=yes;trustServerCertificate=true", Require),
        ("TrustServerCertificate=True", Require),
        ("encrypt=true;trust_server_certificate=false", VerifyFull),
        ("encrypt=false", Prefer),
        ("encrypt=optional;trustServerCertificate=true", Prefer),
        ("encrypt=disable", Disable),
        ("sslmode=verify-ca", TlsMode::VerifyCa),
    ] {
        let ado = target(&format!("Server=db;{parameters}"));
        assert_eq!(ado.tls.mode, mode, "{parameters}");
        let url = target(&format!("sqlserver://db/app?{}", parameters.replace(';', "&")));
        assert_eq!(url.tls.mode, mode, "{parameters}");
        assert!(ado.warnings.is_empty() && url.warnings.is_empty());
    }
    let strict = refused("sqlserver://u:secret@db/app?encrypt=strict");
    assert!(matches!(&strict, UrlError::BadParameter { name, .. } if name == "encrypt"));
    assert!(strict.to_string().contains("strict"), "{strict}");
}

#[test]
fn the_rest_of_what_drivers_know_is_read() {
    let all = target(
        "Server=db;Application Name=web;Connect Timeout=7;ServerCertificate=/ca.pem;HostNameInCertificate=*.db;\
         ApplicationIntent=ReadOnly;MultipleActiveResultSets=True;Pooling=false;Frobnicate=secret",
    );
    assert_eq!((setting(&all, APPLICATION), setting(&all, CERTIFICATE)), (Some("web"), Some("*.db")));
    assert_eq!((setting(&all, INTENT), all.connect_timeout), (Some("readonly"), Some(7)));
    assert_eq!(all.tls.root_cert.as_deref(), Some(Path::new("/ca.pem")));
    for url in ["sqlserver://db;database=a;schema=my app", "mssql://db/a?currentSchema=my%20app&searchPath="]
    {
        assert_eq!(setting(&target(url), HISTORY), Some("my app"), "{url}");
    }
    assert_eq!(all.warnings, ["the database URL's parameter `Frobnicate` is not known and has no effect"]);
}

#[test]
fn what_is_not_ours_is_refused_by_name() {
    for (url, named) in [
        ("Server=db;Integrated Security=SSPI", "Integrated Security"),
        ("sqlserver://db/a?trusted_connection=yes", "trusted_connection"),
        ("jdbc:sqlserver://db;authentication=ActiveDirectoryPassword", "authentication"),
        ("Server=db\\express;Database=a", "instance"),
        ("sqlserver://u:secret@db/express?database=a", "instance"),
        ("sqlserver://db/a?trustServerCertificate=perhaps", "trustServerCertificate"),
        ("Server=db;Connect Timeout=soon", "Connect Timeout"),
        ("sqlserver://db/a?search_path=a,b", "search_path"),
    ] {
        let error = refused(url);
        assert!(matches!(&error, UrlError::BadParameter { name, .. } if name == named), "{url}: {error}");
        assert!(!error.to_string().contains("secret"));
    }
    let form = StringForm::Ado;
    assert_eq!(refused("Server=db,port;Database=a"), UrlError::StringPort { form });
    assert_eq!(refused("sqlserver://u:secret@db:port/a"), UrlError::BadPort);
    for place in ["d b", "np:\\\\.\\pipe\\sql\\query", "(localdb)\\MSSQLLocalDB", "admin:db", "db:1433"] {
        assert_eq!(refused(&format!("Server={place};Database=a")), UrlError::StringHost { form }, "{place}");
    }
    assert_eq!(refused("Server=db;Password=\"secret"), UrlError::StringUnclear { form });
    assert_eq!(refused("Database=a;User=u;Password=secret"), UrlError::NoScheme);
    assert_eq!(refused("host=db user=u password=secret"), UrlError::NoScheme);
    assert_eq!(refused("sqlserver:db"), UrlError::NoSlashes { scheme: "sqlserver" });
    assert_eq!(refused("sqlserver://u:secret@a,b/app"), UrlError::ManyHosts);
}

/// Followed, the words lead to a string that is read.
#[test]
fn a_string_that_is_refused_is_told_how_its_kind_is_quoted() {
    for (url, words) in [
        (
            "Server=db;Password=sec;ret;Database=a",
            "the ADO string can be read in more than one way: a value with a `;` or a quote in it stands in \"quotes\"",
        ),
        (
            "Server=db;Driver={ODBC Driver 18};PWD=sec;ret",
            "the ODBC string can be read in more than one way: a value with a `;` in it stands in {braces}",
        ),
        (
            "Driver={ODBC Driver 18};Server=db;PWD={sec;ret",
            "the ODBC string can be read in more than one way",
        ),
        (
            "jdbc:sqlserver://db;user=u;password=sec;ret",
            "the JDBC string can be read in more than one way: a value with a `;` in it stands in {braces}",
        ),
        ("Server=db:1433;Password=secret", "behind a comma (Server=host,1433)"),
        (
            "Driver={ODBC Driver 18};Server=np:db;PWD=secret",
            "the server in the ODBC string is no host's name or address: its port stands behind a comma",
        ),
        ("jdbc:sqlserver://u:secret@db;databaseName=a", "the port in the JDBC string"),
        (
            "jdbc:sqlserver://db:x;password=secret",
            "the port in the JDBC string is no number from 1 to 65535: its port stands behind a colon",
        ),
    ] {
        let error = refused(url).to_string();
        assert!(
            error.contains(words) && !error.contains("ret;") && !error.contains("secret"),
            "{url}: {error}"
        );
        assert!(!error.contains("%40"), "percent codes mean nothing there: {error}");
    }
    for url in [
        "Server=db;Password=\"sec;ret\"",
        "Driver={x};Server=db;PWD={sec;ret}",
        "jdbc:sqlserver://db;password={sec;ret}",
    ] {
        assert_eq!(password(&target(url)), Some("sec;ret"));
    }
    assert_eq!(refused("sqlserver://u:p@d b/a"), UrlError::BadHost);
}

#[test]
fn an_odbc_string_in_a_url_is_read_in_place_of_all_else() {
    let string = "DRIVER%3D%7BODBC+Driver+18+for+SQL+Server%7D%3BSERVER%3Dtcp%3Adb.example.com%2C1444%3BDATABASE%3Dmy+shop%3B\
                  UID%3Du%3BPWD%3D%7Bp%3B%7D%7D%2B+w%7D%3BEncrypt%3Dyes%3BTrustServerCertificate%3Dyes";
    for url in [
        format!("mssql+pyodbc:///?odbc_connect={string}"),
        format!("mssql+aioodbc:///?charset=utf8&odbc_connect={string}&autocommit=true"),
        format!("mssql+pyodbc://other:word@elsewhere/?ODBC_CONNECT={string}"),
    ] {
        let target = target(&url);
        assert_eq!(target.to_string(), "sqlserver://u@db.example.com:1444/my%20shop");
        assert_eq!((password(&target), target.tls.mode), (Some("p;}+ w"), TlsMode::Require));
        assert_eq!(target.warnings, Vec::<String>::new());
        assert!(
            !redact(&url, &Target { password: Some(Secret::new("my shop")), ..target }).contains("my+shop")
        );
    }
    for string in ["DSN%3Dshop%3BUID%3Du%3BPWD%3Dsecret", "", "Driver=x;Database=a;PWD=secret"] {
        let error = refused(&format!("mssql+pyodbc:///?odbc_connect={string}"));
        assert!(matches!(&error, UrlError::BadParameter { name, .. } if name == "odbc_connect"), "{error}");
        assert!(!error.to_string().contains("secret"));
    }
    let unclear = refused("mssql+pyodbc:///?odbc_connect=Server%3Ddb%3BPWD%3D%7Bsecret");
    assert_eq!(unclear, UrlError::StringUnclear { form: StringForm::Odbc });
    assert!(matches!(refused("mssql+pyodbc:///?odbc_connect=%ff"), UrlError::BadEncoding { .. }));
}

#[test]
fn javas_file_of_authorities_is_named_and_its_password_is_not() {
    let url =
        "jdbc:sqlserver://db;user=u;password=p;trustStore=/x;trustStorePassword=secret;trustStoreType=JKS";
    let target = target(url);
    assert_eq!(target.warnings.len(), 1, "{:?}", target.warnings);
    assert!(target.warnings[0].contains("`trustStore` has no effect: `serverCertificate` names"));
}

#[test]
fn sqlcmds_variables_fill_what_is_left_out() {
    let all = [
        ("SQLCMDSERVER", "tcp:db,1444"),
        ("SQLCMDUSER", "deploy"),
        ("SQLCMDPASSWORD", "hunter2"),
        ("SQLCMDDBNAME", "shop"),
        ("PGUSER", "other"),
    ];
    let filled = with("sqlserver://", &all).expect("a good URL");
    assert_eq!(filled.to_string(), "sqlserver://deploy@db:1444/shop");
    assert_eq!(password(&filled), Some("hunter2"));
    let said = with("sqlserver://u:p@other/app", &all).expect("a good URL");
    assert_eq!((said.to_string().as_str(), password(&said)), ("sqlserver://u@other:1433/app", Some("p")));
    let bad = with("sqlserver://", &[("SQLCMDSERVER", "a b")]).expect_err("a bad variable");
    assert!(matches!(bad, UrlError::BadVariable { name: "SQLCMDSERVER", .. }));
}

proptest! {
    #[test]
    fn any_login_comes_back(user in "[^\0]{1,12}", secret in "[^\0]{1,12}", name in "[^\0]{1,12}") {
        let braces = |text: &str| format!("{{{}}}", text.replace('}', "}}"));
        let quotes = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        for url in [
            format!("sqlserver://{}:{}@db/{}", encode(&user), encode(&secret), encode(&name)),
            format!("jdbc:sqlserver://db;user={};password={};database={}", braces(&user), braces(&secret), braces(&name)),
            format!("Server=db;User Id={};Password={};Database={}", quotes(&user), quotes(&secret), quotes(&name)),
        ] {
            let target = target(&url);
            prop_assert_eq!(target.user.as_deref(), Some(user.as_str()));
            prop_assert_eq!(password(&target), Some(secret.as_str()));
            prop_assert_eq!(target.database.as_deref(), Some(name.as_str()));
            prop_assert!(target.warnings.is_empty());
        }
    }

    #[test]
    fn a_raw_password_is_never_seen(
        before in "[a-z0-9@/#?:&=%,;{}\\[ '\"]{0,6}",
        after in "[a-z0-9@/#?:&=%,;{}\\[ '\"]{0,6}",
        tail in "db|db:1433|db:x|d b|db\\\\x",
        rest in "|;Database=a|;Encrypt=strict|;x=y|;Port=x",
    ) {
        let raw = format!("{before}MARKER{after}");
        for url in [
            format!("sqlserver://user:{raw}@{tail}/app"),
            format!("jdbc:sqlserver://{tail};user=u;password={raw}{rest}"),
            format!("sqlserver://{tail};user=u;password={raw}{rest}"),
            format!("Server={tail};User Id=u;Password={raw}{rest}"),
            format!("Password={raw};Server={tail}{rest}"),
            format!("mssql+pyodbc:///?odbc_connect=Driver=x;Server={tail};PWD={raw}{rest}"),
        ] {
            let text = seen(&url);
            prop_assert!(!text.contains("MARKER"), "{} in {}", text, url);
        }
    }

    #[test]
    fn a_password_that_begins_with_a_semicolon_is_not_taken_for_a_parameters_name(after in "|=|=x|;|;x=y") {
        for url in [
            format!("jdbc:sqlserver://db;user=u;password=;MARKER{after}"),
            format!("Server=db;User Id=u;Password=;MARKER{after}"),
            format!("sqlserver://user:/MARKER;{after}@db/app"),
        ] {
            let text = seen(&url);
            prop_assert!(!text.contains("MARKER"), "{} in {}", text, url);
        }
    }

    #[test]
    fn no_text_is_too_strange(text in "(;|=|Server|Password|\\{|\\}|\"|'|,|\\\\|:|/|@|\\?|&|[a-z0-9]| ){0,30}") {
        for scheme in ["", "sqlserver://", "jdbc:sqlserver://", "mssql:", "Server=", "jdbc:jtds:sqlserver://"] {
            seen(&format!("{scheme}{text}"));
        }
    }
}
