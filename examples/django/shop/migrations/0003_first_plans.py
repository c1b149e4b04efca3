from django.db import migrations


def insert(apps, schema_editor):
    Plan = apps.get_model("shop", "Plan")
    for name in ["free", "team"]:
        Plan.objects.create(name=name)


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_plans")]
    operations = [migrations.RunPython(insert, migrations.RunPython.noop)]
