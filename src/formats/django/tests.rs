use super::*;
use crate::formats::Cell;
use crate::formats::folder::{detected, tree};

fn file(body: &str) -> String {
    format!(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n    initial = True\n{body}    operations = [\n        migrations.RunSQL('select 1'),\n    ]\n"
    )
}

fn after(app: &str, name: &str) -> String {
    file(&format!(
        "    dependencies = [\n        migrations.swappable_dependency(settings.AUTH_USER_MODEL),\n        ('{app}', '{name}'),\n    ]\n"
    ))
}

fn replacing(names: &[&str]) -> String {
    let pairs: String = names.iter().map(|name| format!("('shop', '{name}'), ")).collect();
    file(&format!("    replaces = [{pairs}]\n"))
}

/// With `__init__.py` in every package.
fn of_files(files: &[(&str, &str)]) -> Bundle {
    let dir = tree(files);
    for (name, _) in files.iter().filter(|(name, _)| name.contains("migrations/")) {
        std::fs::write(dir.path().join(name).with_file_name("__init__.py"), "").unwrap();
    }
    Django.read(dir.path()).unwrap()
}

fn versions(bundle: &Bundle) -> Vec<&str> {
    bundle.migrations.iter().map(|it| it.version.as_str()).collect()
}

fn unread(bundle: &Bundle) -> Vec<String> {
    bundle.unread.iter().map(|it| format!("{} {}", it.name, it.why)).collect()
}

fn records(rows: &[&str]) -> Vec<Record> {
    let cells = |row: &&str| row.split('.').map(|cell| Cell::Words(cell.to_owned())).collect();
    rows.iter().map(|row| Record(cells(row))).collect()
}

/// What is applied, sorted.
fn applied(bundle: &Bundle, rows: &[&str]) -> Result<Vec<String>, String> {
    let mut applied: Vec<_> =
        Django.applied(bundle, &records(rows))?.into_iter().map(|row| row.version.0).collect();
    applied.sort();
    Ok(applied)
}

/// What of the bundle is not applied, and would be.
fn pending(bundle: &Bundle, rows: &[&str]) -> Vec<String> {
    let applied: Vec<_> = applied(bundle, rows).unwrap();
    let left_out = Django.left_out(bundle, &records(rows));
    let applied = [applied, left_out.into_iter().map(|version| version.0).collect()].concat();
    versions(bundle).into_iter().map(str::to_owned).filter(|version| !applied.contains(version)).collect()
}

/// As images without sources have them; Python's own cache is nobody's migration.
#[test]
fn what_is_there_compiled_alone_is_named() {
    let source = file("");
    let files = [
        ("shop/migrations/__init__.pyc", ""),
        ("shop/migrations/0001_initial.py", source.as_str()),
        ("shop/migrations/0001_initial.pyc", ""),
        ("shop/migrations/__pycache__/0004_gone.cpython-313.pyc", ""),
        ("shop/migrations/_draft.pyc", ""),
    ];
    let read = |more: &[(&str, &str)]| Django.read(tree(&[&files, more].concat()).path()).unwrap();
    let bundle = read(&[]);
    assert_eq!((versions(&bundle), unread(&bundle)), (vec!["shop.0001_initial"], Vec::new()));
    for name in ["0002_b.pyc", "0002_b.so", "0002_b.cpython-313-x86_64-linux-gnu.so", "0002_b.abi3.so"] {
        let bundle = read(&[(&format!("shop/migrations/{name}"), "x")]);
        assert_eq!(versions(&bundle), ["shop.0001_initial"]);
        let says = format!("shop/migrations/{name} is compiled, and beside it is no .py that could be read");
        assert_eq!(unread(&bundle), [says]);
        assert!(!bundle.unread[0].checksum.is_empty());
    }
}

