//! The inputs of our own container action. The runner hands them over as `INPUT_` and the name in capitals, hyphens
//! kept (`INPUT_DATABASE-URL`); every declared one is there, and empty where the workflow leaves it out: empty is unset.
//! An input is what the user wrote for this very step, so it stands before `BELLWETHER_*` of the job's environment, and
//! behind arguments. The runner enforces no `required:`; what is missing is found where it is needed.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::model::choice::is_true;
use crate::platform::{Call, Env, set};
use crate::report::words;

/// What `run:` takes.
const VERBS: [&str; 3] = ["deploy", "plan", "status"];
/// Two inputs that every step with our action has: `run` always has a value, and nobody else's action has both words.
const OURS: [&str; 2] = ["INPUT_RUN", "INPUT_DATABASE-URL"];
/// Variables of ours that are no flags: what a wrapped command gets from us.
const NO_FLAGS: [&str; 3] = ["BELLWETHER_RUN", "BELLWETHER_FENCE", "BELLWETHER_WORKLOAD"];

/// Whether this process is a step with our own action. What a wrapped command starts is none, whatever it inherits.
pub(super) fn given(env: Env<'_>) -> bool {
    OURS.iter().any(|name| env(name).is_some()) && !inside_our_command(env)
}

/// Whether we were started by a command that runs under a lock of ours: the outer process tells the runner.
pub(super) fn inside_our_command(env: Env<'_>) -> bool {
    set(env, "BELLWETHER_RUN").is_some()
}

/// One input, by its name in `action.yml`.
pub(super) fn input(env: Env<'_>, name: &str) -> Option<String> {
    set(env, &format!("INPUT_{}", name.to_uppercase()))
}

/// The input that stands for a flag's variable, else the variable itself.
pub(super) fn variable(env: Env<'_>, name: &str) -> Option<String> {
    let flag = name.strip_prefix("BELLWETHER_").filter(|_| !NO_FLAGS.contains(&name));
    let of_input = flag.filter(|_| given(env)).and_then(|flag| input(env, &flag.replace('_', "-")));
    let given = of_input.or_else(|| env(name));
    // whoever runs a job again with debug logging wants to see more of us too
    match (name, given) {
        ("BELLWETHER_VERBOSE", None) if set(env, "RUNNER_DEBUG").is_some_and(|debug| debug == "1") => {
            Some("2".to_owned())
        }
        (_, given) => given,
    }
}

/// Without arguments, `run:` says what to do, `command:` what to run, `working-directory:` where.
pub(super) fn call(env: Env<'_>, mut args: Vec<OsString>) -> Result<Call, String> {
    if !given(env) {
        return Ok(Call { args, folder: None });
    }
    let folder = input(env, "working-directory").map(|folder| PathBuf::from(folder.trim()));
    if args.len() > 1 {
        return Ok(Call { args, folder });
    }
    let run = input(env, "run").unwrap_or_else(|| VERBS[0].to_owned());
    let Some(verb) = VERBS.into_iter().find(|verb| *verb == run.trim()) else {
        let verbs = VERBS.join(", ");
        return Err(format!("the input `run` is {:?}, and must be one of {verbs}", words::line(&run)));
    };
    if args.is_empty() {
        args.push("bellwether".into());
    }
    args.push(verb.into());
    match verb {
        "status" if input(env, "check").is_some_and(|check| is_true(&check)) => args.push("--check".into()),
        "deploy" => args.extend(command(env)),
        _ => {}
    }
    Ok(Call { args, folder })
}

