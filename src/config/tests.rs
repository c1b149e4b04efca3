use super::*;

fn request(flags: &str) -> Request {
    let line = format!("bellwether {flags} plan");
    Request::from_env_and_args(line.split_whitespace(), &|_| None).unwrap()
}

fn env(name: &str) -> Option<String> {
    match name {
        "DATABASE_URL" => Some("postgres://plain/db".to_owned()),
        "PRODUCTION_URL" => Some("postgres://u:hunter2@h/production".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn load_text(flags: &str, text: &str) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(DEFAULT_FILE), text).unwrap();
    load(&request(flags), folder.path(), &env)
}

#[test]
fn without_a_config_the_built_in_defaults_hold() {
    let folder = tempfile::tempdir().unwrap();
    let settings = load(&request(""), folder.path(), &|_| None).unwrap();
    insta::assert_debug_snapshot!(settings);
}

#[test]
fn every_key_of_this_version_is_read() {
    let settings = load_text(
        "",
        "\
environments:
  production:
    leader: shop-web
    database: ${PRODUCTION_URL}
    migrations: db/migrations
    format: sqlx
    timeout: 45m
    connect: { wait: 90s }
    lock: { mode: session, name: shop, id: 1000, wait: 10m }
    ddl_lock_timeout: 0
    history: { out_of_order: allow, changed: refuse, missing: default }
    ledger: { schema: tools, readers: [app_reader, \"${READER:-other}\"] }
    follow: { source: ledger, start: 1m, grace: 2m, window: 3m }
    github: { deployments: off }
",
    )
    .unwrap();
    assert_eq!(settings.environment, "production".into());
    assert_eq!(settings.leader, Some(LeaderRule::Named("shop-web".into())));
    assert_eq!(settings.database.as_ref().map(Secret::expose), Some("postgres://u:hunter2@h/production"));
    assert!(settings.migrations.as_ref().unwrap().is_absolute());
    assert!(settings.migrations.as_ref().unwrap().ends_with("db/migrations"));
    assert_eq!(settings.format.as_deref(), Some("sqlx"));
    assert_eq!(settings.timeout, Some(Duration::from_secs(45 * 60)));
    assert_eq!(settings.connect_wait, Duration::from_secs(90));
    assert_eq!(
        settings.lock,
        LockSettings {
            mode: LockChoice::Session,
            name: "shop".to_owned(),
            id: Some(1000),
            wait: Some(Duration::from_secs(600))
        }
    );
    assert_eq!(settings.ddl_lock_timeout, None);
    assert_eq!(
        settings.history,
        HistorySettings {
            out_of_order: HistoryRule::Allow,
            changed: HistoryRule::Refuse,
            missing: HistoryRule::Default
        }
    );
    assert_eq!(settings.ledger.schema.as_deref(), Some("tools"));
    assert_eq!(settings.ledger.readers, ["app_reader", "other"]);
    let minutes = |span: Duration| span.as_secs() / 60;
    let follow = &settings.follow;
    assert_eq!((minutes(follow.start), minutes(follow.grace), minutes(follow.window)), (1, 2, 3));
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn an_environment_wins_over_defaults_and_flags_win_over_both() {
    let text = "\
defaults: { timeout: 10m, leader: env, lock: { name: shop, wait: 1m } }
environments:
  production: { timeout: 20m, lock: { wait: 2m } }
  staging:
";
    let settings = load_text("-e production --lock-wait 3m", text).unwrap();
    assert_eq!(settings.timeout, Some(Duration::from_secs(1200)));
    assert_eq!(settings.leader, Some(LeaderRule::Env));
    assert_eq!((settings.lock.name.as_str(), settings.lock.wait), ("shop", Some(Duration::from_secs(180))));
    let settings = load_text("-e staging --timeout 5m", text).unwrap();
    assert_eq!(settings.timeout, Some(Duration::from_secs(300)));
    assert_eq!(settings.lock.wait, Some(Duration::from_secs(60)));
}

#[test]
fn a_plain_database_url_comes_last() {
    let url = |flags: &str, text: &str| {
        load_text(flags, text).unwrap().database.map(|url| url.expose().to_owned()).unwrap_or_default()
    };
    let config = "environments: {p: {database: \"${PRODUCTION_URL}\"}}";
    assert_eq!(url("--database-url sqlite://x", config), "sqlite://x");
    assert_eq!(url("", config), "postgres://u:hunter2@h/production");
    assert_eq!(url("", ""), "postgres://plain/db");
    assert_eq!(url("", "defaults: {database: \"${EMPTY:-}\"}"), "postgres://plain/db");
}

#[test]
fn variables_are_needed_only_where_they_are_used() {
    let text = "\
defaults: { leader: $WITH_A_DOLLAR, database: \"${NOBODY_SETS_THIS}\" }
environments:
  production: { database: \"${PRODUCTION_URL}\" }
  staging: { database: \"${NOR_THIS}\" }
";
    let settings = load_text("-e production", text).unwrap();
    assert_eq!(settings.leader, Some(LeaderRule::Named("$WITH_A_DOLLAR".into())));
    assert!(load_text("-e staging --database-url sqlite:x", text).is_ok());
    assert!(load_text("-e staging", text).is_err());
    let overridden = "{defaults: {format: \"${UNSET}\"}, environments: {p: {format: sqlx}}}";
    assert_eq!(load_text("", overridden).unwrap().format.as_deref(), Some("sqlx"));
}

#[test]
fn files_without_keys_are_fine() {
    for text in [
        "",
        "\n",
        "# nothing\n  # here\n",
        "---\n",
        "environments:\n",
        "defaults: {}\n",
        "environments: {a: }",
    ] {
        assert!(load_text("", text).is_ok(), "{text:?}");
    }
    assert_eq!(load_text("-e any", "environments:\n").unwrap().environment, "any".into());
}

#[test]
fn paths_in_the_config_count_from_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("deploy")).unwrap();
    std::fs::write(folder.path().join("deploy/b.yml"), "defaults: {migrations: ../db}").unwrap();
    let settings = load(&request("-c deploy/b.yml"), folder.path(), &env).unwrap();
    assert_eq!(settings.migrations, Some(folder.path().join("deploy/../db")));
    let settings = load(&request("-c deploy/b.yml --migrations db"), folder.path(), &env).unwrap();
    assert_eq!(settings.migrations, Some(folder.path().join("db")));
}

#[test]
fn a_config_that_is_named_must_be_there_and_readable() {
    let folder = tempfile::tempdir().unwrap();
    let error = load(&request("-c gone.yml"), folder.path(), &env).unwrap_err();
    assert_eq!(error.to_string(), "there is no config file gone.yml");
    std::fs::write(folder.path().join("latin.yml"), b"a: \xe9").unwrap();
    let error = load(&request("-c latin.yml"), folder.path(), &env).unwrap_err();
    assert_eq!(error.to_string(), "cannot read latin.yml: it is not UTF-8 (byte 3)");
    let error = load(&request("-c ."), folder.path(), &env).unwrap_err();
    assert!(matches!(error.problem(), Problem::Unreadable { .. }), "{error}");
}

/// What people see: the sentence and the drawn place.
fn seen(flags: &str, text: &str) -> String {
    let error = load_text(flags, text).expect_err(text);
    assert!(error.place().is_some(), "{error} has no place");
    format!("{error}\n{}", error.snippet().unwrap())
}

macro_rules! bad_configs {
    ($($name:ident: $flags:literal, $text:literal;)+) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(seen($flags, $text));
        })+
    };
}

bad_configs! {
    no_yaml: "", "environments:\n  production:\n    leader: [a\n    timeout: 5m\n";
    no_yaml_indent: "", "environments:\n    production: {}\n  staging: {}\n";
    no_yaml_braces: "", "defaults: { database: ${DATABASE_URL}, timeout: 5m }\n";
    no_yaml_tab: "", "environments:\n\tproduction: {}\n";
    two_documents: "", "defaults: {}\n---\ndefaults: {}\n";
    not_a_mapping: "", "- a\n- b\n";
    unknown_key_with_a_neighbour: "", "environments:\n  production:\n    timeot: 5m\n";
    unknown_key_in_flow_style: "", "defaults: { lock: { mdoe: auto, wait: 5m } }\n";
    unknown_key_that_belongs_deeper: "", "environments:\n  production:\n    wait: 5m\n";
    unknown_key_that_belongs_higher: "", "defaults:\n  lock:\n    timeout: 5m\n";
    unknown_key_at_the_top: "", "leader: web\n";
    unknown_key_like_nothing: "", "defaults:\n  connect:\n    colour: blue\n";
    duplicate_key: "", "environments:\n  a: {}\n  b: {}\n  a: {}\n";
    number_for_a_string: "", "defaults:\n  leader: 42\n";
    word_for_a_string: "", "defaults: { leader: true }\n";
    fraction_for_a_number: "", "defaults: { lock: { id: 1.5 } }\n";
    list_for_a_string: "", "defaults:\n  migrations: [db]\n";
    string_for_a_mapping: "", "defaults:\n  lock: session # odd\n";
    string_for_a_list: "", "defaults:\n  ledger: { readers: app }\n";
    string_for_a_number: "", "defaults:\n  lock:\n    id: 'twelve'\n";
    number_too_large: "", "defaults:\n  lock:\n    id: 99999999999999999999\n";
    url_for_a_mapping: "", "defaults:\n  connect: postgres://u:hunter2@h/d\n";
    duration_without_unit: "", "defaults:\n  timeout: 30\n";
    duration_with_odd_unit: "", "defaults:\n  connect: { wait: 5 minutes }\n";
    negative_duration: "", "defaults:\n  timeout: -5\n";
    timeout_of_nothing: "", "defaults:\n  timeout: 0s\n";
    word_misspelt: "", "defaults:\n  lock: { mode: sesion }\n";
    rule_misspelt: "", "defaults:\n  history:\n    changed: never\n";
    empty_leader: "", "defaults:\n  leader: \"\"\n";
    lock_name_too_long: "", "defaults:\n  leader: ok\n  lock: { name: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx }\n";
    variable_not_set: "", "environments:\n  production:\n    database: postgres://app:hunter2@${DB_HOST}/shop\n";
    variable_not_set_in_a_list: "", "defaults:\n  ledger:\n    readers:\n      - one\n      - ${READER}\n";
    variable_without_a_brace: "", "defaults:\n  leader: ${LEADER\n";
    several_environments_and_none_named: "", "environments:\n  production: {}\n  staging: {}\n";
    unknown_environment: "-e produktion", "environments:\n  production: {}\n  staging: {}\n";
    a_status_source_without_a_command: "", "defaults:\n  follow:\n    source: command\n    command: []\n";
    a_status_command_asked_without_a_pause: "", "defaults:\n  follow: { every: 0 }\n";
    a_status_command_without_time: "", "defaults:\n  follow: { timeout: 0 }\n";
    an_exit_code_that_cannot_be: "", "defaults:\n  follow: { ready: [0, 256] }\n";
    an_exit_code_that_means_both: "", "defaults:\n  follow: { source: command, command: [x], ready: [0, 3], pending: [1, 3] }\n";
    an_exit_code_that_means_both_by_default: "", "defaults:\n  follow: { source: command, command: [x], ready: [1] }\n";
    no_exit_code_that_means_ready: "", "defaults:\n  follow: { source: command, command: [x], ready: [] }\n";
    deployments_misspelt: "", "defaults:\n  github:\n    deployments: requierd\n";
    a_repository_without_an_owner: "", "defaults:\n  github: { repository: shop }\n";
}

#[test]
fn no_error_shows_a_password() {
    for text in [
        "defaults:\n  connect: postgres://u:hunter2@h/d\n",
        "defaults:\n  database: [postgres://u:hunter2@h/d]\n",
        "defaults:\n  database: postgres://u:hunter2@${H}/d\n",
        "defaults: { database: postgres://u:hunter2@${H}/d }\n",
        "defaults:\n  databse: postgres://u:hunter2@h/d\n",
        "database: postgres://u:hunter2@h/d\n",
        "defaults:\n  timeout: postgres://u:hunter2@h/d\n",
        "defaults:\n  timeout: ${PRODUCTION_URL}\n",
        "defaults:\n  lock: { mode: \"${PRODUCTION_URL}\" }\n",
    ] {
        let error = load_text("", text).expect_err(text);
        for shown in [error.to_string(), error.snippet().unwrap(), format!("{error:?}")] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}

/// The page of the design that lists every key.
const EVERY_KEY: &str = "\
defaults: { timeout: 30m }
environments:
  production:
    leader: shop-web
    database: ${DATABASE_URL}
    migrations: db/migrations
    format: auto
    command: [bundle, exec, rake, \"db:migrate\"]
    check: [bin/smoke]
    cwd: .
    grace: 20s
    timeout: 30m
    connect: { wait: 60s }
    lock: { mode: auto, name: shop, id: 1000, wait: 10m }
    ddl_lock_timeout: 5s
    history: { out_of_order: default, changed: default, missing: default }
    ledger: { schema: public, readers: [app_reader] }
    follow: { source: ledger, start: 15m, grace: 60s, window: 15m, needs: \"20240301\", command: [], every: 5s, timeout: 60s, ready: [0], pending: [1] }
    github: { repository: owner/repo, deployments: off }
    heroku: { app: shop-web }
";

#[test]
fn the_shape_has_every_key_and_no_other() {
    read::config(Path::new(DEFAULT_FILE), EVERY_KEY).unwrap();
    let tree: serde_yaml::Value = serde_yaml::from_str(EVERY_KEY).unwrap();
    let production = &tree["environments"]["production"];
    let mut keys = raw::keys();
    let written = |key: &str| key.split('.').try_fold(production, |node, part| node.get(part)).is_some();
    keys.retain(|key| !written(key));
    assert_eq!(keys, Vec::<String>::new());
}

#[test]
fn the_committed_schema_is_that_of_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/bellwether.schema.json");
    let schema = raw::json_schema_text();
    if std::env::var_os("BELLWETHER_BLESS").is_some() {
        std::fs::write(path, &schema).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == schema, "regenerate it: BELLWETHER_BLESS=1 cargo test schema");
}
