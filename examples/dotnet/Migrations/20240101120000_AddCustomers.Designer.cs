using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Shop.Migrations;

[DbContext(typeof(ShopContext))]
[Migration("20240101120000_AddCustomers")]
partial class AddCustomers
{
    protected override void BuildTargetModel(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity("Shop.Customer", b =>
        {
            b.Property<int>("Id").ValueGeneratedNever();
            b.Property<string>("Name").IsRequired().HasMaxLength(100);
            b.HasKey("Id");
            b.ToTable("Customers");
        });
    }
}
