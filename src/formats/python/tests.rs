use std::time::Instant;

use proptest::prelude::*;

use super::*;

fn module(text: &str, name: &str) -> Result<Option<Value>, Refused> {
    Source::read(text)?.module().value(name)
}

fn text(words: &str) -> Value {
    Value::Text(words.to_owned())
}

fn list(words: &[&str]) -> Value {
    Value::List(words.iter().map(|words| text(words)).collect())
}

#[test]
fn literals_are_what_python_makes_of_them() {
    for (source, value) in [
        ("x = 'a'", text("a")),
        ("x='a' # b", text("a")),
        ("x: str = \"a\"", text("a")),
        ("x: Union[str, Sequence[str], None] = None", Value::None),
        ("x = True", Value::Truth(true)),
        ("x: bool = (False)", Value::Truth(false)),
        ("x = not True", Value::Unknown(1)),
        ("x = ('a')", text("a")),
        ("x = ('a',)", list(&["a"])),
        ("x = ()", list(&[])),
        ("x = 'a', 'b'", list(&["a", "b"])),
        ("x = 'a',", list(&["a"])),
        ("x = [\n    'a',  # one\n\n    'b'\n]", list(&["a", "b"])),
        ("x = [('a', 'b'), ('c', 'd'),]", Value::List(vec![list(&["a", "b"]), list(&["c", "d"])])),
        ("x = 'a' \"b\" \\\n    'c'", text("abc")),
        ("x = ('a'\n     'b')", text("ab")),
        ("x = '''a\n'b' ''' ", text("a\n'b' ")),
        ("x = ''", text("")),
        ("x = u'\\x41\\u00e9\\t\\'\\101\\q'", text("Aé\t'A\\q")),
        ("x = r'\\d'", text("\\d")),
        ("x = 'a'; y = 'b'", text("a")),
        ("y = 'b'; x = 'a'", text("a")),
        ("x = 'a'\nx = 'b'", text("b")),
        ("\u{feff}x = 'a'\r\ny = 1", text("a")),
        ("x = b'a'", Value::Unknown(1)),
        ("x = f'a'", Value::Unknown(1)),
        ("x = '\\N{BULLET}'", Value::Unknown(1)),
        ("x = 1", Value::Unknown(1)),
        ("\nx = 'a' + y", Value::Unknown(2)),
        ("x = ['a'] + ['b']", Value::Unknown(1)),
        ("x = {'a'}", Value::Unknown(1)),
        ("x = ['a',\n f('b', 'c'), *z]", Value::List(vec![text("a"), Value::Unknown(2), Value::Unknown(2)])),
        ("x = [y for y in z]", Value::List(vec![Value::Unknown(1)])),
        ("x = 'a' if y else 'b'", Value::Unknown(1)),
    ] {
        assert_eq!(module(source, "x"), Ok(Some(value)), "{source}");
    }
}

#[test]
fn uses_of_a_name_are_no_assignments() {
    for source in [
        "",
        "y = 'x'  # x = 'a'",
        "'''\nx = 'a'\n'''",
        "def f(x):\n    x = 'a'\n    if x:\n        x = 'b'\n",
        "class A:\n    x = 'a'\n",
        "x: str",
        "y = x",
        "y = f(x='a')",
        "print(x)",
        "x('a')",
        "y.x = 'a'",
        "y == 1\n@dec(x)\ndef f(): x = 1\n",
    ] {
        assert_eq!(module(source, "x"), Ok(None), "{source}");
    }
}

#[test]
fn what_could_be_anything_is_refused_with_its_line() {
    for (source, line) in [
        ("if y:\n    x = 'a'\n", 2),
        ("if y: x = 'a'\n", 1),
        ("try:\n    pass\nexcept E:\n    x = 'a'\n", 4),
        ("\n\nx += 'a'", 3),
        ("x = y = 'a'", 1),
        ("y = x = 'a'", 1),
        ("x, y = 'a', 'b'", 1),
        ("(x) = 'a'", 1),
        ("from y import x", 1),
        ("import y as x", 1),
        ("for x in y: pass", 1),
        ("del x", 1),
        ("print(x := 'a')", 1),
        ("x.append('a')", 1),
        ("def x(): pass", 1),
        ("x = ", 1),
        ("y = 1\nx = (", 2),
        ("x = ]", 1),
        ("x = (]", 1),
        ("y\nx = 'a", 2),
        ("x = '''a\n", 1),
        ("x = \\ 'a'", 1),
    ] {
        assert_eq!(module(source, "x").map_err(|refused| refused.line), Err(line), "{source}");
    }
    let deep = format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(module(&deep, "x").is_err());
}

