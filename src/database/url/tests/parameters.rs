//! What follows the `?`, as tables.

use super::*;

#[test]
fn encryption_is_read_in_the_words_of_every_tool() {
    use TlsMode::{Allow, Disable, Prefer, Require, VerifyCa, VerifyFull};
    let table = [
        ("postgres://db/a", Prefer),
        ("postgres://db/a?sslmode=disable", Disable),
        ("postgres://db/a?sslmode=allow", Allow),
        ("postgres://db/a?sslmode=require&channel_binding=require", Require),
        ("postgres://db/a?sslmode=require&sslrootcert=ca.pem", VerifyCa),
        ("postgres://db/a?sslmode=prefer&sslrootcert=ca.pem", Prefer),
        ("postgres://db/a?sslmode=verify-ca", VerifyCa),
        ("postgres://db/a?sslmode=verify-full", VerifyFull),
        ("postgres://db/a?sslrootcert=system", VerifyFull),
        ("postgres://db/a?ssl=true", Require),
        ("postgres://db/a?ssl=false", Disable),
        ("postgres://db/a?ssl=no-verify", Require),
        ("postgres://db/a?ssl=verify-full", VerifyFull),
        ("postgres://db/a?ssl=true&sslmode=verify-ca", VerifyCa),
        ("postgres://db/a?sslaccept=strict", VerifyFull),
        ("postgres://db/a?sslmode=require&sslaccept=strict", VerifyFull),
        ("postgres://db/a?sslmode=require&sslaccept=accept_invalid_certs&sslcert=ca.pem", Require),
        ("jdbc:postgresql://db/a?ssl=true", VerifyFull),
        ("jdbc:postgresql://db/a?ssl=true&sslmode=require", Require),
        ("jdbc:postgresql://db/a?ssl=false", Prefer),
        ("mysql://db/a?ssl-mode=DISABLED", Disable),
        ("mysql://db/a?ssl_mode=PREFERRED", Prefer),
        ("mysql://db/a?sslMode=REQUIRED", Require),
        ("mysql://db/a?ssl-mode=VERIFY_CA&ssl-ca=ca.pem", VerifyCa),
        ("mysql://db/a?sslmode=verify_identity", VerifyFull),
        ("mysql://db/a?ssl_ca=ca.pem", VerifyCa),
        ("mysql://db/a?ssl-mode=REQUIRED&ssl-ca=ca.pem", Require),
        ("mysql://db/a?sslaccept=strict", VerifyFull),
        ("mysql+pymysql://db/a?ssl_verify_cert=true&ssl_verify_identity=true", VerifyFull),
        ("mysql://db/a?ssl={\"rejectUnauthorized\":true}", VerifyFull),
        ("mysql://db/a?tls=skip-verify", Require),
        ("mysql://db/a?tls=true", VerifyFull),
        ("jdbc:mysql://db/a?useSSL=false", Disable),
        ("jdbc:mysql://db/a?useSSL=true", Require),
        ("jdbc:mysql://db/a?requireSSL=true", Require),
        ("jdbc:mysql://db/a?useSSL=true&requireSSL=true&verifyServerCertificate=true", VerifyCa),
        ("jdbc:mariadb://db/a?sslMode=trust", Require),
        ("jdbc:mariadb://db/a?useSsl=true&trustServerCertificate=true", Require),
    ];
    for (url, mode) in table {
        assert_eq!(target(url).tls.mode, mode, "{url}");
    }
    for url in ["postgres://db/a?sslmode=on", "mysql://db/a?useSSL=maybe", "postgres://db/a?sslaccept=no"] {
        assert!(matches!(refused(url), UrlError::BadParameter { .. }), "{url}");
    }
}

#[test]
fn certificates_are_read_in_the_words_of_every_tool() {
    let path = |text: &str| Some(PathBuf::from(text));
    for url in [
        "postgres://db/a?sslrootcert=ca.pem&sslcert=me.pem&sslkey=me.key",
        "mysql://db/a?ssl-ca=ca.pem&ssl-cert=me.pem&ssl-key=me.key",
        "mysql2://db/a?ssl_ca=ca.pem&ssl_cert=me.pem&ssl_key=me.key",
        "mysql2://db/a?sslca=ca.pem&sslcert=me.pem&sslkey=me.key",
    ] {
        let target = target(url);
        let tls = (target.tls.root_cert, target.tls.client_cert, target.tls.client_key);
        assert_eq!(tls, (path("ca.pem"), path("me.pem"), path("me.key")), "{url}");
        assert!(target.warnings.is_empty(), "{url}");
    }
    assert_eq!(target("postgres://db/a?sslrootcert=system").tls.root_cert, None);
    let prisma = target("postgres://db/a?sslaccept=strict&sslcert=ca.pem").tls;
    assert_eq!((prisma.root_cert, prisma.client_cert), (path("ca.pem"), None));
    assert_eq!(target("postgres://db/a?sslcert=me.pem").warnings.len(), 1);
    assert!(target("postgres://db/a?sslidentity=me.p12&sslpassword=x").warnings[0].contains("`sslidentity`"));
}

