//! Where a module's names come from: its own classes with their bases, and its imports. Follows none of them.

use crate::formats::python::lexer::{Kind, Token};
use crate::formats::python::{Scope, Source, top};

/// A class.
#[derive(Clone, Debug)]
pub(in crate::formats) struct Class<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its line.
    pub line: usize,
    /// What it inherits from, as it is written without spaces; arguments with a name are none.
    pub bases: Vec<String>,
    /// Whether its body follows in lines of its own; else [`Self::body`] is empty.
    pub has_lines: bool,
    /// Its body.
    pub body: Scope<'a>,
}

/// A name that an import binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::formats) struct Import {
    /// What it is called here; `*` = all that there is.
    pub name: String,
    /// What it is, from the front: `django.apps.AppConfig`; with dots in front where the module is named from here.
    pub path: String,
    /// Whether it is something in a module; else a module or package.
    pub is_member: bool,
}

impl Source<'_> {
    /// The classes that stand in no other block.
    pub fn classes(&self) -> Vec<Class<'_>> {
        let mut classes = Vec::new();
        for (at, statement) in self.statements.iter().enumerate().filter(|(_, it)| it.indent == 0) {
            let tokens = self.tokens(*statement);
            let [first, name, ..] = tokens else { continue };
            if self.word(*first) != "class" {
                continue;
            }
            let below = &self.statements[at + 1..];
            let end = below.iter().position(|it| it.indent == 0).unwrap_or(below.len());
            let body = Scope { source: self, statements: &below[..end] };
            let has_lines = tokens.last().is_some_and(|last| last.kind == Kind::Colon);
            let bases = self.bases(&tokens[2..]);
            classes.push(Class { name: self.word(*name), line: first.line(), bases, has_lines, body });
        }
        classes
    }

    /// Of what follows a class's name.
    fn bases(&self, tokens: &[Token]) -> Vec<String> {
        let (mut depth, mut inside) = (0_usize, false);
        let (mut bases, mut item) = (Vec::new(), Vec::new());
        for token in tokens {
            let is_outside = depth == 0;
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth = depth.saturating_sub(1),
                Kind::Colon if is_outside => break,
                _ => {}
            }
            match token.kind {
                // in front of it there may be type parameters
                Kind::Open if is_outside => inside = self.slice(*token) == "(",
                Kind::Close if depth == 0 => inside = false,
                Kind::Comma if depth == 1 && inside => bases.push(std::mem::take(&mut item)),
                _ if inside => item.push(*token),
                _ => {}
            }
        }
        bases.push(item);
        bases.retain(|item| !item.is_empty() && top(item, Kind::Equals).is_none());
        bases.iter().map(|item| self.written(item)).collect()
    }

    /// What imports bind, wherever they stand.
    pub fn imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for statement in &self.statements {
            let tokens = self.tokens(*statement);
            let Some((first, rest)) = tokens.split_first() else { continue };
            match self.word(*first) {
                "import" => imports.extend(self.imported(rest, None)),
                "from" => {
                    let Some(at) = rest.iter().position(|token| self.word(*token) == "import") else {
                        continue;
                    };
                    imports.extend(self.imported(&rest[at + 1..], Some(&self.written(&rest[..at]))));
                }
                _ => {}
            }
        }
        imports
    }

    /// What stands behind `import`.
    fn imported(&self, tokens: &[Token], module: Option<&str>) -> Vec<Import> {
        let mut imports = Vec::new();
        for item in tokens.split(|token| token.kind == Kind::Comma) {
            let item: Vec<Token> =
                item.iter().copied().filter(|it| !matches!(it.kind, Kind::Open | Kind::Close)).collect();
            let renamed = item.iter().position(|token| self.word(*token) == "as");
            let (what, name) = item.split_at(renamed.unwrap_or(item.len()));
            let what = self.written(what);
            if what.is_empty() {
                continue;
            }
            let first = || what.split('.').next().unwrap_or_default().to_owned();
            let name = if name.is_empty() { first() } else { self.written(&name[1..]) };
            let path = match module {
                Some(module) if module.ends_with('.') => format!("{module}{what}"),
                Some(module) => format!("{module}.{what}"),
                None if renamed.is_none() => first(),
                None => what,
            };
            imports.push(Import { name, path, is_member: module.is_some() });
        }
        imports
    }

    /// Tokens without what is between them.
    fn written(&self, tokens: &[Token]) -> String {
        tokens.iter().map(|token| self.slice(*token)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bases_are_what_stands_in_the_brackets() {
        for (text, bases) in [
            ("class A:\n    x = 1\n", &[][..]),
            ("class A():\n    x = 1\n", &[]),
            ("class A(B): pass\n", &["B"]),
            ("class A(a.b . C, D,\n    metaclass=E(f, g)):  # h\n    x = 1\n", &["a.b.C", "D"]),
            ("class A[T: (x, y)](B[T, U], made('C, D')):\n    x = 1\n", &["B[T,U]", "made('C, D')"]),
        ] {
            assert_eq!(Source::read(text).unwrap().classes()[0].bases, bases, "{text}");
        }
    }

    #[test]
    fn imports_say_what_a_name_is() {
        let text = "import a, b.c\nimport d.e as f\nfrom g.h import (\n    I,  # one\n    J as K,\n)\nif x:\n    from . import l\n    from ..m import *\nx = 'import n'\n";
        let imports = Source::read(text).unwrap().imports();
        let said: Vec<_> =
            imports.iter().map(|it| (it.name.as_str(), it.path.as_str(), it.is_member)).collect();
        assert_eq!(
            said,
            [
                ("a", "a", false),
                ("b", "b", false),
                ("f", "d.e", false),
                ("I", "g.h.I", true),
                ("K", "g.h.J", true),
                ("l", ".l", true),
                ("*", "..m.*", true),
            ]
        );
    }
}
