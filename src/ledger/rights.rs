//! What our user may do, asked by statements that touch no row: `doctor` changes nothing.

use crate::database::{Database, DbError, DbErrorKind, Statement, Value};
use crate::ledger::look::RUN;
use crate::ledger::past::{STEP, TABLES};
use crate::ledger::{LEDGER_VERSION, Ledger};

/// PostgreSQL's `insufficient_privilege`, of tables as well as of their owner.
const NOT_ALLOWED: &str = "42501";
/// How PostgreSQL (before 11, too) says that a right to use a table is missing; it does not say which.
const OF_TABLE: [&str; 2] = ["permission denied for table ", "permission denied for relation "];
/// What is before and after the missing right: in MySQL's and MariaDB's words, in SQL Server's.
const USING: [(&str, &str); 2] = [("", " command denied"), ("The ", " permission was denied")];
/// What a leader does with its tables.
const VERBS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// A right that is missing.
#[derive(Clone, Debug)]
pub struct Lacking {
    /// The table's short name.
    pub table: &'static str,
    /// What the database said.
    pub error: DbError,
}

/// The version of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerVersion {
    /// Who wrote it.
    pub version: i64,
    /// Who may read it.
    pub min_reader: i64,
}

impl LedgerVersion {
    /// Whether we may.
    pub fn is_readable(self) -> bool {
        self.min_reader <= LEDGER_VERSION
    }
}

impl Ledger {
    /// The ledger's version; none = its installation has not come to its end.
    pub async fn version(&self, session: &mut dyn Database) -> Result<Option<LedgerVersion>, DbError> {
        let question = self.statement("SELECT MAX(version), MAX(min_reader) FROM {meta}", vec![]);
        let reply = session.query(&question).await?;
        let Some(row) = reply.rows.first() else { return Ok(None) };
        Ok(row
            .opt_int(0)?
            .zip(row.opt_int(1)?)
            .map(|(version, min_reader)| LedgerVersion { version, min_reader }))
    }

    /// Whether a refusal is of a right to use one of our tables, as a `GRANT` on it gives one.
    pub fn is_of_using(error: &DbError) -> bool {
        let verbs =
            USING.iter().filter_map(|(before, after)| error.message.strip_prefix(before)?.split_once(after));
        let mut verbs = verbs.map(|(verbs, _)| verbs);
        names_table(error)
            && (OF_TABLE.iter().any(|words| error.message.contains(words))
                || verbs.any(|verbs| verbs.split(", ").all(|verb| VERBS.contains(&verb))))
    }

    /// Whether a refusal is of what only the owner of one of our tables may do: no `GRANT` on it gives that.
    pub fn is_of_owning(error: &DbError) -> bool {
        error.code.as_deref() == Some(NOT_ALLOWED) && names_table(error) && !Self::is_of_using(error)
    }

    /// The first table that we may not read, of those that `history` reads; the steps are last, and no follower reads
    /// them. An error names a column that is missing.
    pub async fn unreadable(&self, session: &mut dyn Database) -> Result<Option<Lacking>, DbError> {
        for (columns, key, table) in [
            (RUN, "{runs} r", "bellwether_runs"),
            ("version, min_reader", "{meta}", "bellwether_meta"),
            (STEP, "{steps} s", "bellwether_steps"),
        ] {
            let question = self.statement(&format!("SELECT {columns} FROM {key} WHERE 1 = 0"), vec![]);
            if let Some(error) = refused(session.query(&question).await.map(drop))? {
                return Ok(Some(Lacking { table, error }));
            }
        }
        Ok(None)
    }