#[test]
fn apps_are_read_in_the_order_of_their_dependencies() {
    let bundle = of_files(&[
        ("apps/shop/migrations/0001_initial.py", &after("users", "0002_email")),
        ("apps/shop/migrations/0002_plans.py", &after("shop", "0001_initial")),
        ("users/migrations/0001_initial.py", &after("auth", "0012_alter_user")),
        ("users/migrations/0002_email.py", &after("users", "0001_initial")),
        (
            "users/migrations/0003_first.py",
            &file(
                "    dependencies = [('users', '0002_email')]\n    run_before = [('shop', '0001_initial')]\n",
            ),
        ),
        ("users/apps.py", "class UsersConfig(AppConfig):\n    name = 'users'\n    label = 'people'\n"),
        ("users/migrations/_draft.py", "not read"),
        ("venv/pyvenv.cfg", ""),
        ("venv/thing/migrations/0001_initial.py", &file("")),
        ("lib/site-packages/thing/migrations/0001_initial.py", &file("")),
        ("tests/thing/migrations/0001_initial.py", &file("")),
    ]);
    // the label is not the folder's name, so neither is what depends on it
    assert_eq!(
        versions(&bundle),
        [
            "people.0001_initial",
            "people.0002_email",
            "people.0003_first",
            "shop.0001_initial",
            "shop.0002_plans"
        ]
    );
    assert_eq!(unread(&bundle), [""; 0]);
    let rows = [
        "auth.0001_initial",
        "people.0001_initial",
        "people.0002_email",
        "people.0003_first",
        "shop.0001_initial",
    ];
    assert_eq!(pending(&bundle, &rows), ["shop.0002_plans"]);
    let rows = [&rows[..], &["shop.0002_plans", "shop.0003_late"]].concat();
    assert_eq!(pending(&bundle, &rows), [""; 0]);
    // of our apps alone
    assert_eq!(applied(&bundle, &rows).unwrap().len(), 6);
}

#[test]
fn order_is_as_far_as_it_is_literal() {
    let bundle = of_files(&[
        ("a/migrations/0001_x.py", &file("    dependencies = BASE + [('b', '0001_x')]\n")),
        ("a/migrations/0002_x.py", &file("    dependencies = [('a', '0001_x'), ('b', '__latest__')]\n")),
        ("b/migrations/0001_x.py", &file("")),
        ("b/migrations/0002_x.py", &file("    dependencies = [('b', '__first__'), ('a', '0001_x')]\n")),
    ]);
    assert_eq!(versions(&bundle), ["a.0001_x", "b.0001_x", "b.0002_x", "a.0002_x"]);
    assert_eq!(unread(&bundle), [""; 0]);
}

#[test]
fn a_squashed_migration_stands_for_what_it_replaces() {
    let (one, two) = (file(""), after("shop", "0001_one"));
    let both = [
        ("shop/migrations/0001_one.py", one.as_str()),
        ("shop/migrations/0002_two.py", &two),
        ("shop/migrations/0001_squashed_0002_two.py", &replacing(&["0001_one", "0002_two"])),
        ("shop/migrations/0003_next.py", &after("shop", "0002_two")),
    ];
    let bundle = of_files(&both);
    assert_eq!(unread(&bundle), [""; 0]);
    let (one, two, squashed) = ("shop.0001_one", "shop.0002_two", "shop.0001_squashed_0002_two");
    assert_eq!(pending(&bundle, &[one, two]), ["shop.0003_next"]);
    assert_eq!(pending(&bundle, &[one, two, squashed, "shop.0003_next"]), [""; 0]);
    // recorded itself it is not applied while what it replaces is not, as in Django's loader
    assert_eq!(pending(&bundle, &[squashed]), [squashed, "shop.0003_next"]);
    assert_eq!(pending(&bundle, &[]), [squashed, "shop.0003_next"]);
    assert_eq!(pending(&bundle, &[one]), [two, "shop.0003_next"]);

    // what it replaces is deleted
    let bundle = of_files(&both[2..]);
    assert_eq!(unread(&bundle), [""; 0]);
    assert_eq!(pending(&bundle, &[]), [squashed, "shop.0003_next"]);
    assert_eq!(applied(&bundle, &[one, two, "shop.0003_next"]).unwrap(), [squashed, "shop.0003_next"]);
    assert_eq!(
        applied(&bundle, &[one]).unwrap_err(),
        "shop.0001_squashed_0002_two is applied in part: shop.0002_two, which it replaces, is not recorded and has no \
         file here"
    );
}

