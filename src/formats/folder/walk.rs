//! A walk through a folder and those in it, which ends whatever links there are. Knows no names.

use std::path::{Path, PathBuf};

use crate::formats::FormatError;
use crate::formats::folder::{Kind, is_dotfile, kind_of, listed};

/// Folders in folders, at most.
pub(super) const DEEPEST: usize = 32;

/// How a folder is walked through.
pub(super) struct Walk {
    /// Folders in folders.
    pub deepest: usize,
    /// Whether links to folders are gone into.
    pub links: bool,
    /// Whether a folder to which a link leads back is passed over, and not refused.
    pub loops: bool,
}

/// A folder that is walked through.
struct Entered {
    /// Without links in it.
    real: PathBuf,
    depth: usize,
    /// Which it is in.
    within: Option<usize>,
}

impl Walk {
    /// Into all there is.
    pub const BELOW: Self = Self { deepest: DEEPEST, links: true, loops: false };

    /// The files, by path. `dotfile`: whether one counts.
    pub fn of(
        &self,
        folder: &Path,
        mut dotfile: impl FnMut(&Path) -> bool,
    ) -> Result<Vec<(String, PathBuf)>, FormatError> {
        let mut found = Vec::new();
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let mut entered = vec![Entered { real, depth: 0, within: None }];
        let mut waiting = vec![(folder.to_owned(), 0)];
        while let Some((folder, at)) = waiting.pop() {
            for (name, path, kind) in listed(&folder)? {
                let kind_behind = kind_of(&path, kind);
                if kind_behind == Kind::Other || (is_dotfile(&name) && !dotfile(&path)) {
                    continue;
                }
                match kind_behind {
                    Kind::Folder
                        if entered[at].depth < self.deepest && (self.links || !kind.is_symlink()) =>
                    {
                        let real = match kind.is_symlink() {
                            true => path.canonicalize().unwrap_or_else(|_| path.clone()),
                            false => entered[at].real.join(path.file_name().unwrap_or_default()),
                        };
                        if self.links && is_within(&entered, at, &real) {
                            if self.loops {
                                continue;
                            }
                            let what = "leads to a folder that it is in itself, so that there is no end to what is below";
                            return Err(FormatError::Unsupported { path, line: None, what: what.to_owned() });
                        }
                        let depth = entered[at].depth + 1;
                        waiting.push((path, entered.len()));
                        entered.push(Entered { real, depth, within: Some(at) });
                    }
                    Kind::File => found.push((name, path)),
                    Kind::Folder | Kind::Other => {}
                }
            }
        }
        if entered.len() > 1 {
            found.sort_by(|one, other| one.1.cmp(&other.1));
        }
        Ok(found)
    }
}

/// Whether this folder, or one around it as it was walked to, is `real`.
fn is_within(entered: &[Entered], at: usize, real: &Path) -> bool {
    std::iter::successors(Some(at), |at| entered[*at].within).any(|at| entered[at].real == real)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::folder::{Folder, below, below_unlinked, tree};
    use crate::formats::{compare, find};

    /// Two such links are two ways at every turn.
    #[test]
    fn links_that_lead_back_are_named_and_not_followed_for_ever() {
        for (links, named) in [
            (&[(".", "m/a"), (".", "m/b")][..], "a"),
            (&[("..", "m/in/a"), ("..", "m/in/b")], "in/a"),
            (&[("..", "m/a"), ("..", "m/b")], "b/m"),
            (&[("../out", "m/a"), ("../m", "out/b"), ("../m", "out/c")], "a/b"),
        ] {
            let dir = tree(&[("m/V1__a.sql", ""), ("m/in/V2__b.sql", ""), ("out/V3__c.sql", "")]);
            for (to, name) in links {
                std::os::unix::fs::symlink(to, dir.path().join(name)).unwrap();
            }
            let folder = dir.path().join("m");
            match below(&folder) {
                Err(FormatError::Unsupported { path, what, .. }) => {
                    assert_eq!(path, folder.join(named), "{what}");
                }
                other => panic!("{links:?}: {other:?}"),
            }
            assert_eq!(below_unlinked(&folder).unwrap().len(), 2);
            let listed = Folder::list(&folder).unwrap();
            assert!((2..20).contains(&listed.below().unwrap().len()), "{:?}", listed.below());
            // what the folder is can be told all the same
            let flyway = find(Some("flyway"), &folder).unwrap().0;
            assert!(flyway.detect(&listed).is_some());
            let bundle = compare(flyway, &folder).unwrap();
            assert_eq!(
                (bundle.unread.len(), bundle.unread[0].name.as_str()),
                (1, format!("{named}:").as_str())
            );
        }
    }

    /// Not a loop: the same files by two ways.
    #[test]
    fn a_folder_that_is_linked_beside_itself_is_there_twice() {
        let dir = tree(&[("in/deep/V1__a.sql", "")]);
        std::os::unix::fs::symlink("in", dir.path().join("more")).unwrap();
        std::os::unix::fs::symlink("../in/deep", dir.path().join("in/other")).unwrap();
        let found = below(dir.path()).unwrap();
        let paths: Vec<_> = found.iter().map(|(_, path)| path.strip_prefix(dir.path()).unwrap()).collect();
        let expected = ["in/deep", "in/other", "more/deep", "more/other"];
        assert_eq!(paths, expected.map(|folder| Path::new(folder).join("V1__a.sql")));
    }
}
