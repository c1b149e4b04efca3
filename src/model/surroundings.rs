//! What of the place where we run changes the advice that we give, and whether somebody reads our output as commands.

/// Where we run, as far as advice depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Surroundings {
    /// Nothing special.
    #[default]
    Elsewhere,
    /// A `run:` step of a GitHub Actions job.
    GithubStep {
        /// The job itself runs in a container.
        in_container: bool,
    },
    /// Our own container action: flags are inputs, and the image holds nothing but us.
    GithubAction {
        /// As the workflow names it: `owner/repo@v1`; none where it is the workflow's own folder.
        action: Option<String>,
    },
}

impl Surroundings {
    /// A GitHub runner reads what we write, and takes some lines for commands.
    pub fn is_github(&self) -> bool {
        !matches!(self, Self::Elsewhere)
    }

    /// `localhost` is a container, and not the machine whose ports are mapped.
    pub fn in_container(&self) -> bool {
        matches!(self, Self::GithubStep { in_container: true } | Self::GithubAction { .. })
    }

    /// The input that stands for one of our variables: `database-url` for `BELLWETHER_DATABASE_URL`.
    pub fn input(&self, variable: &str) -> Option<String> {
        let name = variable.strip_prefix("BELLWETHER_")?;
        matches!(self, Self::GithubAction { .. }).then(|| name.to_lowercase().replace('_', "-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_named_as_its_flag() {
        let action = Surroundings::GithubAction { action: None };
        assert_eq!(action.input("BELLWETHER_DATABASE_URL").as_deref(), Some("database-url"));
        assert_eq!(action.input("DATABASE_URL"), None);
        assert_eq!(Surroundings::Elsewhere.input("BELLWETHER_ROLE"), None);
        assert!(action.in_container() && action.is_github());
    }
}
