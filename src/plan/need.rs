//! The one migration that a follower waits for, as people wrote it. Reads no history: what its rows make of a text that no
//! file explains is its format's knowledge.

use crate::formats::{Format, Record, meant};
use crate::model::ids::Version;
use crate::model::migration::{Bundle, Migration};
use crate::plan::pending::VersionOrder;

/// One migration of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Its version there.
    pub version: Version,
    /// As people wrote it, if the bundle has no file for it: then the history's rows tell what is meant.
    pub written: Option<String>,
}

impl Need {
    /// The bundle's migration that people mean by its version, its name or what its format takes for either. One that the
    /// bundle does not have is added, of which nothing is known but what it is called.
    ///
    /// # Errors
    /// What such a text should look like, if nothing in this format's history could ever be meant; or it can be several.
    pub fn of(bundle: &mut Bundle, format: &dyn Format, written: &str) -> Result<Self, String> {
        let by = |text: &str| {
            let version = Version::from(text);
            let is_it = |it: &&Migration| it.name == text || is_same(&it.version, &version);
            bundle.migrations.iter().find(is_it).map(|it| it.version.clone())
        };
        if let Some(version) = by(written) {
            return Ok(Self { version, written: None });
        }
        let similar = |text: &dyn Fn(&Migration) -> &str| {
            let texts: Vec<&str> = bundle.migrations.iter().map(text).collect();
            meant::recorded(written, texts.into_iter())
        };
        let version = format.meant(written, &[])?;
        let found = match by(version.as_str()) {
            Some(found) => Some(found),
            None => match similar(&|it| it.name.as_str())? {
                Some(name) => by(name.as_str()),
                None => similar(&|it| it.version.as_str())?,
            },
        };
        if let Some(version) = found {
            return Ok(Self { version, written: None });
        }
        bundle.migrations.push(Migration::named(version.clone(), written));
        Ok(Self { version, written: Some(written.to_owned()) })
    }

    /// The bundle in which the added migration has the version that these rows have for it; none = it is as it was.
    ///
    /// # Errors
    /// It can be more than one of them.
    pub fn among(
        &self,
        bundle: &Bundle,
        format: &dyn Format,
        rows: &[Record],
    ) -> Result<Option<Bundle>, String> {
        let Some(written) = &self.written else { return Ok(None) };
        let version =
            format.meant(written, rows).map_err(|why| format!("`follow.needs: {written}`: {why}"))?;
        if version == self.version {
            return Ok(None);
        }
        let mut bundle = bundle.clone();
        let added = bundle.migrations.iter_mut().filter(|it| it.is_named_only());
        added.for_each(|it| it.version = version.clone());
        Ok(Some(bundle))
    }
}

