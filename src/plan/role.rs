//! Who leads: the first rule that says anything, with the reason that `plan` prints.

use crate::config::LeaderRule;
use crate::model::choice::is_true;
use crate::model::ids::Participant;
use crate::model::run::Role;
use crate::plan::PlanError;

/// All that decides a role.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoleInputs<'a> {
    /// `lead` or `follow` as the verb.
    pub verb: Option<Role>,
    /// `--role` or `BELLWETHER_ROLE`.
    pub flag: Option<Role>,
    /// `RUN_MIGRATIONS` as it is in the environment.
    pub run_migrations: Option<&'a str>,
    /// `leader:` in the config.
    pub leader: Option<&'a LeaderRule>,
    /// `--participant` or `BELLWETHER_PARTICIPANT`.
    pub participant: Option<&'a Participant>,
    /// The names that the platform has for us.
    pub platform_names: &'a [String],
    /// The platform's own name.
    pub platform: &'a str,
    /// Whether this platform wants a designated leader.
    pub must_designate: bool,
    /// Whether there is a migrations folder or a command.
    pub can_lead: bool,
    /// Without a command, the format that only its own tool applies.
    pub only_checked: Option<&'static str>,
}

/// Decides.
///
/// # Errors
/// A name is configured and ours is unknown; nothing designates where something must; a role that may lead, with
/// nothing to lead with.
pub fn role(inputs: &RoleInputs<'_>) -> Result<(Role, String), PlanError> {
    let (role, reason) = undisputed(inputs)?;
    if role != Role::Follow && !inputs.can_lead {
        return Err(PlanError::NothingToLeadWith { role, reason });
    }
    if let Some(format) = inputs.only_checked.filter(|_| role != Role::Follow) {
        return Err(PlanError::OnlyChecked { format, role, reason });
    }
    Ok((role, reason))
}

fn undisputed(inputs: &RoleInputs<'_>) -> Result<(Role, String), PlanError> {
    if let Some(role) = inputs.verb {
        let over = inputs.flag.filter(|flag| *flag != role);
        let over = over.map(|flag| format!(", which goes before --role or BELLWETHER_ROLE ({flag})"));
        return Ok((role, format!("the command is `bellwether {role}`{}", over.unwrap_or_default())));
    }
    if let Some(role) = inputs.flag {
        return Ok((role, "--role or BELLWETHER_ROLE".to_owned()));
    }
    if let Some(text) = inputs.run_migrations.map(str::trim).filter(|text| !text.is_empty()) {
        let role = if is_true(text) { Role::Lead } else { Role::Follow };
        return Ok((role, format!("RUN_MIGRATIONS is {text:?}")));
    }
    match inputs.leader {
        Some(LeaderRule::Elect) => Ok((Role::Elect, "the config says `leader: elect`".to_owned())),
        Some(LeaderRule::Env) => {
            Ok((Role::Follow, "the config says `leader: env`, and RUN_MIGRATIONS is not set".to_owned()))
        }
        Some(LeaderRule::Named(leader)) => by_name(inputs, leader),
        None if inputs.must_designate => {
            Err(PlanError::NotDesignated { platform: inputs.platform.to_owned() })
        }
        None => Ok((Role::Elect, "nothing says who leads, so whoever gets the lock first does".to_owned())),
    }
}

fn by_name(inputs: &RoleInputs<'_>, leader: &Participant) -> Result<(Role, String), PlanError> {
    let ours = names(inputs.participant, inputs.platform_names);
    if ours.is_empty() {
        return Err(PlanError::NameUnknown { leader: leader.clone(), platform: inputs.platform.to_owned() });
    }
    if ours.contains(&leader.as_str()) {
        Ok((Role::Lead, format!("the config names {leader} as leader, which is us")))
    } else {
        Ok((Role::Follow, format!("the config names {leader} as leader, and we are {}", ours.join(" or "))))
    }
}

/// What we are called: by the user, else by the platform.
fn names<'a>(participant: Option<&'a Participant>, platform_names: &'a [String]) -> Vec<&'a str> {
    match participant {
        Some(name) => vec![name.as_str()],
        None => platform_names.iter().map(String::as_str).collect(),
    }
}

