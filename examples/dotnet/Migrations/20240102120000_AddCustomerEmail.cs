using Microsoft.EntityFrameworkCore.Migrations;

namespace Shop.Migrations;

public partial class AddCustomerEmail : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.AddColumn<string>(
            name: "Email", table: "Customers", type: "nvarchar(200)", maxLength: 200, nullable: true);
        migrationBuilder.CreateIndex(name: "IX_Customers_Email", table: "Customers", column: "Email");
    }

    protected override void Down(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.DropIndex(name: "IX_Customers_Email", table: "Customers");
        migrationBuilder.DropColumn(name: "Email", table: "Customers");
    }
}
