//! `new`: the next migration, under a lock on its folder, so that two at once write two versions.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use crate::error::{Error, ScaffoldError};
use crate::formats::next::{NewFile, Next, file_words, snake_words};
use crate::formats::{self, Format, FormatError};
use crate::model::migration::Bundle;
use crate::model::scaffold::{Addition, NewReport};
use crate::scaffold::look;
use crate::scaffold::tools::{self, Tool};
use crate::scaffold::write::{self, Written};

/// Where the first migration goes when nothing says it.
const FIRST_FOLDER: &str = "migrations";
/// Between tries for the folder's lock.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest name that file systems take is 255 bytes, of which version and ending need some.
const LONGEST: usize = 200;

/// What `new` is asked for.
pub struct Wanted<'a> {
    /// What the migration does, as people type it.
    pub words: &'a str,
    /// The migrations folder, if anything names it.
    pub folder: Option<&'a Path>,
    /// The format, if anything names it.
    pub format: Option<&'a str>,
    /// Whether a command applies the migrations.
    pub by_command: bool,
    /// Milliseconds since 1970.
    pub now: i64,
    /// How long somebody else may write there.
    pub patience: Duration,
    /// Called once if somebody does.
    pub busy: &'a dyn Fn(&Path),
}

/// Writes the next migration; a folder that is not there yet is made.
///
/// # Errors
/// A name or a folder that cannot be used, a format whose own tool writes its migrations, or a disk that refuses.
pub fn new(wanted: &Wanted<'_>) -> Result<NewReport, Error> {
    check(wanted.words)?;
    let folder = folder(wanted)?;
    let made = !folder.is_dir();
    if made && wanted.by_command && wanted.format.is_none_or(|name| name == "auto") {
        return Err(FormatError::NoFolder { folder }.into());
    }
    if !made {
        return numbered(wanted, &folder);
    }
    write::folder(&folder)?;
    let written = numbered(wanted, &folder);
    if written.is_err() {
        let _ = fs::remove_dir(&folder); // only if it is still empty
    }
    written
}

fn check(words: &str) -> Result<(), Error> {
    let why = if words.contains(['/', '\\']) {
        "it has a slash"
    } else if snake_words(words).is_empty() {
        "it has no letter and no digit"
    } else if file_words(words).len() > LONGEST {
        "it is too long for a file's name"
    } else {
        return Ok(());
    };
    Err(ScaffoldError::BadName { name: words.to_owned(), why }.into())
}

/// The one that is named, else the one that is found, else the first.
fn folder(wanted: &Wanted<'_>) -> Result<PathBuf, Error> {
    if let Some(folder) = wanted.folder {
        return Ok(folder.to_owned());
    }
    let root = Path::new("");
    if let Some(found) = look::found(root, wanted.format)? {
        return Ok(found.folder);
    }
    match tools::here(root).first() {
        Some((tool, _)) => Err(own_tool(tool.format, Some(tool), wanted.words)),
        None => Ok(PathBuf::from(FIRST_FOLDER)),
    }
}

fn numbered(wanted: &Wanted<'_>, folder: &Path) -> Result<NewReport, Error> {
    let _lock = lock(folder, wanted)?;
    let (format, _) = formats::find(wanted.format, folder)?;
    let bundle = format.read(folder)?;
    let guessed = wanted.format.is_none_or(|name| name == "auto");
    if guessed && bundle.migrations.is_empty() {
        // an empty folder fits our own format, but perhaps it waits for another tool's first file
        let beside = tools::here(Path::new("")).into_iter().find(|(tool, _)| tool.format != format.name());
        if let Some((tool, _)) = beside {
            return Err(own_tool(tool.format, Some(tool), wanted.words));
        }
    }
    write_next(wanted, folder, format, &bundle)
}

fn write_next(
    wanted: &Wanted<'_>,
    folder: &Path,
    format: &'static dyn Format,
    bundle: &Bundle,
) -> Result<NewReport, Error> {
    match format.next(bundle, wanted.words, wanted.now) {
        Next::Files(files) => {
            let files = write_all(folder, files)?;
            Ok(NewReport { format: format.name().to_owned(), files, add: None })
        }
        Next::Listed(file, add) => {
            let files = write_all(folder, vec![file])?;
            Ok(NewReport { format: format.name().to_owned(), files, add: Some(in_folder(folder, add)) })
        }
        Next::Lines(add) => {
            Err(ScaffoldError::ByHand { format: format.name(), add: in_folder(folder, add) }.into())
        }
        Next::Tool(Some(command)) => {
            Err(ScaffoldError::OwnTool { tool: format.name().to_owned(), command: Some(command) }.into())
        }
        Next::Tool(None) => Err(own_tool(format.name(), tools::named(format.name()), wanted.words)),
        Next::None(why) => {
            let folder = folder.display().to_string();
            Err(ScaffoldError::NoNext { format: format.name(), folder, why }.into())
        }
    }
}

fn in_folder(folder: &Path, add: Addition) -> Addition {
    Addition { path: folder.join(&add.path).display().to_string(), ..add }
}

/// All of them or none.
fn write_all(folder: &Path, files: Vec<NewFile>) -> Result<Vec<String>, Error> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut write = |file: &NewFile| {
        let path = folder.join(&file.name);
        match write::create(&path, &file.text)? {
            Written::Now => {
                paths.push(path);
                Ok(())
            }
            Written::Before => {
                let files = vec![path.display().to_string()];
                Err(ScaffoldError::AlreadyThere { files }.into())
            }
        }
    };
    let written: Result<(), Error> = files.iter().try_for_each(&mut write);
    if let Err(error) = written {
        for path in paths {
            let _ = fs::remove_file(path);
        }
        return Err(error);
    }
    Ok(paths.iter().map(|path| path.display().to_string()).collect())
}

fn own_tool(name: &str, tool: Option<&Tool>, words: &str) -> Error {
    let command = tool.and_then(|tool| tool.new).map(|line| line.replace("NAME", &snake_words(words)));
    ScaffoldError::OwnTool { tool: name.to_owned(), command }.into()
}

/// Held as long as the file that it gives; none on a file system without such locks.
fn lock(folder: &Path, wanted: &Wanted<'_>) -> Result<Option<Flock<File>>, Error> {
    let unreadable = |source| Error::from(FormatError::Unreadable { path: folder.to_owned(), source });
    let began = Instant::now();
    let mut told = false;
    loop {
        let file = File::open(folder).map_err(unreadable)?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(held) => return Ok(Some(held)),
            Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => {}
            Err(_) => return Ok(None),
        }
        if began.elapsed() >= wanted.patience {
            let (folder, waited) = (folder.display().to_string(), wanted.patience);
            return Err(ScaffoldError::Busy { folder, waited }.into());
        }
        if !std::mem::replace(&mut told, true) {
            (wanted.busy)(folder);
        }
        sleep(PAUSE);
    }
}
