//! What the database refused us, with what mends it: the right to be granted, the schema or role to be made.

use crate::database::grant::Securable;
use crate::database::url::sqlserver::HISTORY;
use crate::database::{Database, DbError, DbErrorKind, EngineName};
use crate::error::{Doing, Error};
use crate::job::Job;
use crate::ledger::Ledger;
use crate::ledger::history::HistoryTable;
use crate::model::run::Role;

impl Job {
    /// What the database said, with what we did; a missing right with the `GRANT` that gives it.
    pub fn refused(&self, doing: Doing, error: DbError) -> Error {
        let target = self.place();
        let mut error = error;
        // a server may be read-only for a moment; a file is not
        if error.kind == DbErrorKind::ReadOnly && !self.beats() && doing != Doing::Looking {
            error.kind = DbErrorKind::Privilege;
        }
        if let Some(missing) = self.named_in_vain(doing, &error) {
            return missing;
        }
        // the tables are there, and are another's
        let doing = match doing {
            Doing::Installing if Ledger::is_of_using(&error) => Doing::Claiming,
            Doing::Installing if Ledger::is_of_owning(&error) => Doing::Completing,
            doing => doing,
        };
        let grants = match doing {
            _ if error.kind != DbErrorKind::Privilege => Vec::new(),
            Doing::Looking => self.grants_to_read(&self.ledger.read_tables()),
            // the ledger was looked at before, or is not there yet
            Doing::ReadingHistory => self.grants_to_read(&[]),
            Doing::Installing | Doing::MakingHistory | Doing::Claiming | Doing::Recording => {
                self.grants_to_lead(doing)
            }
            Doing::Completing => self.ownership(),
            // without the server's code, it is a socket's or a file's right
            Doing::Connecting if error.code.is_some() => {
                let database = self.target.database.as_deref().unwrap_or("the_database");
                self.engine.dialect.grants_to_connect(self.user(), database, self.role != Role::Follow)
            }
            Doing::Connecting | Doing::Identifying | Doing::Locking | Doing::WritingHistory => Vec::new(),
        };
        match grants.is_empty() {
            true => Error::Database { doing, engine: self.engine.name, target, error },
            false => Error::NoPrivilege { doing, target, error, grants },
        }
    }

    /// Makes the history's table if it is not there, and gives the schemas that had one of this name before.
    pub async fn ensure_history(
        &self,
        session: &mut dyn Database,
        history: &HistoryTable,
    ) -> Result<Vec<String>, Error> {
        match history.is_there(session).await {
            Ok(true) => return Ok(Vec::new()),
            Ok(false) => {}
            // who may not even read it does not make it, nor write it
            Err(error) if error.kind == DbErrorKind::Privilege => {
                return Err(self.may_not_write(history, error));
            }
            Err(error) => return Err(self.refused(Doing::MakingHistory, error)),
        }
        history.make(session).await.map_err(|error| self.refused(Doing::MakingHistory, error))
    }

    /// The history is there, and may not be written.
    pub fn may_not_write(&self, history: &HistoryTable, error: DbError) -> Error {
        let grant = self.engine.dialect.grant;
        let grants = grant.map(|grant| grant.to_write(self.user(), history.name())).into_iter().collect();
        Error::NoPrivilege { doing: Doing::WritingHistory, target: self.place(), error, grants }
    }

    /// A schema or a role that the config names and the database does not have.
    fn named_in_vain(&self, doing: Doing, error: &DbError) -> Option<Error> {
        let dialect = self.engine.dialect;
        let grant = dialect.grant.as_ref().filter(|_| doing == Doing::Installing)?;
        let (key, names, create) = match error.code.as_deref()? {
            "3F000" | "1049" | "2760" => {
                let what = if grant.on == Securable::Database { "DATABASE" } else { "SCHEMA" };
                ("ledger.schema", vec![self.ledger.schema()?.to_owned()], what)
            }
            // MySQL would make an account of an unknown name, if we might make one (1410)
            "42704" | "1133" | "1410" | "15151" if !self.readers.is_empty() => {
                let quoted = |role: &&String| {
                    ['"', '\''].iter().any(|quote| error.message.contains(&format!("{quote}{role}{quote}")))
                };
                let named: Vec<_> = self.readers.iter().filter(quoted).cloned().collect();
                let names = if named.is_empty() { self.readers.clone() } else { named };
                ("ledger.readers", names, if grant.on == Securable::Schema { "ROLE" } else { "USER" })
            }
            _ => return None,
        };
        let quoted = |name: &String| match create {
            "SCHEMA" | "DATABASE" => dialect.quote(name),
            _ => (grant.grantee)(name),
        };
        let login = |name: &String| match (create, grant.on) {
            ("USER", Securable::Class) => format!(" FOR LOGIN {}", quoted(name)),
            _ => String::new(),
        };
        let create =
            names.iter().map(|name| format!("CREATE {create} {}{};", quoted(name), login(name))).collect();
        Some(Error::NamedInVain { key, names, create, target: self.place(), error: Box::new(error.clone()) })
    }

    /// What lets our own user make the tables, or write the ledger; none where there are no users.
    fn grants_to_lead(&self, doing: Doing) -> Vec<String> {
        let dialect = self.engine.dialect;
        let (user, database) = (self.user(), self.target.database.as_deref());
        match doing {
            Doing::Installing | Doing::MakingHistory => {
                dialect.grants_to_make(user, self.ledger.schema(), database)
            }
            _ => {
                let Some(grant) = dialect.grant else { return Vec::new() };
                let tables = self.ledger.written_tables().into_iter();
                tables.map(|table| grant.to_write(user, table)).collect()
            }
        }
    }

    /// What makes our own user the owner of the ledger's tables, of those that are there (PostgreSQL).
    fn ownership(&self) -> Vec<String> {
        let Some(grant) = self.engine.dialect.grant else { return Vec::new() };
        let owner = (grant.grantee)(self.user());
        let tables = self.ledger.written_tables().into_iter();
        tables.map(|table| format!("ALTER TABLE IF EXISTS {table} OWNER TO {owner};")).collect()
    }

    /// Our own user, as the URL has it.
    fn user(&self) -> &str {
        self.target.user.as_deref().unwrap_or("the_user")
    }

    /// What lets our own user read the history, and these tables of the ledger, to be pasted.
    fn grants_to_read(&self, ledger: &[(Option<&str>, &str)]) -> Vec<String> {
        // which schema the history is in is not known before a session is open: where the URL says, else the default
        let names = ["search_path", HISTORY];
        let path = self.target.settings.iter().find(|(name, _)| names.contains(&name.as_str()));
        let schema = path.map(|(_, path)| path.split(',').next().unwrap_or(path).trim());
        let own_database = self.target.database.as_deref().filter(|_| self.engine.name == EngineName::MySql);
        let tables = self.with_history(ledger, schema.or(own_database));
        self.engine.dialect.grants(self.user(), &tables).into_iter().map(|grant| grant + ";").collect()
    }

    /// What lets a role read ledger and history.
    pub fn grants_for(&self, role: &str, history_schema: Option<&str>) -> Vec<String> {
        self.engine.dialect.grants(role, &self.with_history(&self.ledger.read_tables(), history_schema))
    }

    fn with_history<'a>(
        &self,
        ledger: &[(Option<&'a str>, &'a str)],
        schema: Option<&'a str>,
    ) -> Vec<(Option<&'a str>, &'a str)> {
        let history = self.format.map(|format| (schema, format.history().table));
        ledger.iter().copied().chain(history).collect()
    }
}
