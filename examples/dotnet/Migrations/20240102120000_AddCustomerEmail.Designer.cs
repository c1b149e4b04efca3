using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Shop.Migrations;

[DbContext(typeof(ShopContext))]
[Migration("20240102120000_AddCustomerEmail")]
partial class AddCustomerEmail
{
    protected override void BuildTargetModel(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity("Shop.Customer", b =>
        {
            b.Property<int>("Id").ValueGeneratedNever();
            b.Property<string>("Name").IsRequired().HasMaxLength(100);
            b.Property<string>("Email").HasMaxLength(200);
            b.HasKey("Id");
            b.HasIndex("Email");
            b.ToTable("Customers");
        });
    }
}