#[test]
fn classes_have_names_of_their_own() {
    let source = "x = 'outer'\nclass A(B):\n  '''x = 1'''\n  x = 'a'\n  def f(self):\n    x = 'b'\n\n\
                  # between\n  y: str = 'c'\nclass C(D): x = 'd'\nx = 'last'\n";
    let source = Source::read(source).unwrap();
    let classes = source.classes();
    let [a, c] = &classes[..] else { panic!("{classes:?}") };
    assert_eq!((a.name, a.line, a.has_lines, c.name, c.has_lines), ("A", 2, true, "C", false));
    assert_eq!(a.body.value("x"), Ok(Some(text("a"))));
    assert_eq!(a.body.value("y"), Ok(Some(text("c"))));
    assert_eq!(source.module().value("x"), Ok(Some(text("last"))));
    assert!(source.module().mentions("C") && !source.module().mentions("between"));
    assert!(source.module().strings().any(|text| text == "b"));
    assert_eq!(
        Source::read("'''Add users\n\nRevises: 1'''\n").unwrap().title().as_deref(),
        Some("Add users")
    );
}

#[test]
fn a_megabyte_takes_no_time() {
    let rows = "    ('one', 'a string that is long enough', None), # comment\n".repeat(20_000);
    let source = format!("x = [\n{rows}]\n");
    let began = Instant::now();
    assert!(matches!(module(&source, "x"), Ok(Some(Value::List(rows))) if rows.len() == 20_000));
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
}

/// A value, and a way to write it.
fn written() -> impl Strategy<Value = (Value, String)> {
    let leaf = prop_oneof![
        Just((Value::None, "None".to_owned())),
        (any::<String>(), any::<bool>()).prop_map(|(words, single)| {
            let quote = if single { '\'' } else { '"' };
            let escaped: String = words
                .chars()
                .map(|c| match c {
                    '\\' => "\\\\".to_owned(),
                    '\n' => "\\n".to_owned(),
                    '\r' => "\\r".to_owned(),
                    c if c == quote => format!("\\{c}"),
                    c => c.to_string(),
                })
                .collect();
            (text(&words), format!("{quote}{escaped}{quote}"))
        }),
        "[a-z \"#(]{0,9}[a-z]".prop_map(|words| (text(&words), format!("'''{words}''' ''"))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let gap = prop_oneof![Just(" "), Just("\n"), Just(" # a ] comment\n"), Just("\r\n\t"), Just("\\\n")];
        (prop::collection::vec((inner, gap), 0..4), any::<bool>()).prop_map(|(items, square)| {
            let mut inside = String::new();
            for (_, source) in items.iter().map(|((value, source), gap)| (value, format!("{gap}{source},"))) {
                inside += &source;
            }
            let source = if square { format!("[{inside}]") } else { format!("({inside})") };
            (Value::List(items.into_iter().map(|((value, _), _)| value).collect()), source)
        })
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read((value, source) in written(), typed in any::<bool>()) {
        let typed = if typed { ": Type[a, b]" } else { "" };
        let source = format!("import os\n\nx{typed} = {source}\n\ndef f():\n    x = 1\n");
        prop_assert_eq!(module(&source, "x"), Ok(Some(value)), "{}", source);
    }

    #[test]
    fn no_text_is_too_odd(source in "\\PC*|([a-zx=:'\"\\\\(\\[)\\],.;# \n\r\tbrf{}é]){0,60}") {
        if let Ok(read) = Source::read(&source) {
            let _ = (read.module().value("x"), read.title(), read.module().strings().count());
            for class in read.classes() {
                let _ = class.body.value("x");
            }
        }
    }
}
