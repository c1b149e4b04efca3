class InsertPlans < ActiveRecord::Migration[6.1]
  def up
    %w[free team].each { |name| execute "INSERT INTO plans (name) VALUES ('#{name}')" }
  end

  def down
    execute "DELETE FROM plans"
  end
end
