//! Questions about SQL Server's batches, which hold many statements without a sign between them: answered by words that
//! begin one.

use crate::database::EngineName;

use super::inspect::Words;
use super::lexer::Kind;

/// Words with which a statement begins.
const BEGINNINGS: &[&str] = &[
    "ALTER",
    "BACKUP",
    "BEGIN",
    "BULK",
    "CHECKPOINT",
    "CLOSE",
    "COMMIT",
    "CREATE",
    "DBCC",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DENY",
    "DROP",
    "EXEC",
    "EXECUTE",
    "FETCH",
    "GRANT",
    "IF",
    "INSERT",
    "KILL",
    "MERGE",
    "OPEN",
    "PRINT",
    "RAISERROR",
    "RECONFIGURE",
    "RESTORE",
    "REVERT",
    "REVOKE",
    "ROLLBACK",
    "SAVE",
    "SELECT",
    "SET",
    "THROW",
    "TRUNCATE",
    "UPDATE",
    "UPDATETEXT",
    "USE",
    "WAITFOR",
    "WHILE",
    "WITH",
    "WRITETEXT",
];

fn words(text: &str) -> impl Iterator<Item = (Kind, String)> + Clone {
    Words::new(text, EngineName::SqlServer).map(|word| (word.kind, word.keyword()))
}

/// Whether the batch only defines a procedure, function, trigger or view, which has to be alone in it: nothing of its
/// body runs.
fn defines_module(text: &str) -> bool {
    let mut words = words(text)
        .map(|(_, word)| word)
        .skip_while(|word| matches!(word.as_str(), "CREATE" | "ALTER" | "OR"));
    let begins =
        self::words(text).next().is_some_and(|(_, word)| matches!(word.as_str(), "CREATE" | "ALTER"));
    begins
        && words.next().is_some_and(|word| {
            matches!(word.as_str(), "PROC" | "PROCEDURE" | "FUNCTION" | "TRIGGER" | "VIEW")
        })
}

