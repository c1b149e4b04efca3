exports.up = async (knex) => {
  await knex.schema.createTable("plans", (table) => {
    table.increments("id");
    table.string("name", 40).notNullable();
  });
  await knex.schema.alterTable("customers", (table) => table.integer("plan_id").references("plans.id"));
};

exports.down = async (knex) => {
  await knex.schema.alterTable("customers", (table) => table.dropColumn("plan_id"));
  await knex.schema.dropTable("plans");
};