/// `--` and the command: one argument per line, so that nothing needs quotes; empty lines are none.
fn command(env: Env<'_>) -> Vec<OsString> {
    let text = input(env, "command").unwrap_or_default();
    let lines: Vec<OsString> =
        text.lines().filter(|line| !line.trim().is_empty()).map(OsString::from).collect();
    if lines.is_empty() { lines } else { [vec!["--".into()], lines].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(variables: &[(&str, &str)], ask: impl FnOnce(Env<'_>) -> T) -> T {
        ask(&|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    fn args(variables: &[(&str, &str)], given: &[&str]) -> Vec<String> {
        let args = given.iter().map(OsString::from).collect();
        let call = with(variables, |env| call(env, args)).unwrap();
        call.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn an_input_stands_before_the_variable_and_an_empty_one_is_unset() {
        let variables = [
            ("INPUT_RUN", "deploy"),
            ("INPUT_LOCK-NAME", "shop"),
            ("INPUT_ROLE", ""),
            ("BELLWETHER_LOCK_NAME", "other"),
            ("BELLWETHER_ROLE", "lead"),
            ("RUN_MIGRATIONS", "true"),
            ("INPUT_RUN_MIGRATIONS", "false"),
        ];
        with(&variables, |env| {
            assert_eq!(variable(env, "BELLWETHER_LOCK_NAME").as_deref(), Some("shop"));
            assert_eq!(variable(env, "BELLWETHER_ROLE").as_deref(), Some("lead"));
            assert_eq!(variable(env, "RUN_MIGRATIONS").as_deref(), Some("true"));
            // `run:` is no run that we could be part of
            assert_eq!(variable(env, "BELLWETHER_RUN"), None);
        });
        let elsewhere = [("INPUT_LOCK-NAME", "shop"), ("BELLWETHER_LOCK_NAME", "other")];
        with(&elsewhere, |env| {
            assert_eq!(variable(env, "BELLWETHER_LOCK_NAME").as_deref(), Some("other"));
        });
    }

    #[test]
    fn a_job_that_is_run_again_with_debug_logging_says_more() {
        with(&[("RUNNER_DEBUG", "1")], |env| {
            assert_eq!(variable(env, "BELLWETHER_VERBOSE").as_deref(), Some("2"));
        });
        with(&[("RUNNER_DEBUG", "1"), ("INPUT_RUN", "plan"), ("INPUT_VERBOSE", "1")], |env| {
            assert_eq!(variable(env, "BELLWETHER_VERBOSE").as_deref(), Some("1"));
        });
    }

    #[test]
    fn what_a_wrapped_command_starts_reads_no_inputs() {
        let variables = [("INPUT_RUN", "plan"), ("INPUT_ROLE", "lead"), ("BELLWETHER_RUN", "5c0d")];
        assert_eq!(args(&variables, &["bellwether"]), ["bellwether"]);
        with(&variables, |env| assert_eq!(variable(env, "BELLWETHER_ROLE"), None));
    }

    #[test]
    fn without_arguments_the_inputs_are_the_command_line() {
        let line = |variables: &[(&str, &str)]| args(variables, &["/bellwether"]).join(" ");
        assert_eq!(line(&[("INPUT_RUN", "")]), "/bellwether deploy");
        assert_eq!(line(&[("INPUT_RUN", "plan"), ("INPUT_COMMAND", "a")]), "/bellwether plan");
        assert_eq!(line(&[("INPUT_RUN", "status"), ("INPUT_CHECK", "true")]), "/bellwether status --check");
        assert_eq!(line(&[("INPUT_RUN", "status"), ("INPUT_CHECK", "false")]), "/bellwether status");
        assert_eq!(args(&[("INPUT_RUN", "plan")], &["bellwether", "doctor"]), ["bellwether", "doctor"]);
        let command = "sh\r\n-c\n\necho 'a b' >x\n";
        assert_eq!(
            args(&[("INPUT_RUN", "deploy"), ("INPUT_COMMAND", command)], &["b"]),
            ["b", "deploy", "--", "sh", "-c", "echo 'a b' >x"]
        );
        let wrong = with(&[("INPUT_RUN", "migrate\n::error::x")], |env| call(env, vec!["b".into()]));
        let wrong = wrong.unwrap_err();
        assert!(wrong.contains("`run`") && wrong.contains("deploy, plan, status"), "{wrong}");
        assert!(!wrong.contains('\n'), "{wrong}");
    }
}
