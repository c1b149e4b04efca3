class CreateCustomers < ActiveRecord::Migration[6.1]
  def change
    create_table(:customers) { |table| table.string :email, null: false }
  end
end
