//! How servers give rights, as somebody pastes it: text alone, nothing is granted here.

use crate::database::statement::Dialect;

/// How a server gives rights.
#[derive(Clone, Copy, Debug)]
pub struct Grant {
    /// A role as a `GRANT` names it.
    pub grantee: fn(&str) -> String,
    /// What rights are given on, beside tables.
    pub on: Securable,
    /// The server's rights by which a successor sees and ends what a dead leader's session keeps, where its own user may
    /// not.
    pub take_over: &'static [&'static str],
    /// Where nobody is given these rights.
    pub take_over_at: Option<Elsewhere>,
}

/// A product with rights of its own.
#[derive(Clone, Copy, Debug)]
pub struct Elsewhere {
    /// As the server is told of.
    pub product: &'static str,
    /// What gives a role the same there.
    pub says: fn(&str) -> String,
}

/// What rights are given on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Securable {
    /// `SCHEMA name`, which must be opened to a role before its tables are (PostgreSQL).
    Schema,
    /// `name.*`: a database (MySQL, MariaDB).
    Database,
    /// `SCHEMA::name`; to make a table is a right in the database (SQL Server).
    Class,
}

impl Grant {
    /// What lets a role write a table, by its qualified name. MySQL refuses a table in the same words whether it is there
    /// or not, and takes a `GRANT` on one that is not only with the right to create it.
    pub fn to_write(&self, role: &str, table: &str) -> String {
        let create = if self.on == Securable::Database { ", CREATE" } else { "" };
        format!("GRANT SELECT, INSERT, UPDATE, DELETE{create} ON {table} TO {};", (self.grantee)(role))
    }
}

impl Dialect {
    /// The `GRANT`s that let a role read these tables, each with its schema (none = the default one), without a `;`.
    /// None where there are no users.
    pub fn grants(&self, role: &str, tables: &[(Option<&str>, &str)]) -> Vec<String> {
        let Some(grant) = self.grant else { return Vec::new() };
        let grantee = (grant.grantee)(role);
        let mut grants = Vec::new();
        for (schema, table) in tables {
            if let Some(schema) = schema.or(self.default_schema).filter(|_| grant.on == Securable::Schema) {
                let usage = format!("GRANT USAGE ON SCHEMA {} TO {grantee}", self.quote(schema));
                if !grants.contains(&usage) {
                    grants.push(usage);
                }
            }
            grants.push(format!("GRANT SELECT ON {} TO {grantee}", self.qualify(*schema, table)));
        }
        grants
    }

    /// What lets a role make tables in a schema (none = the default one), or in a database where these are the same, and
    /// write them; each line with its `;`.
    pub fn grants_to_make(&self, role: &str, schema: Option<&str>, database: Option<&str>) -> Vec<String> {
        let Some(grant) = self.grant else { return Vec::new() };
        let grantee = (grant.grantee)(role);
        let schema = schema.or(self.default_schema);
        match (grant.on, schema) {
            (Securable::Schema, Some(schema)) => {
                vec![format!("GRANT USAGE, CREATE ON SCHEMA {} TO {grantee};", self.quote(schema))]
            }
            // who makes a table there does not own it: the schema's owner does
            (Securable::Class, Some(schema)) => vec![
                format!("GRANT CREATE TABLE TO {grantee};"),
                format!(
                    "GRANT ALTER, SELECT, INSERT, UPDATE, DELETE ON SCHEMA::{} TO {grantee};",
                    self.quote(schema)
                ),
            ],
            (_, schema) => {
                let database = self.quote(schema.or(database).unwrap_or("the_database"));
                vec![format!("GRANT ALL ON {database}.* TO {grantee};")]
            }
        }
    }