/// The named leader, if it is neither us nor anyone of `seen` (the leaders in the ledger): perhaps a slip of the pen,
/// and `plan` warns.
pub fn unmatched_leader<'a>(inputs: &RoleInputs<'a>, seen: &[Participant]) -> Option<&'a Participant> {
    match inputs.leader {
        Some(LeaderRule::Named(leader))
            if !names(inputs.participant, inputs.platform_names).contains(&leader.as_str())
                && !seen.contains(leader) =>
        {
            Some(leader)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn base() -> RoleInputs<'static> {
        RoleInputs { platform: "plain", can_lead: true, ..RoleInputs::default() }
    }

    fn decided(inputs: RoleInputs<'_>) -> Role {
        role(&inputs).unwrap().0
    }

    #[test]
    fn the_first_rule_that_says_anything_decides() {
        let named = LeaderRule::Named("web".into());
        let names = ["web".to_owned()];
        let all = RoleInputs {
            verb: Some(Role::Follow),
            flag: Some(Role::Elect),
            run_migrations: Some("false"),
            leader: Some(&named),
            platform_names: &names,
            ..base()
        };
        let no_verb = RoleInputs { verb: None, ..all };
        let no_flag = RoleInputs { flag: None, ..no_verb };
        let no_variable = RoleInputs { run_migrations: None, ..no_flag };
        let nothing = RoleInputs { leader: None, ..no_variable };
        for (inputs, want, reason) in [
            (
                all,
                Role::Follow,
                "the command is `bellwether follow`, which goes before --role or BELLWETHER_ROLE (elect)",
            ),
            (no_verb, Role::Elect, "--role or BELLWETHER_ROLE"),
            (no_flag, Role::Follow, "RUN_MIGRATIONS is \"false\""),
            (no_variable, Role::Lead, "the config names web as leader, which is us"),
            (nothing, Role::Elect, "nothing says who leads, so whoever gets the lock first does"),
        ] {
            assert_eq!(role(&inputs), Ok((want, reason.to_owned())));
        }
    }

    #[test]
    fn run_migrations_is_read_as_people_mean_it() {
        let elect = LeaderRule::Env;
        for (text, want) in [
            ("true", Role::Lead),
            ("TRUE", Role::Lead),
            ("1", Role::Lead),
            ("yes", Role::Lead),
            ("On", Role::Lead),
            ("false", Role::Follow),
            ("0", Role::Follow),
            ("no", Role::Follow),
            ("off", Role::Follow),
            ("2", Role::Follow),
            ("y", Role::Follow),
            ("truee", Role::Follow),
        ] {
            for leader in [None, Some(&elect)] {
                assert_eq!(
                    decided(RoleInputs { run_migrations: Some(text), leader, ..base() }),
                    want,
                    "{text}"
                );
            }
        }
        assert_eq!(decided(RoleInputs { run_migrations: Some(""), ..base() }), Role::Elect);
        assert_eq!(
            decided(RoleInputs { run_migrations: Some(""), leader: Some(&elect), ..base() }),
            Role::Follow
        );
        assert_eq!(decided(RoleInputs { leader: Some(&elect), ..base() }), Role::Follow);
    }

    #[test]
    fn a_named_leader_is_compared_with_what_we_are_called() {
        let named = LeaderRule::Named("web".into());
        let inputs = RoleInputs { leader: Some(&named), ..base() };
        let pod = ["web-x1".to_owned(), "web".to_owned()];
        let other = ["worker".to_owned()];
        let (web, worker) = (Participant::from("web"), Participant::from("worker"));
        assert_eq!(decided(RoleInputs { platform_names: &pod, ..inputs }), Role::Lead);
        assert_eq!(decided(RoleInputs { platform_names: &other, ..inputs }), Role::Follow);
        assert_eq!(
            decided(RoleInputs { participant: Some(&web), platform_names: &other, ..inputs }),
            Role::Lead
        );
        assert_eq!(
            decided(RoleInputs { participant: Some(&worker), platform_names: &pod, ..inputs }),
            Role::Follow
        );
        assert_eq!(
            role(&inputs),
            Err(PlanError::NameUnknown { leader: web.clone(), platform: "plain".to_owned() })
        );
        assert_eq!(unmatched_leader(&RoleInputs { platform_names: &other, ..inputs }, &[]), Some(&web));
        assert_eq!(
            unmatched_leader(&RoleInputs { platform_names: &other, ..inputs }, std::slice::from_ref(&web)),
            None
        );
        assert_eq!(unmatched_leader(&RoleInputs { platform_names: &pod, ..inputs }, &[]), None);
        assert_eq!(unmatched_leader(&base(), &[]), None);
    }

    #[test]
    fn where_somebody_must_be_designated_nobody_is_elected_by_silence() {
        let heroku = RoleInputs { platform: "heroku", must_designate: true, ..base() };
        assert_eq!(role(&heroku), Err(PlanError::NotDesignated { platform: "heroku".to_owned() }));
        assert_eq!(decided(RoleInputs { leader: Some(&LeaderRule::Elect), ..heroku }), Role::Elect);
        assert_eq!(decided(RoleInputs { flag: Some(Role::Elect), ..heroku }), Role::Elect);
        assert_eq!(decided(RoleInputs { run_migrations: Some("1"), ..heroku }), Role::Lead);
    }

    #[test]
    fn leading_needs_something_to_lead_with() {
        let bare = RoleInputs { can_lead: false, ..base() };
        for flag in [Role::Lead, Role::Elect] {
            assert!(matches!(
                role(&RoleInputs { flag: Some(flag), ..bare }),
                Err(PlanError::NothingToLeadWith { role, .. }) if role == flag
            ));
        }
        assert!(matches!(role(&bare), Err(PlanError::NothingToLeadWith { role: Role::Elect, .. })));
        assert_eq!(decided(RoleInputs { flag: Some(Role::Follow), ..bare }), Role::Follow);
    }

    proptest! {
        #[test]
        fn only_the_four_words_lead(text in "\\PC*") {
            let lead = ["true", "1", "yes", "on"].contains(&text.trim().to_lowercase().as_str());
            let want = match text.trim() {
                "" => Role::Elect,
                _ if lead => Role::Lead,
                _ => Role::Follow,
            };
            prop_assert_eq!(decided(RoleInputs { run_migrations: Some(&text), ..base() }), want);
        }

        #[test]
        fn the_case_of_the_words_does_not_matter(word in "[tT][rR][uU][eE]|1|[yY][eE][sS]|[oO][nN]") {
            prop_assert_eq!(decided(RoleInputs { run_migrations: Some(&word), ..base() }), Role::Lead);
        }
    }
}
