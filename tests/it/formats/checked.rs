//! A project whose format we only check: each question in one word.

use crate::formats::project::{Plan, Project};
use crate::support::{Bellwether, Finished, TestDatabase};

/// A project and its migrations folder.
pub struct Checked<'a> {
    project: Project<'a>,
    format: &'static str,
    migrations: &'static str,
}

impl<'a> Checked<'a> {
    /// None, and a printed skip, if the tool is absent.
    pub fn new(
        db: &'a TestDatabase,
        (tool, variable): (&str, &str),
        format: &'static str,
        migrations: &'static str,
    ) -> Option<Self> {
        let project = Project::of_program(db, tool, variable)?.with("PYTHONDONTWRITEBYTECODE", "1");
        Some(Self { project, format, migrations })
    }

    /// The same project with other migrations and another database.
    pub fn with<'b>(&self, db: &'b TestDatabase, migrations: &'static str) -> Checked<'b> {
        Checked { project: self.project.on(db), format: self.format, migrations }
    }

    pub fn write(&self, name: &str, text: &str) {
        self.project.write(name, text);
    }

    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.project.path(name)).unwrap();
    }

    /// What the tool says; it must succeed.
    #[track_caller]
    pub fn run(&self, words: &[&str]) -> String {
        let (succeeded, said) = self.try_run(words);
        assert!(succeeded, "{words:?}: {said}");
        said
    }

    /// Whether it succeeded, and what it says.
    pub fn try_run(&self, words: &[&str]) -> (bool, String) {
        self.project.tool(words)
    }

    /// What `plan` reports, the format found by itself.
    #[track_caller]
    fn plan(&self) -> Plan {
        let plan = self.project.plan(self.migrations);
        assert_eq!(plan.format(), self.format);
        plan
    }

    /// What is pending, with spaces between; or `none`, `unknown`.
    #[track_caller]
    pub fn pending(&self) -> String {
        self.plan().pending()
    }

    /// `version state` of all that is here or recorded.
    #[track_caller]
    pub fn states(&self) -> Vec<String> {
        self.plan().states()
    }

    /// Leads with the tool as its command.
    pub fn deploy(&self, release: &str, command: &[&str]) -> Finished {
        self.project.lead(release, self.migrations, command)
    }

    /// Follows nobody: only what is applied lets it go.
    pub fn follow(&self, release: &str) -> Finished {
        let verb = Bellwether::new("follow").release(release).participant("shop-worker");
        self.project.bellwether(verb, self.migrations).run()
    }
}