    /// What lets a role see and end the session of a leader that is dead, on this product; none where its own user may.
    pub fn grants_to_take_over(&self, role: &str, product: &str) -> Option<String> {
        let grant = self.grant.filter(|grant| !grant.take_over.is_empty())?;
        if let Some(elsewhere) = grant.take_over_at.filter(|at| at.product == product) {
            return Some((elsewhere.says)(&(grant.grantee)(role)));
        }
        Some(format!("in master: GRANT {} TO {}", grant.take_over.join(", "), (grant.grantee)(role)))
    }

    /// What lets a role into a database; MySQL lets in whoever has a right there, so there it depends on `leads`.
    pub fn grants_to_connect(&self, role: &str, database: &str, leads: bool) -> Vec<String> {
        let Some(grant) = self.grant else { return Vec::new() };
        let (grantee, database) = ((grant.grantee)(role), self.quote(database));
        vec![match grant.on {
            Securable::Schema => format!("GRANT CONNECT ON DATABASE {database} TO {grantee};"),
            Securable::Class => format!("USE {database}; CREATE USER {grantee} FOR LOGIN {grantee};"),
            Securable::Database if leads => format!("GRANT ALL ON {database}.* TO {grantee};"),
            Securable::Database => format!("GRANT SELECT ON {database}.* TO {grantee};"),
        }]
    }
}

#[cfg(test)]
mod tests {
    use crate::database::{mysql, postgres, sqlite, sqlserver};

    #[test]
    fn each_server_has_its_own_words_for_the_right_to_make_tables() {
        let make = |dialect: &super::Dialect| dialect.grants_to_make("app", None, Some("shop"));
        assert_eq!(make(&postgres::DIALECT), ["GRANT USAGE, CREATE ON SCHEMA \"public\" TO \"app\";"]);
        assert_eq!(make(&mysql::DIALECT), ["GRANT ALL ON `shop`.* TO `app`@`%`;"]);
        let rights = "GRANT ALTER, SELECT, INSERT, UPDATE, DELETE ON SCHEMA::[dbo] TO [app];";
        assert_eq!(make(&sqlserver::DIALECT), ["GRANT CREATE TABLE TO [app];", rights]);
        assert_eq!(make(&sqlite::DIALECT), [""; 0]);
        let other = sqlserver::DIALECT.grants_to_make("app", Some("ops"), Some("shop"));
        assert!(other[1].contains("SCHEMA::[ops]"), "{other:?}");
    }

    #[test]
    fn sessions_of_the_dead_are_ended_by_the_right_to() {
        let take_over = |dialect: &super::Dialect| dialect.grants_to_take_over("app", "SQL Server");
        let rights = "in master: GRANT VIEW SERVER STATE, ALTER ANY CONNECTION TO [app]";
        assert_eq!(take_over(&sqlserver::DIALECT).as_deref(), Some(rights));
        let azure = sqlserver::DIALECT.grants_to_take_over("app", "Azure SQL Database").expect("rights");
        assert!(!azure.contains("VIEW SERVER STATE"), "it cannot be granted there: {azure}");
        assert!(azure.contains("##MS_ServerStateReader## ADD MEMBER [app]"), "{azure}");
        assert!(azure.ends_with("in the database: GRANT KILL DATABASE CONNECTION TO [app]"), "{azure}");
        assert_eq!((take_over(&postgres::DIALECT), take_over(&mysql::DIALECT)), (None, None));
    }

    #[test]
    fn who_is_let_in_may_need_a_user_first() {
        let connect = |dialect: &super::Dialect, leads| dialect.grants_to_connect("app", "shop", leads);
        assert_eq!(connect(&postgres::DIALECT, false), ["GRANT CONNECT ON DATABASE \"shop\" TO \"app\";"]);
        assert_eq!(connect(&mysql::DIALECT, false), ["GRANT SELECT ON `shop`.* TO `app`@`%`;"]);
        assert_eq!(connect(&mysql::DIALECT, true), ["GRANT ALL ON `shop`.* TO `app`@`%`;"]);
        assert_eq!(connect(&sqlserver::DIALECT, true), ["USE [shop]; CREATE USER [app] FOR LOGIN [app];"]);
    }
}