#[test]
fn squashed_ones_may_be_squashed_again() {
    let bundle = of_files(&[
        ("shop/migrations/0001_a.py", &replacing(&["0001_one", "0002_two"])),
        ("shop/migrations/0001_b.py", &replacing(&["0001_a", "0003_three"])),
    ]);
    let rows = ["shop.0001_one", "shop.0002_two", "shop.0003_three"];
    assert_eq!(pending(&bundle, &rows), [""; 0]);
    assert_eq!(pending(&bundle, &[]), ["shop.0001_b"]);
    assert!(
        applied(&bundle, &rows[..2])
            .unwrap_err()
            .starts_with("shop.0001_b is applied in part: shop.0003_three")
    );
    let circle = of_files(&[
        ("shop/migrations/0001_a.py", &replacing(&["0001_b"])),
        ("shop/migrations/0001_b.py", &replacing(&["0001_a"])),
    ]);
    assert_eq!(applied(&circle, &[]).unwrap_err(), "shop.0001_a replaces itself");
}

#[test]
fn what_cannot_be_read_is_told_with_file_and_line() {
    for (text, why) in [
        (
            file("    replaces = made()\n"),
            "shop/migrations/0001_x.py:6 has a `replaces` that is computed, and only plain text is read",
        ),
        (
            file("    if X:\n        replaces = []\n"),
            "shop/migrations/0001_x.py:7 assigns replaces only in some cases",
        ),
        (
            "from .other import Migration\n".to_owned(),
            "shop/migrations/0001_x.py has its Migration from elsewhere, and only a class in the file is read",
        ),
        ("x = 1\n".to_owned(), "shop/migrations/0001_x.py has no class Migration, which Django refuses"),
        (
            "class Migration(M): replaces = []\n".to_owned(),
            "shop/migrations/0001_x.py:1 has its Migration in one line, which is not read",
        ),
        ("class Migration(:\n".to_owned(), "shop/migrations/0001_x.py:1 opens a bracket that nothing closes"),
        (after("shop", "0000_gone"), "shop.0001_x depends on shop.0000_gone, which has no file here"),
        (after("shop", "0001_x"), "shop.0001_x is in a circle of dependencies, or behind one"),
    ] {
        assert_eq!(unread(&of_files(&[("shop/migrations/0001_x.py", &text)])), [why], "{text}");
    }
    for (apps, why) in [
        (
            "class A(C):\n    label = f()\n",
            "shop/apps.py:2 has a label that is computed, and only plain text is read",
        ),
        (
            "class A(C):\n    label = 'a'\nclass B(C):\n    label = 'b'\n",
            "shop/apps.py has several labels, and which one counts only Django can tell",
        ),
        (
            "from .config import ShopConfig\n",
            "shop/apps.py may have its AppConfig from elsewhere, and only a class in the file is read",
        ),
    ] {
        assert_eq!(
            unread(&of_files(&[("shop/migrations/0001_x.py", &file("")), ("shop/apps.py", apps)])),
            [why]
        );
    }
    let twice =
        of_files(&[("a/shop/migrations/0001_x.py", &file("")), ("b/shop/migrations/0001_x.py", &file(""))]);
    assert!(unread(&twice)[0].ends_with("is shop.0001_x as well: two folders are one app"));
}

