# What `bin/rails db:migrate` does, for an application without Rails. In a Rails application, that is the command.
require "logger"
require "active_record"

$stdout.sync = true
# ActiveRecord calls it sqlite3
ActiveRecord::Base.establish_connection(ENV.fetch("DATABASE_URL").sub(%r{\Asqlite://}, "sqlite3://"))
migrations = ActiveRecord::MigrationContext.new(File.join(__dir__, "migrate"), ActiveRecord::SchemaMigration)
migrations.migrate
