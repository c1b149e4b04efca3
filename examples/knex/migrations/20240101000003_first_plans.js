exports.up = (knex) => knex("plans").insert([{ name: "free" }, { name: "team" }]);

exports.down = (knex) => knex("plans").del();