#[test]
fn a_label_is_read_where_django_finds_it() {
    let config = |name: &str, label: &str| {
        format!("class ShopConfig(AppConfig):\n    name = '{name}'\n    label = '{label}'\n")
    };
    let store = config("shop", "store");
    let read = |settings: &str, file_of_config: &str, text: &str| {
        let shop = ("shop/migrations/0001_x.py", file(""));
        let legacy = ("legacy/shop/migrations/0001_x.py", file(""));
        let bundle = of_files(&[
            ("site1/settings.py", settings),
            (shop.0, &shop.1),
            (legacy.0, &legacy.1),
            ("legacy/shop/apps.py", &config("legacy.shop", "old")),
            ("shop/middleware.py", "class Odd:\n    label = 'odd'\n"),
            (file_of_config, text),
        ]);
        versions(&bundle).into_iter().map(str::to_owned).chain(unread(&bundle)).collect::<Vec<_>>().join(", ")
    };
    let by_default = "INSTALLED_APPS = ['shop', 'legacy.shop.apps.ShopConfig', 'shop.middleware.Odd']\n";
    let by_name = |name: &str| format!("INSTALLED_APPS = ['{name}', 'legacy.shop.apps.ShopConfig']\n");
    let found = "old.0001_x, store.0001_x";
    for (settings, file) in [
        (by_default, "shop/apps.py"),
        (by_default, "shop/apps/__init__.py"),
        (&by_name("shop.apps.ShopConfig"), "shop/apps/__init__.py"),
        (&by_name("shop.config.ShopConfig"), "shop/config.py"),
        (&by_name("shop.config.ShopConfig"), "shop/config/__init__.py"),
        (&by_name("site1.configs.ShopConfig"), "site1/configs.py"),
    ] {
        assert_eq!(read(settings, file, &store), found, "{settings}{file}");
    }
    // what is not named counts for nothing, and one that is may be another app's
    let plain = "old.0001_x, shop.0001_x";
    assert_eq!(read(by_default, "shop/config.py", &store), plain);
    let admin = "from django.contrib.admin.apps import AdminConfig as Base\nclass AdminConfig(Base):\n    default_site = 'x'\n";
    assert_eq!(read(&by_name("shop', 'site1.apps.AdminConfig"), "site1/apps.py", admin), plain);
    for (text, why) in [
        ("from x import ShopConfig\n", "shop/config.py has its ShopConfig from elsewhere"),
        ("class ShopConfig(C):\n    name = f()\n", "shop/config.py:1 has a name that is computed"),
        (
            "from site1.base import C\nclass ShopConfig(C):\n    label = 'store'\n",
            "shop/config.py:2 may have its name from C, which is elsewhere",
        ),
        (
            "class ShopConfig(made()):\n    label = 'store'\n",
            "shop/config.py:1 may have its name from made(), which is elsewhere",
        ),
        ("class ShopConfig(C): name = 'shop'\n", "shop/config.py:1 has its AppConfig in one line"),
        (
            "class ShopConfig(C):\n    name = 'shop'\n    label = f()\n",
            "shop/config.py:3 has a label that is computed",
        ),
    ] {
        let said = read(&by_name("shop.config.ShopConfig"), "shop/config.py", text);
        assert!(said.contains(why), "{said}");
    }
}

/// What is read of an app `shop` whose config, or every one in its module `apps`, has this text.
fn with_config(named: Option<&str>, text: &str) -> String {
    let (file_of_config, installed) = match named {
        Some(class) => ("shop/config.py", format!("shop.config.{class}")),
        None => ("shop/apps.py", "shop".to_owned()),
    };
    let bundle = of_files(&[
        ("site1/settings.py", &format!("INSTALLED_APPS = ['{installed}']\n")),
        ("site1/base.py", "class Base(AppConfig):\n    label = 'elsewhere'\n"),
        ("shop/migrations/0001_x.py", &file("")),
        (file_of_config, text),
    ]);
    [versions(&bundle).join(", "), unread(&bundle).join("; ")].concat()
}

const BASE: &str = "from django.apps import AppConfig\nclass Base(AppConfig):\n";