/// Whether it ends the transaction that we run it in, or opens one of its own; `ROLLBACK TRAN name` goes back to a
/// `SAVE TRAN`.
pub(super) fn controls(text: &str) -> bool {
    if defines_module(text) {
        return false;
    }
    let mut words = words(text).map(|(_, word)| word).peekable();
    while let Some(word) = words.next() {
        let next = words.peek().map(String::as_str).unwrap_or_default();
        match word.as_str() {
            "BEGIN" if matches!(next, "TRAN" | "TRANSACTION" | "DISTRIBUTED") => return true,
            "COMMIT" => return true,
            "ROLLBACK" if !matches!(next, "TRAN" | "TRANSACTION") => return true,
            "ROLLBACK" => {
                words.next();
                let to = words.peek().map(String::as_str).unwrap_or_default();
                if to.is_empty() || to == "END" || to == "ELSE" || BEGINNINGS.contains(&to) {
                    return true;
                }
            }
            // the second turns on the first, too
            "SET" if matches!(next, "IMPLICIT_TRANSACTIONS" | "ANSI_DEFAULTS") => {
                words.next();
                if words.peek().is_some_and(|word| word == "ON") {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Whether a batch that fails outside a transaction may leave part of its work behind: there is more than one statement
/// in it, as far as words tell, or one that runs others. In doubt it may.
pub(super) fn may_stay_in_part(text: &str) -> bool {
    if defines_module(text) {
        return false;
    }
    let words: Vec<_> = words(text).collect();
    let at = |index: usize| words.get(index).map_or("", |(_, word)| word.as_str());
    let is = |index: usize, sign: u8| words.get(index).is_some_and(|(kind, _)| *kind == Kind::Symbol(sign));
    let first = at(0);
    if words.is_empty() || matches!(first, "EXEC" | "EXECUTE" | "IF" | "WHILE" | "BEGIN" | "DECLARE") {
        return !words.is_empty();
    }
    // a procedure's name alone calls it
    if !begins(first, at(1)) {
        return true;
    }
    let after_name = after_name(&words);
    // what the statement's own further words have been
    let mut verb = first;
    let (mut selects, mut sets) = (false, false);
    for index in 1..words.len() {
        let (word, next, before) = (at(index), at(index + 1), at(index - 1));
        if is(index, b';') && index + 1 < words.len() {
            return true;
        }
        // `DROP TABLE a, b` may stumble over the second
        if is(index, b',') && first == "DROP" {
            return true;
        }
        if word == "VALUES" {
            selects = true;
        }
        if !begins(word, next) {
            continue;
        }
        let of_it = match word {
            // to begin a statement it would have to follow a `;`
            "WITH" => true,
            _ if before == "WITH" => true, // ROLLBACK IMMEDIATE, GRANT OPTION
            "IF" => next == "EXISTS" && !is(index + 2, b'('),
            "DELETE" | "UPDATE" if before == "ON" => true,
            // up to its `;`, which it must have
            _ if verb == "MERGE" => true,
            "SET" if matches!(next, "NULL" | "DEFAULT") || is(index + 1, b'(') => true,
            "SET" if verb == "UPDATE" && at(1) != "STATISTICS" => !std::mem::replace(&mut sets, true),
            // a query within another, but not a column's type or a statement's end in front of one
            "SELECT" if is(index - 1, b'(') => index < 2 || !is(index - 2, b')'),
            "SELECT" if before == "UNION" || before == "EXCEPT" || before == "INTERSECT" => true,
            "SELECT" if before == "ALL" && index > 1 && at(index - 2) == "UNION" => true,
            "SELECT" if verb == "INSERT" => !std::mem::replace(&mut selects, true),
            // what comes after the names of `WITH x AS (…)`
            _ if verb == "WITH" => {
                verb = word;
                true
            }
            _ => Some(index) == after_name,
        };
        if !of_it {
            return true;
        }
    }
    false
}

/// Whether a statement begins with this word, if one may begin there.
fn begins(word: &str, next: &str) -> bool {
    BEGINNINGS.contains(&word)
        || matches!(
            (word, next),
            ("ENABLE" | "DISABLE", "TRIGGER")
                | ("ADD", "SIGNATURE" | "COUNTER")
                | ("GET" | "MOVE" | "END", "CONVERSATION")
                | ("SEND", "ON")
                | ("RECEIVE", _)
        )
}

/// Where what is done stands in `ALTER TABLE dbo.t DROP …`, `ALTER DATABASE d SET …`: right after the name.
fn after_name(words: &[(Kind, String)]) -> Option<usize> {
    let at = |index: usize| words.get(index).map_or("", |(_, word)| word.as_str());
    if at(0) != "ALTER" {
        return None;
    }
    let mut index = match (at(1), at(2)) {
        ("DATABASE", "SCOPED") => return Some(4),
        ("TABLE" | "DATABASE" | "ROLE", _) => 3,
        _ => return None,
    };
    while words.get(index).is_some_and(|(kind, _)| *kind == Kind::Symbol(b'.')) {
        index += 2;
    }
    Some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_of_a_batchs_own_are_found() {
        for text in [
            "BEGIN TRAN\nINSERT t VALUES (1)\nCOMMIT",
            "INSERT t VALUES (1) begin transaction",
            "IF @@TRANCOUNT > 0 ROLLBACK",
            "ROLLBACK TRAN\nTHROW",
            "SET IMPLICIT_TRANSACTIONS ON",
            "set ansi_defaults on",
            "BEGIN TRY SELECT 1 END TRY BEGIN CATCH ROLLBACK TRANSACTION; END CATCH",
        ] {
            assert!(controls(text), "{text}");
        }
        for text in [
            "BEGIN TRY SELECT 1 END TRY BEGIN CATCH THROW END CATCH",
            "SAVE TRAN here; ROLLBACK TRAN here",
            "CREATE OR ALTER PROCEDURE p AS BEGIN TRAN; COMMIT",
            "SELECT 'COMMIT', [commit] -- ROLLBACK",
            "SET IMPLICIT_TRANSACTIONS OFF",
            "SET ANSI_DEFAULTS OFF; SET ANSI_NULLS ON",
        ] {
            assert!(!controls(text), "{text}");
        }
    }

    #[test]
    fn one_statement_is_done_or_not_and_several_may_be_done_in_part() {
        for text in [
            "ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON",
            "CREATE TABLE t (a int REFERENCES u ON DELETE CASCADE ON UPDATE CASCADE);",
            "ALTER TABLE t DROP COLUMN a",
            "UPDATE t SET a = 1",
            "INSERT INTO t SELECT 1",
            "CREATE INDEX i ON t (a) WITH (ONLINE = ON)",
            "CREATE PROCEDURE p AS INSERT t VALUES (1); INSERT t VALUES (2)",
            "ALTER DATABASE [a b] SET SINGLE_USER WITH ROLLBACK IMMEDIATE",
            "ALTER DATABASE SCOPED CONFIGURATION SET MAXDOP = 1",
            "ALTER TABLE [dbo].[t] ALTER COLUMN a int NOT NULL;",
            "ALTER TABLE t DISABLE TRIGGER x",
            "ALTER TABLE t SET (LOCK_ESCALATION = AUTO)",
            "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES u (a) ON DELETE SET NULL",
            "ALTER INDEX i ON t DISABLE",
            "DROP TABLE IF EXISTS t",
            "INSERT t (a) SELECT a FROM u UNION ALL SELECT 1 EXCEPT SELECT 2 WHERE EXISTS (SELECT 1)",
            "INSERT t VALUES ((SELECT 1))",
            "WITH x AS (SELECT 1 AS a) UPDATE t SET a = (SELECT a FROM x)",
            "WITH x AS (SELECT 1 AS a), y AS (SELECT 2 AS a) INSERT t SELECT a FROM x WITH (NOLOCK)",
            "MERGE t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET b = 1 WHEN NOT MATCHED THEN INSERT VALUES (1);",
        ] {
            assert!(!may_stay_in_part(text), "{text}");
        }
        for text in [
            "INSERT t VALUES (1)\nINSERT t VALUES (2)",
            "CREATE TABLE t (a int); CREATE TABLE u (a int)",
            "EXEC p",
            "sp_rename 'a', 'b'",
            "[dbo].[p]",
            "WHILE 1 = 1 INSERT t VALUES (1)",
            "ALTER TABLE t ADD a int UPDATE t SET a = 1",
            "ALTER TABLE t ADD a int\nALTER TABLE nothere ADD b int",
            "ALTER TABLE t ADD a int DROP TABLE u",
            "ALTER TABLE t ADD a int DISABLE TRIGGER x ON t",
            "ALTER TABLE t ALTER COLUMN a int ALTER TABLE u ADD b int",
            "SELECT 1 AS a INTO bak1\nSELECT * INTO bak2 FROM nothere",
            "ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON\nCREATE TABLE u (a int)",
            "ALTER DATABASE CURRENT SET RECOVERY SIMPLE SET NOCOUNT ON",
            "SET NOCOUNT ON INSERT t VALUES (1)",
            "UPDATE t SET a = 1 SET NOCOUNT ON",
            "UPDATE STATISTICS t SET NOCOUNT ON",
            "INSERT t VALUES (1) SELECT * INTO u FROM nothere",
            "INSERT t SELECT 1 SELECT 2",
            "CREATE TABLE t (a int) (SELECT * FROM nothere)",
            "WITH x AS (SELECT 1 AS a) INSERT t SELECT a FROM x DELETE u",
            "DROP TABLE t, nothere",
            "CREATE TABLE t (a int) CHECKPOINT",
            "CREATE TABLE t (a int) ENABLE TRIGGER x ON u",
            "CREATE TABLE t (a int) ADD SIGNATURE TO p BY CERTIFICATE c",
            "OPEN SYMMETRIC KEY k DECRYPTION BY CERTIFICATE c UPDATE t SET a = 1 CLOSE ALL SYMMETRIC KEYS",
            "CREATE TABLE t (a int) IF EXISTS (SELECT 1) DROP TABLE u",
        ] {
            assert!(may_stay_in_part(text), "{text}");
        }
    }
}
