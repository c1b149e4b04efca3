use super::*;

fn parse(line: &str, env: &[(&str, &str)]) -> Result<Request, UsageError> {
    let lookup = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Request::from_env_and_args(line.split(' '), &lookup)
}

#[test]
fn clap_finds_no_fault_with_the_definition() {
    command(&|_| None).debug_assert();
}

#[test]
fn global_flags_stand_before_and_after_the_verb() {
    for line in ["bellwether -e staging --timeout 1m plan", "bellwether plan --timeout 1m -e staging"] {
        let request = parse(line, &[]).unwrap();
        assert_eq!(request.action, Action::Plan);
        assert_eq!(request.global.environment, Some("staging".into()));
        assert_eq!(request.global.timeout, Some(Duration::from_secs(60)));
    }
}

#[test]
fn a_flag_wins_over_its_variable_and_an_empty_variable_is_unset() {
    let env = [
        ("BELLWETHER_ROLE", "follow"),
        ("BELLWETHER_RELEASE", ""),
        ("BELLWETHER_LOCK_ID", "-7"),
        ("BELLWETHER_OUTPUT", "json"),
        ("BELLWETHER_COLOR", ""),
        ("BELLWETHER_VERBOSE", "2"),
        ("BELLWETHER_DATABASE_URL", "postgres://u:p@h/d"),
    ];
    let request = parse("bellwether deploy", &env).unwrap();
    assert_eq!(request.global.role, Some(Role::Follow));
    assert_eq!(request.global.release, None);
    assert_eq!(request.global.lock_id, Some(-7));
    assert_eq!((request.global.output, request.global.color), (Output::Json, Color::Auto));
    assert_eq!((request.global.verbose, request.global.quiet), (2, false));
    assert_eq!(request.global.database_url.as_ref().map(Secret::expose), Some("postgres://u:p@h/d"));
    for line in
        ["bellwether deploy --role lead --output human -q", "bellwether --role lead -q --output human deploy"]
    {
        let request = parse(line, &env).unwrap();
        assert_eq!(request.global.role, Some(Role::Lead));
        assert_eq!(request.global.output, Output::Human);
        assert_eq!((request.global.verbose, request.global.quiet), (0, true));
    }
}

#[test]
fn every_flag_has_its_variable_in_the_help() {
    let mut command = command(&|_| None);
    let help = command.render_help().to_string();
    for arg in command.get_arguments().filter(|arg| arg.is_global_set()) {
        let variable = format!("BELLWETHER_{}", arg.get_id().as_str().to_uppercase());
        assert!(help.contains(&variable), "{variable} is not in the help");
    }
}

#[test]
fn what_follows_two_dashes_is_the_command() {
    let request = parse("bellwether deploy -q -- rake db:migrate -v", &[]).unwrap();
    assert_eq!(request.action.command(), ["rake", "db:migrate", "-v"]);
    assert_eq!(request.global.verbose, 0);
    assert!(parse("bellwether plan -- rake", &[]).is_err());
}

#[test]
fn a_bad_value_says_which_variable_it_came_from() {
    let error = parse("bellwether plan", &[("BELLWETHER_TIMEOUT", "30")]).unwrap_err();
    insta::assert_snapshot!(error.text);
    let error = parse("bellwether plan --timeout 30", &[("BELLWETHER_TIMEOUT", "30m")]).unwrap_err();
    assert!(!error.text.contains("BELLWETHER_TIMEOUT"), "{}", error.text);
    assert_eq!(error.exit, 2);
}

#[test]
fn any_variable_may_be_wrong() {
    for (variable, value) in [
        ("BELLWETHER_ROLE", "boss"),
        ("BELLWETHER_LOCK_ID", "one"),
        ("BELLWETHER_LOCK_MODE", "none"),
        ("BELLWETHER_OUTPUT", "xml"),
        ("BELLWETHER_COLOR", "blue"),
        ("BELLWETHER_FOLLOW", "me"),
    ] {
        let error = parse("bellwether plan", &[(variable, value)]).unwrap_err();
        assert!(error.text.contains(variable) && error.text.contains(value), "{}", error.text);
        assert!(parse("bellwether plan --help", &[(variable, value)]).unwrap_err().is_answer());
    }
}

#[test]
fn a_misplaced_url_never_shows_its_password() {
    for line in [
        "bellwether plan postgres://u:hunter2@h/d",
        "bellwether postgres://u:hunter2@h/d",
        "bellwether plan --databse-url=postgres://u:hunter2@h/d",
        "bellwether plan --role postgres://u:hunter2@h/d",
        "bellwether plan --role postgres://u:a@hunter2@h/d",
    ] {
        let error = parse(line, &[]).unwrap_err();
        assert!(!error.text.contains("hunter2"), "{}", error.text);
        assert_eq!(error.exit, 2);
    }
}

#[test]
fn help_and_version_are_answers() {
    for line in ["bellwether --help", "bellwether deploy --help", "bellwether --version"] {
        assert!(parse(line, &[]).unwrap_err().is_answer(), "{line}");
    }
    assert_eq!(parse("bellwether", &[]).unwrap_err().exit, 2);
}

#[test]
fn names_have_limits() {
    assert!(parse("bellwether plan --release=", &[]).is_err());
    assert!(parse(&format!("bellwether plan --release {}", "x".repeat(201)), &[]).is_err());
    assert!(parse(&format!("bellwether plan --release {}", "é".repeat(200)), &[]).is_ok());
}

#[test]
fn verbs_of_later_versions_are_understood() {
    assert!(matches!(
        parse("bellwether history", &[]).unwrap().action,
        Action::History { run: None, limit: 20 }
    ));
    assert!(matches!(
        parse("bellwether unlock --yes --force", &[]).unwrap().action,
        Action::Unlock { yes: true, force: true }
    ));
    assert!(parse("bellwether resolve 3 --applied", &[]).is_ok());
    assert!(parse("bellwether resolve 3 --rolled-back", &[]).is_ok());
    assert!(parse("bellwether resolve --up-to 3 --applied", &[]).is_ok());
    assert!(parse("bellwether resolve --up-to 3 --rolled-back", &[]).is_err());
    assert!(parse("bellwether resolve 3", &[]).is_err());
    assert!(parse("bellwether resolve --applied", &[]).is_err());
    assert!(parse("bellwether new add_index", &[]).is_ok());
    assert!(parse("bellwether init --platform heroku", &[]).is_ok());
    assert!(parse("bellwether doctor", &[]).is_ok());
}

#[test]
fn the_help_of_deploy_reads_well() {
    let mut command = command(&|_| None).term_width(100);
    command.build();
    let deploy = command.find_subcommand_mut("deploy").expect("it is there");
    insta::assert_snapshot!(deploy.render_help());
}

#[test]
fn a_misspelt_flag_is_not_taken_for_a_command() {
    let none = |_: &str| None;
    let error = Request::from_env_and_args(["bellwether", "deploy", "--frob"], &none).unwrap_err();
    assert!(!error.text.contains("-- --frob"), "{}", error.text);
    let error = Request::from_env_and_args(["bellwether", "deploy", "--relase", "x"], &none).unwrap_err();
    assert!(error.text.contains("--release"), "{}", error.text);
}