#[test]
fn what_a_config_inherits_in_its_file_is_its_own() {
    let (store, shop) = ("store.0001_x", "shop.0001_x");
    for (text, found) in [
        // what Django 5.2 makes of these
        (&format!("{BASE}    label = 'store'\nclass A(Base):\n    name = 'shop'\n"), store),
        (&format!("{BASE}    name = 'shop'\n    label = 'store'\nclass A(Base):\n    pass\n"), store),
        (&format!("{BASE}    name = 'shop'\n    label = 'x'\nclass A(Base):\n    label = 'store'\n"), store),
        (
            &format!(
                "{BASE}    name = 'shop'\nclass B(Base):\n    label = 'store'\nclass A(B, Base):\n    pass\n"
            ),
            store,
        ),
        // a diamond: the nearer side has it
        (
            &format!(
                "{BASE}    name = 'shop'\n    label = 'x'\nclass B(Base):\n    pass\nclass C(Base):\n    label = 'store'\nclass A(B, C):\n    pass\n"
            ),
            store,
        ),
        (&format!("{BASE}    pass\nclass A(Base):\n    name = 'shop'\n"), shop),
        (&format!("{BASE}    label = 'x'\nclass A(AppConfig):\n    name = 'shop'\n"), shop),
        // a mixin
        (
            &format!("{BASE}    name = 'shop'\nclass M:\n    label = 'store'\nclass A(M, Base):\n    pass\n"),
            store,
        ),
        (&"from django import apps as d\nclass A(d.AppConfig):\n    name = 'shop'\n".to_owned(), shop),
        (&"import django.apps\nclass A(django.apps.AppConfig):\n    name = 'shop'\n".to_owned(), shop),
        // what it has itself it has from nowhere else
        (
            &"from site1.base import Base\nclass A(Base):\n    name = 'shop'\n    label = 'store'\n"
                .to_owned(),
            store,
        ),
    ] {
        assert_eq!(with_config(Some("A"), text), found, "{text}");
    }
    let elsewhere = |line: usize, base: &str| {
        format!(
            "shop/config.py:{line} may have its label from {base}, which is elsewhere, and only a class in the file is read"
        )
    };
    for (text, line, base) in [
        ("from site1.base import Base\nclass A(Base):\n    name = 'shop'\n", 2, "Base"),
        ("from site1 import base\n\nclass A(base.Base):\n    name = 'shop'\n", 3, "base.Base"),
        ("from site1.base import *\nclass A(Base):\n    name = 'shop'\n", 2, "Base"),
        // only its name is Django's
        (
            "from site1.base import Base as AppConfig\nclass A(AppConfig):\n    name = 'shop'\n",
            2,
            "AppConfig",
        ),
        ("from site1 import apps\nclass A(apps.AppConfig):\n    name = 'shop'\n", 2, "apps.AppConfig"),
        ("class B(made()):\n    x = 1\nclass A(B):\n    name = 'shop'\n", 3, "made()"),
    ] {
        assert_eq!(with_config(Some("A"), text), elsewhere(line, base), "{text}");
    }
}

#[test]
fn of_several_configs_in_apps_the_default_one_counts() {
    let (store, shop) = ("store.0001_x", "shop.0001_x");
    let config = |name: &str, more: &str| format!("class {name}:\n    name = 'shop'\n{more}");
    let [label, default, none] = ["    label = 'store'\n", "    default = True\n", "    default = False\n"];
    let several = "shop/apps.py has several labels, and which one counts only Django can tell";
    let elsewhere = "shop/apps.py:2 may have its label from Base, which is elsewhere, and only a class in the file is read";
    let from = "from site1.base import Base\n";
    for (text, found) in [
        (config("A(AppConfig)", label), store),
        (format!("{BASE}{none}{label}{}", config("A(Base)", default)), store),
        (format!("{BASE}{none}{label}{}", config("A(Base)", "")), shop),
        (format!("{BASE}{none}{}", config("A(AppConfig)", label)), store),
        (format!("{}{}{default}", config("A(AppConfig)", ""), config("B(AppConfig)", label)), store),
        (format!("{}{}", config("A(AppConfig)", ""), config("B(AppConfig)", "")), shop),
        // Django takes neither, which it did not always
        (format!("{BASE}{label}{}", config("A(Base)", "")), several),
        (format!("{from}{}", config("A(Base)", label)), several),
        (format!("{from}{}{default}", config("A(Base)", label)), store),
        (format!("{from}{}", config("A(Base)", "")), elsewhere),
        (
            format!(
                "class Odd(Thread):\n    x = 1\nclass Other:\n    label = 'odd'\n{}",
                config("A(AppConfig)", label)
            ),
            store,
        ),
    ] {
        assert_eq!(with_config(None, &text), found, "{text}");
    }
}