    /// The first table that we may not write, of those that a leader writes. An error as above.
    pub async fn unwritable(&self, session: &mut dyn Database) -> Result<Option<Lacking>, DbError> {
        let lock = self.statement("SELECT name, fence, run_id FROM {lock} WHERE 1 = 0", vec![]);
        refused(session.query(&lock).await.map(drop))?; // rights are looked at below
        for (key, table, column) in [
            ("{lock}", "bellwether_lock", "name"),
            ("{runs}", "bellwether_runs", "status"),
            ("{steps}", "bellwether_steps", "status"),
        ] {
            if let Some(error) = self.may_write(session, key, column).await? {
                return Ok(Some(Lacking { table, error }));
            }
        }
        Ok(None)
    }

    async fn may_write(
        &self,
        session: &mut dyn Database,
        table: &str,
        column: &str,
    ) -> Result<Option<DbError>, DbError> {
        for template in [
            format!("INSERT INTO {table} SELECT * FROM {table} WHERE 1 = 0"),
            format!("UPDATE {table} SET {column} = {column} WHERE 1 = 0"),
            format!("DELETE FROM {table} WHERE 1 = 0"),
        ] {
            let refusal = self.try_out(session, &self.statement(&template, vec![])).await?;
            if refusal.is_some() {
                return Ok(refusal);
            }
        }
        Ok(None)
    }

    /// In a transaction that is always taken back: a role's default may be to read only, a leader's is not.
    async fn try_out(
        &self,
        session: &mut dyn Database,
        statement: &Statement,
    ) -> Result<Option<DbError>, DbError> {
        session.script(self.dialect().begin).await?;
        let answer = session.query(statement).await.map(drop);
        session.script("ROLLBACK").await?;
        refused(answer)
    }

    /// Whether we may make tables in `schema`; none where the server cannot be asked.
    pub async fn may_create(
        &self,
        session: &mut dyn Database,
        schema: &str,
    ) -> Result<Option<bool>, DbError> {
        let Some(question) = self.dialect().may_create else { return Ok(None) };
        let reply = session.query(&self.statement(question, vec![Value::from(schema)])).await?;
        Ok(Some(!reply.rows.is_empty()))
    }
}

fn names_table(error: &DbError) -> bool {
    error.kind == DbErrorKind::Privilege && TABLES.iter().any(|(_, name)| error.message.contains(name))
}

fn refused(answer: Result<(), DbError>) -> Result<Option<DbError>, DbError> {
    match answer {
        Err(error) if matches!(error.kind, DbErrorKind::Privilege | DbErrorKind::ReadOnly) => Ok(Some(error)),
        answer => answer.map(|()| None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_grant_on_a_table_mends_is_told_from_what_its_owner_does() {
        for (code, message, using, owning) in [
            ("42501", "permission denied for table bellwether_runs", true, false),
            ("42501", "permission denied for relation bellwether_runs", true, false),
            ("42501", "must be owner of table bellwether_runs", false, true),
            ("42501", "Berechtigung nur f\u{fc}r Eigent\u{fc}mer der Tabelle bellwether_runs", false, true),
            ("42501", "permission denied for schema public", false, false),
            ("1142", "SELECT command denied to user 'a'@'b' for table `c`.`bellwether_lock`", true, false),
            (
                "1142",
                "SELECT, INSERT command denied to user 'a'@'b' for table `c`.`bellwether_lock`",
                true,
                false,
            ),
            ("1142", "CREATE command denied to user 'a'@'b' for table `c`.`bellwether_lock`", false, false),
            ("1142", "INDEX command denied to user 'a'@'b' for table `c`.`bellwether_runs`", false, false),
            ("1142", "SELECT command denied to user 'a'@'b' for table `c`.`applied`", false, false),
            ("229", "The UPDATE permission was denied on the object 'bellwether_runs'", true, false),
            ("229", "The REFERENCES permission was denied on the object 'bellwether_runs'", false, false),
        ] {
            let error = DbError::new(DbErrorKind::Privilege, message);
            let error = DbError { code: Some(code.to_owned()), ..error };
            assert_eq!(
                (Ledger::is_of_using(&error), Ledger::is_of_owning(&error)),
                (using, owning),
                "{message}"
            );
        }
    }
}