#[test]
fn settings_are_read_in_the_words_of_every_tool() {
    let table: &[(&str, &[(&str, &str)])] = &[
        ("?search_path=app,public", &[("search_path", "app,public")]),
        ("?schema=app", &[("search_path", "app")]),
        ("?schema=My%22App", &[("search_path", "\"My\"\"App\"")]),
        ("?currentSchema=app", &[("search_path", "app")]),
        ("?application_name=web", &[("application_name", "web")]),
        ("?ApplicationName=web", &[("application_name", "web")]),
        ("?options=-c%20search_path%3Dapp", &[("search_path", "app")]),
        ("?options=-c+search_path%3Dapp", &[("search_path", "app")]),
        ("?options=-csearch_path=app%20--work-mem=1MB", &[("search_path", "app"), ("work_mem", "1MB")]),
        ("?options=-c search_path=a\\ b", &[("search_path", "a b")]),
        ("?options=endpoint%3Dep-cool-1", &[("options", "endpoint=ep-cool-1")]),
        (
            "?options=endpoint%3Dep-1%20-c%20role%3Dx&options[geqo]=off",
            &[("role", "x"), ("options", "endpoint=ep-1"), ("geqo", "off")],
        ),
        ("?options=--cluster%3Dcool-1%20-c%20role%3Dx", &[("role", "x"), ("options", "--cluster=cool-1")]),
        ("?options=-d 2 -c x\\ y", &[("options", "-d 2 -c x\\ y")]),
        ("?search_path=a&schema=b", &[("search_path", "b")]),
        ("?statement_timeout=5000&TimeZone=UTC", &[("statement_timeout", "5000"), ("timezone", "UTC")]),
    ];
    for (query, settings) in table {
        let target = target(&format!("postgres://db/app{query}"));
        let found: Vec<_> =
            target.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(&found, settings, "{query}");
        assert!(target.warnings.is_empty(), "{query}: {:?}", target.warnings);
    }
}

#[test]
fn a_collation_is_taken_if_it_fits_what_we_send() {
    let settings = |query| target(&format!("mysql://db/app{query}")).settings;
    let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    assert_eq!(settings("?collation=utf8mb4_bin&charset=utf8mb4"), pair("collation", "utf8mb4_bin"));
    assert_eq!(settings("?charset=latin1&collation=latin1_bin"), []);
    assert_eq!(settings("?time_zone=%27UTC%27"), pair("time_zone", "UTC"));
    assert_eq!(settings("?serverTimezone=CET"), []);
}

#[test]
fn timeouts_count_in_seconds() {
    let table = [
        ("postgres://db/a?connect_timeout=10", Some(10)),
        ("postgres://db/a?connect_timeout=0", None),
        ("jdbc:postgresql://db/a?connectTimeout=10", Some(10)),
        ("jdbc:mysql://db/a?connectTimeout=1500", Some(2)),
        ("mysql://db/a?connect_timeout=3", Some(3)),
    ];
    for (url, seconds) in table {
        assert_eq!(target(url).connect_timeout, seconds, "{url}");
    }
    assert!(matches!(refused("postgres://db/a?connect_timeout=soon"), UrlError::BadParameter { .. }));
}

#[test]
fn poolers_are_known_by_name() {
    let table = [
        ("postgres://db/a?pgbouncer=true", true),
        ("postgres://db/a?pgbouncer=false", false),
        ("postgres://u:p@ep-cool-1-pooler.eu-central-1.aws.neon.tech/a?sslmode=require", true),
        ("postgres://u:p@ep-cool-1.eu-central-1.aws.neon.tech/a?sslmode=require", false),
        ("postgres://u:p@aws-0-eu.pooler.supabase.com:6543/a", true),
        ("postgres://u:p@aws-0-eu.pooler.supabase.com:5432/a", false),
    ];
    for (url, pooled) in table {
        assert_eq!(target(url).pooled, pooled, "{url}");
    }
}

#[test]
fn a_parameter_that_nobody_knows_is_a_warning_that_names_it() {
    let known = "postgres://db/a?connection_limit=5&pool_timeout=2&pool=5&encoding=utf8&prepared_statements=false\
                 &gssencmode=disable&target_session_attrs=read-write&sslnegotiation=direct&keepalives_idle=30\
                 &statement_cache_size=0&socket_timeout=3&adapter=postgresql&sslpassword=x&pool_mode=session";
    assert!(target(known).warnings.is_empty(), "{:?}", target(known).warnings);
    let java = "jdbc:mysql://db/a?useUnicode=true&serverTimezone=UTC&allowPublicKeyRetrieval=true&cachePrepStmts=true\
                &rewriteBatchedStatements=true&zeroDateTimeBehavior=CONVERT_TO_NULL&characterEncoding=utf8";
    assert!(target(java).warnings.is_empty(), "{:?}", target(java).warnings);
    let warnings = target("postgres://db/a?frobnicate=secret&sslmode=require").warnings;
    assert_eq!(warnings, ["the database URL's parameter `frobnicate` is not known and has no effect"]);
    let rest_of_a_password = target("mysql://db/a?user=u&password=ab&1%secret!").warnings;
    assert!(
        rest_of_a_password.len() == 1 && !rest_of_a_password[0].contains("secret"),
        "{rest_of_a_password:?}"
    );
}

/// golang-migrate would have its history there, and ours would be empty: everything would be applied anew.
#[test]
fn another_table_of_golang_migrate_s_is_no_parameter_to_pass_over() {
    for begin in ["postgres://db/a", "mysql://db/a", "sqlite:///a.db", "sqlserver://db/a"] {
        let refused = parse(&format!("{begin}?x-migrations-table=my_migs"), &|_| None);
        let refused = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            refused.contains("`x-migrations-table`") && refused.contains("schema_migrations"),
            "{refused}"
        );
        assert!(parse(&format!("{begin}?x-migrations-table=schema_migrations"), &|_| None).is_ok());
    }
}
