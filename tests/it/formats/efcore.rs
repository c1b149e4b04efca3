//! Folders of Entity Framework Core's, and its history with rows as its source writes them.

use super::foreign::Foreign;
use crate::support::{Server, on_every_server};

fn migration(project: &Foreign<'_>, id: &str) {
    let class = id.split('_').nth(1).unwrap();
    project.write(&format!("{id}.cs"), &format!("public partial class {class} : Migration {{ }}\n"));
    let designer =
        format!("[DbContext(typeof(ShopContext))]\n[Migration(\"{id}\")]\npartial class {class} {{ }}\n");
    project.write(&format!("{id}.Designer.cs"), &designer);
}

on_every_server! {
    fn a_history_of_ef_core_is_read(db) {
        let project = Foreign::new(db, "efcore");
        project.write("ShopContextModelSnapshot.cs", "[DbContext(typeof(ShopContext))]\npartial class S { }\n");
        migration(&project, "20240101120000_AddUsers");
        migration(&project, "20240102120000_AddPlans");
        project.is_unknown("__MigrationHistory");
        let (table, id) = (project.quoted("__EFMigrationsHistory"), project.quoted("MigrationId"));
        let version = project.quoted("ProductVersion");
        db.sql(&match db.server() {
            // `SqlServerHistoryRepository.GetCreateIfNotExistsScript`
            Server::SqlServer => format!(
                "IF OBJECT_ID(N'{table}') IS NULL\nBEGIN\n    CREATE TABLE {table} (\n        {id} nvarchar(150) NOT NULL,
                 {version} nvarchar(32) NOT NULL,\n        CONSTRAINT [PK___EFMigrationsHistory] PRIMARY KEY ({id})\n    );\nEND;"
            ),
            _ => format!("create table {table} ({id} varchar(150) not null primary key, {version} varchar(32) not null)"),
        });
        assert_eq!(project.pending(), "20240101120000_AddUsers 20240102120000_AddPlans");
        let insert = |migration: &str| db.sql(&format!("insert into {table} values ('{migration}', '8.0.1')"));
        insert("20240101120000_AddUsers");
        assert_eq!(project.pending(), "20240102120000_AddPlans");
        project.lead("r1", &["true"]).expect(10).explains(&["20240102120000_AddPlans"]);
        insert("20240102120000_AddPlans");
        insert("20240103120000_Later");
        assert_eq!(project.pending(), "none");
        assert_eq!(project.states()[2], "20240103120000_Later ahead");
        project.lead("r2", &["true"]).expect(0);
        // a naming convention of the application's own
        db.sql(&format!("drop table {table}"));
        db.sql(&format!("create table {table} (migration_id varchar(150) not null, product_version varchar(32))"));
        project.is_unknown("is not as efcore has it");
    }
}
