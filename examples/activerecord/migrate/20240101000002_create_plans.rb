class CreatePlans < ActiveRecord::Migration[6.1]
  def change
    create_table(:plans) { |table| table.string :name, null: false }
    add_reference :customers, :plan
  end
end