fn is_same(one: &Version, other: &Version) -> bool {
    VersionOrder::from(one) == VersionOrder::from(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{Cell, find};

    fn format(name: &str) -> &'static dyn Format {
        find(Some(name), std::path::Path::new("")).unwrap().0
    }

    /// What is waited for where these rows are all that there is.
    fn told(name: &str, written: &str, rows: &[&[&str]]) -> Result<String, String> {
        let format = format(name);
        let mut bundle = Bundle::empty(format.name());
        let need = Need::of(&mut bundle, format, written)?;
        let cells = |row: &&[&str]| Record(row.iter().map(|cell| Cell::Words((*cell).to_owned())).collect());
        let rows: Vec<Record> = rows.iter().map(cells).collect();
        let bundle = need.among(&bundle, format, &rows)?.unwrap_or(bundle);
        Ok(bundle.migrations[0].version.to_string())
    }

    #[test]
    fn every_format_takes_what_people_see_of_it() {
        let liquibase: &[&[&str]] = &[&["1", "dev", "classpath:db/changes/001.sql"]];
        for (name, written, rows, version) in [
            ("sqlx", "0002_t2", &[&["2"][..]][..], "2"),
            ("sqlx", "migrations/0002_t2.up.sql", &[], "2"),
            ("dbmate", "20240101_add.sql", &[&["20240101"]], "20240101"),
            ("golang-migrate", "000002_add.up.sql", &[], "2"),
            ("goose", "00003_t3", &[], "3"),
            ("goose", "00003_t3.go", &[], "3"),
            ("flyway", "2", &[], "2"),
            ("flyway", "V2", &[], "2"),
            ("flyway", "V1_2__plans.sql", &[], "1.2"),
            ("flyway", "R__all_views", &[], "R__all_views"),
            ("flyway", "B5", &[], "B5"),
            ("refinery", "V3__name", &[], "3"),
            ("refinery", "U3__name.sql", &[], "3"),
            ("rails", "20240301120000_add_index.rb", &[], "20240301120000"),
            ("rails", "20240301120000", &[], "20240301120000"),
            ("django", "shop.0002_users", &[&["shop", "0002_users"]], "shop.0002_users"),
            ("django", "shop.0002", &[&["blog", "0002_posts"], &["shop", "0002_users"]], "shop.0002_users"),
            ("django", "apps/shop/migrations/0002_users.py", &[], "shop.0002_users"),
            ("alembic", "ae1027a6acf_add_index.py", &[&["ae1027a6acf"]], "ae1027a6acf"),
            ("prisma", "20240301142233", &[&["20240301142233_add"]], "20240301142233_add"),
            ("prisma", "migrations/20240301142233_add/migration.sql", &[], "20240301142233_add"),
            ("liquibase", "001.sql::1::dev", liquibase, "db/changes/001.sql::1::dev"),
            ("liquibase", "db/changes/001.sql::1::dev", liquibase, "db/changes/001.sql::1::dev"),
            ("atlas", "20240101120000_name.sql", &[], "20240101120000"),
            ("efcore", "20240101120000", &[&["20240101120000_Name"]], "20240101120000_Name"),
            ("efcore", "20240101120000_Name.cs", &[&["20240101120000_Name"]], "20240101120000_Name"),
            (
                "node-pg-migrate",
                "1709303000000_add-index.js",
                &[&["1709303000000_add-index"]],
                "1709303000000_add-index",
            ),
            (
                "knex",
                "20240301142233_add_index",
                &[&["20240301142233_add_index.js"]],
                "20240301142233_add_index.js",
            ),
            (
                "knex",
                "20240301142233_add_index.ts",
                &[&["20240301142233_add_index.js"]],
                "20240301142233_add_index.ts",
            ),
        ] {
            assert_eq!(told(name, written, rows).as_deref(), Ok(version), "{name} {written}");
        }
    }

    #[test]
    fn what_no_history_of_the_format_can_have_is_refused_with_what_it_could() {
        for (name, written, like) in [
            ("sqlx", "add_users", "a number"),
            ("dbmate", "users.sql", "a number"),
            ("goose", "V3", "a number"),
            ("golang-migrate", "", "a number"),
            ("rails", "AddIndex", "a number"),
            ("refinery", "Vx__a", "a number"),
            ("flyway", "users", "`V1_2__plans`"),
            ("django", "0002_users", "`shop.0002_users`"),
            ("django", "0002_users.py", "`shop.0002_users`"),
            ("liquibase", "1", "`changes/001.sql::1::dev`"),
        ] {
            let why = told(name, written, &[]).unwrap_err();
            assert!(why.contains(like), "{name} {written}: {why}");
        }
        let why = told("knex", "3", &[&["3_c.js"], &["3_d.js"]]).unwrap_err();
        assert!(why.contains("3_c.js and 3_d.js"), "{why}");
    }

    #[test]
    fn a_bundle_s_own_names_come_first() {
        let format = format("django");
        let mut bundle = Bundle::empty(format.name());
        for name in ["shop.0001_initial", "shop.0002_users", "blog.0001_initial"] {
            bundle.migrations.push(Migration::of_tool(name.into(), name.to_owned(), "x.py".into(), vec![1]));
        }
        for (written, version) in
            [("shop.0002", "shop.0002_users"), ("blog.0001_initial", "blog.0001_initial")]
        {
            let need = Need::of(&mut bundle, format, written).unwrap();
            assert_eq!((need.version.as_str(), need.written), (version, None));
        }
        let need = Need::of(&mut bundle, format, "shop.0003").unwrap();
        assert_eq!((need.written.as_deref(), bundle.migrations.len()), (Some("shop.0003"), 4));
    }
}
