exports.up = (knex) => knex.schema.alterTable("customers", (table) => table.index("email"));

exports.down = (knex) => knex.schema.alterTable("customers", (table) => table.dropIndex("email"));
