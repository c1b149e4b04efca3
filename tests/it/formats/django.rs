//! Django's `manage.py`.

use crate::formats::checked::Checked;
use crate::support::{TestDatabase, on_every_server_of_sqlx, on_servers};

const MIGRATE: &[&str] = &["python", "manage.py", "migrate", "--noinput"];

const SETTINGS: &str = r#"
import os
from urllib.parse import unquote, urlsplit

url = urlsplit(os.environ["DATABASE_URL"])
if url.scheme == "sqlite":
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": url.path, "OPTIONS": {"timeout": 20}}}
else:
    engine = "mysql" if url.scheme == "mysql" else "postgresql"
    if engine == "mysql":
        import pymysql
        pymysql.version_info = (2, 2, 1, "final", 0)
        pymysql.install_as_MySQLdb()
    DATABASES = {
        "default": {
            "ENGINE": f"django.db.backends.{engine}",
            "HOST": url.hostname,
            "PORT": url.port,
            "NAME": url.path.removeprefix("/"),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
        }
    }
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "apps.orders.apps.OrdersConfig", "shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
SECRET_KEY = "x"
"#;

/// One model a file, with these lines in the class.
fn migration(project: &Checked<'_>, file: &str, model: &str, lines: &str) {
    let text = format!(
        "from django.conf import settings\nfrom django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n{lines}\n    operations = [\n        migrations.CreateModel(\n            name=\"{model}\",\n            fields=[(\"id\", models.BigAutoField(primary_key=True))],\n        ),\n    ]\n"
    );
    project.write(file, &text);
}

fn project(db: &TestDatabase) -> Option<Checked<'_>> {
    let project = Checked::new(db, ("django", "BELLWETHER_TEST_DJANGO_PYTHON"), "django", ".")?;
    project.write("settings.py", SETTINGS);
    project.write("manage.py", include_str!("../../../examples/django/manage.py"));
    for package in ["shop", "shop/migrations", "apps", "apps/orders", "apps/orders/migrations"] {
        project.write(&format!("{package}/__init__.py"), "");
    }
    project.write(
        "apps/orders/apps.py",
        "from django.apps import AppConfig\n\n\nclass OrdersConfig(AppConfig):\n    name = \"apps.orders\"\n    label = \"sales\"\n",
    );
    migration(
        &project,
        "shop/migrations/0001_ones.py",
        "One",
        "    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL), (\"sales\", \"0001_orders\")]",
    );
    migration(
        &project,
        "shop/migrations/0002_twos.py",
        "Two",
        "    dependencies = [(\"shop\", \"0001_ones\")]",
    );
    migration(&project, "apps/orders/migrations/0001_orders.py", "Order", "    initial = True");
    Some(project)
}

on_every_server_of_sqlx! {
    fn what_django_applies_is_read(db) {
        let Some(project) = project(db) else { return };
        assert_eq!(project.pending(), "unknown", "no table yet");
        project.run(&["python", "manage.py", "migrate", "shop", "0001"]);
        // auth and contenttypes are in the history as well, and not ours
        assert_eq!(
            project.states(),
            ["sales.0001_orders applied", "shop.0001_ones applied", "shop.0002_twos pending"]
        );
        project.deploy("r1", MIGRATE).expect(0);
        assert_eq!(project.pending(), "none");
        project.follow("r2").expect(0);
        project.remove("shop/migrations/0002_twos.py");
        assert_eq!(project.states().last().unwrap(), "shop.0002_twos ahead");
    }

    /// Squashed where all is applied, where a part is, and where nothing is.

    fn squashed_migrations_are_read_as_django_loads_them(db) {
        let Some(project) = project(db) else { return };
        project.run(&["python", "manage.py", "migrate", "shop", "0001"]);
        project.run(&["python", "manage.py", "squashmigrations", "--noinput", "shop", "0002"]);
        let squashed = "shop.0001_squashed_0002_twos";
        let plan = || project.run(&["python", "manage.py", "migrate", "--plan"]);
        assert!(plan().contains("shop.0002_twos") && !plan().contains(squashed));
        assert_eq!(
            project.states(),
            [
                "sales.0001_orders applied",
                "shop.0001_ones applied",
                "shop.0002_twos pending",
            ]
        );
        project.deploy("r1", MIGRATE).expect(0);
        assert_eq!(project.pending(), "none");
        project.follow("r2").expect(0);

        // what it replaces is deleted; an empty database needs it alone
        project.remove("shop/migrations/0001_ones.py");
        project.remove("shop/migrations/0002_twos.py");
        assert_eq!(project.states(), ["sales.0001_orders applied", &format!("{squashed} applied")]);
        let other = db.server().database();
        let empty = project.with(&other, ".");
        empty.run(&["python", "manage.py", "migrate", "sales"]);
        assert_eq!(empty.pending(), squashed);
        empty.deploy("r1", MIGRATE).expect(0);
        assert_eq!(empty.pending(), "none");
    }
}

on_servers! { [sqlite Sqlite]
    /// Nothing of what is replaced is applied: the squashed one stands for it.
    fn a_squashed_migration_is_pending_alone(db) {
        let Some(project) = project(db) else { return };
        project.run(&["python", "manage.py", "squashmigrations", "--noinput", "shop", "0002"]);
        project.run(&["python", "manage.py", "migrate", "sales"]);
        assert_eq!(project.pending(), "shop.0001_squashed_0002_twos");
        project.deploy("r1", MIGRATE).expect(0);
        assert_eq!(
            project.states(),
            ["sales.0001_orders applied", "shop.0001_ones applied", "shop.0001_squashed_0002_twos applied", "shop.0002_twos applied"]
        );
    }

    fn a_label_is_read_where_django_finds_it(db) {
        let Some(project) = project(db) else { return };
        let config = |label: &str| format!("from django.apps import AppConfig\n\n\nclass ShopConfig(AppConfig):\n    name = \"shop\"\n    label = \"{label}\"\n");
        let shop = "shop/migrations/0001_ones.py";
        project.remove("shop/migrations/0002_twos.py");
        migration(&project, shop, "One", "    initial = True");
        // a package, which Django finds by itself
        project.write("shop/apps/__init__.py", &config("store"));
        project.deploy("r1", MIGRATE).expect(0);
        assert_eq!(project.states(), ["sales.0001_orders applied", "store.0001_ones applied"]);
        // and a class that the settings name
        project.write("shop/config.py", &config("market"));
        project.write("settings.py", &SETTINGS.replace("\"shop\"]", "\"shop.config.ShopConfig\"]"));
        project.deploy("r2", MIGRATE).expect(0);
        let states = project.states();
        assert_eq!(states[..2], ["market.0001_ones applied", "sales.0001_orders applied"], "{states:?}");
        project.write("shop/config.py", "from shop.apps import ShopConfig\n");
        assert_eq!(project.pending(), "unknown");
    }

    fn what_cannot_be_read_makes_it_unknown(db) {
        let Some(project) = project(db) else { return };
        project.run(MIGRATE);
        project.write("shop/migrations/0003_made.py", "from somewhere import Migration\n");
        assert_eq!(project.pending(), "unknown");
        project.remove("shop/migrations/0003_made.py");
        for file in ["legacy/__init__.py", "legacy/migrations/__init__.py"] {
            project.write(file, "");
        }
        migration(&project, "legacy/migrations/0001_initial.py", "Old", "    initial = True");
        assert_eq!(project.pending(), "unknown", "it may be installed or not");
    }
}
