from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0003_first_plans")]
    operations = [
        migrations.AlterField(
            model_name="customer",
            name="email",
            field=models.CharField(db_index=True, max_length=200),
        ),
    ]