#[test]
fn settings_say_which_apps_are_installed() {
    let read = |settings: &str| {
        let bundle = of_files(&[
            ("site/settings/base.py", settings),
            ("site/settings/test.py", "MIGRATION_MODULES = Disabled()\n"),
            ("shop/migrations/0001_x.py", &file("")),
            ("apps/legacy/migrations/0001_x.py", &file("")),
        ]);
        (versions(&bundle).join(" "), unread(&bundle).join("; "))
    };
    let says = |versions: &str, unread: &str| (versions.to_owned(), unread.to_owned());
    let not_told = "the app legacy has migrations, and no settings here name it: whether it is installed only Django can tell";
    assert_eq!(read("INSTALLED_APPS = ['django.contrib.auth', 'shop']\n"), says("shop.0001_x", not_told));
    assert_eq!(
        read("INSTALLED_APPS = [\n  'shop.apps.ShopConfig',\n] + ['apps.legacy']\n"),
        says("legacy.0001_x shop.0001_x", "")
    );
    assert_eq!(read("DEBUG = False\n"), says("legacy.0001_x shop.0001_x", ""));
    assert_eq!(
        read("INSTALLED_APPS = ['shop', 'legacy']\nMIGRATION_MODULES = {'shop': 'site.shop'}\n").1,
        "base.py sets MIGRATION_MODULES, and only packages called `migrations` are read"
    );
}

#[test]
fn one_app_may_be_named_alone_and_packages_need_an_init() {
    let dir = tree(&[
        ("shop/migrations/__init__.py", ""),
        ("shop/migrations/0001_initial.py", &file("")),
        ("other/migrations/0001_initial.py", &file("")),
    ]);
    let folder = dir.path().join("shop/migrations");
    assert_eq!(versions(&Django.read(&folder).unwrap()), ["shop.0001_initial"]);
    assert_eq!(versions(&Django.read(&dir.path().join("shop")).unwrap()), ["shop.0001_initial"]);
    assert_eq!(versions(&Django.read(dir.path()).unwrap()), ["shop.0001_initial"]);
    for folder in [&folder, dir.path()] {
        assert!(detected(&Django, folder).unwrap().contains("of the app shop"));
    }
    assert_eq!(detected(&Django, &dir.path().join("other")), None);
}

#[test]
fn apps_far_below_are_read_and_those_behind_links_are_said() {
    let dir = tree(&[
        ("site/a/b/c/d/e/f/g/shop/migrations/__init__.py", ""),
        ("site/a/b/c/d/e/f/g/shop/migrations/0001_initial.py", &file("")),
        ("elsewhere/blog/migrations/__init__.py", ""),
        ("elsewhere/blog/migrations/0001_initial.py", &file("")),
    ]);
    let site = dir.path().join("site");
    assert_eq!(versions(&Django.read(&site).unwrap()), ["shop.0001_initial"]);
    std::os::unix::fs::symlink(dir.path().join("elsewhere/blog"), site.join("blog")).unwrap();
    let bundle = Django.read(&site).unwrap();
    assert_eq!(unread(&bundle), ["blog is a link to an app's migrations, and links are not gone into"]);
    // one that is read anyway is no second one
    assert_eq!(unread(&Django.read(dir.path()).unwrap()), [""; 0]);
}

#[test]
fn the_example_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/django");
    let bundle = Django.read(&folder).unwrap();
    assert_eq!(versions(&bundle).len(), 4);
    assert_eq!(unread(&bundle), [""; 0]);
}
