//! What a class has, of its own or from its bases in the same file. Follows no import: a base from elsewhere is named as
//! such, except Django's own `AppConfig`, which sets nothing that is asked for here.

use crate::formats::python::{Class, Import, Refused, Source, Value};

/// Where a class may have something from, itself included.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ancestor {
    /// A class of the file.
    Here(usize),
    /// Django's.
    AppConfig,
    /// As it is written.
    Elsewhere(String),
}

/// What an attribute is.
#[derive(Debug)]
pub(super) enum Found {
    Value(Value),
    /// No class in the file has it, and a base that may is not in the file.
    Elsewhere(String),
    Nothing,
}

/// A file's classes.
pub(super) struct Classes<'a> {
    source: &'a Source<'a>,
    all: Vec<Class<'a>>,
    /// Of each class, in the order in which Python looks.
    ancestors: Vec<Vec<Ancestor>>,
    pub imports: Vec<Import>,
}

impl<'a> Classes<'a> {
    pub fn of(source: &'a Source<'a>) -> Self {
        let (all, imports) = (source.classes(), source.imports());
        let mut classes = Self { source, ancestors: Vec::with_capacity(all.len()), all, imports };
        for at in 0..classes.all.len() {
            let inherited = classes.all[at].bases.iter().flat_map(|base| classes.behind(base, at));
            let mut ancestors: Vec<_> = std::iter::once(Ancestor::Here(at)).chain(inherited).collect();
            // what two bases share comes behind both
            let mut behind = ancestors.split_off(1);
            while !behind.is_empty() {
                let first = behind.remove(0);
                if !behind.contains(&first) {
                    ancestors.push(first);
                }
            }
            classes.ancestors.push(ancestors);
        }
        classes
    }

    /// A base of the class with this place, and what is behind it.
    fn behind(&self, base: &str, at: usize) -> Vec<Ancestor> {
        if let Some(here) = self.all[..at].iter().rposition(|class| class.name == base) {
            return self.ancestors[here].clone();
        }
        match base {
            "object" => Vec::new(),
            _ if self.is_app_config(base) => vec![Ancestor::AppConfig],
            _ => vec![Ancestor::Elsewhere(base.to_owned())],
        }
    }

    fn is_app_config(&self, base: &str) -> bool {
        let paths = self.paths(base);
        let is_djangos =
            |path: &String| ["django.apps.AppConfig", "django.apps.config.AppConfig"].contains(&&**path);
        // by an import of all that there is
        let usual = ["AppConfig", "apps.AppConfig"].contains(&base);
        if paths.is_empty() { usual } else { paths.iter().all(is_djangos) }
    }

    /// What a written base is by the file's imports, from the front; nothing = none binds it.
    pub fn paths(&self, base: &str) -> Vec<String> {
        let (first, rest) = base.split_once('.').map_or((base, None), |(first, rest)| (first, Some(rest)));
        let bound = self.imports.iter().filter(|import| import.name == first);
        bound
            .map(|import| rest.map_or(import.path.clone(), |rest| format!("{}.{rest}", import.path)))
            .collect()
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The class that a name means in the end.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.all.iter().rposition(|class| class.name == name)
    }

    pub fn line(&self, at: usize) -> usize {
        self.all[at].line
    }

    /// Whether Django could take it for an app's config.
    pub fn may_be_config(&self, at: usize) -> bool {
        let Class { name, .. } = &self.all[at];
        let has = |what: &str| matches!(self.find(at, what), Ok(Found::Value(_)));
        let by_base = self.ancestors[at].iter().any(|ancestor| match ancestor {
            Ancestor::Here(_) => false,
            Ancestor::AppConfig => true,
            Ancestor::Elsewhere(base) => {
                base.ends_with("Config") || name.ends_with("Config") || has("name") || has("label")
            }
        });
        by_base && self.named(name) == Some(at)
    }

    /// All that Django could take for an app's config, and whether there may be others among the imports.
    pub fn configs(&self) -> (Vec<usize>, bool) {
        let configs: Vec<usize> = (0..self.all.len()).filter(|at| self.may_be_config(*at)).collect();
        let is_base = |name: &str| {
            configs.iter().any(|at| {
                let ancestors = &self.ancestors[*at];
                !ancestors.contains(&Ancestor::AppConfig)
                    && ancestors.contains(&Ancestor::Elsewhere(name.to_owned()))
            })
        };
        let others = self.imports.iter().any(|import| {
            let Import { name, is_member, .. } = import;
            *is_member && (name.ends_with("Config") || is_base(name)) && !self.is_app_config(name)
        });
        (configs, others)
    }

    /// What a class has under this name.
    pub fn find(&self, at: usize, what: &str) -> Result<Found, Refused> {
        for ancestor in &self.ancestors[at] {
            let class = match ancestor {
                Ancestor::Here(at) => &self.all[*at],
                Ancestor::AppConfig => continue,
                Ancestor::Elsewhere(base) => return Ok(Found::Elsewhere(base.clone())),
            };
            match class.body.value(what)? {
                Some(value) => return Ok(Found::Value(value)),
                None if !class.has_lines && self.source.module().mentions(what) => {
                    let what = "has its AppConfig in one line, which is not read".to_owned();
                    return Err(Refused { line: class.line, what });
                }
                None => {}
            }
        }
        Ok(Found::Nothing)
    }
}
