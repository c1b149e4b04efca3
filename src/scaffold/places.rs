//! What each platform gets: a file of ours where there is none, and lines to copy where people have one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::line::{SHELL, quoted};
use crate::config::DEFAULT_FILE;
use crate::model::choice::Place;
use crate::scaffold::look::Project;
use crate::scaffold::tools::names;
use crate::scaffold::{Asked, Wish, ledger, yaml};

const KUBERNETES_SQL: &str = include_str!("templates/kubernetes-sql.yaml");
const KUBERNETES_COMMAND: &str = include_str!("templates/kubernetes-command.yaml");
const GITHUB_SQL: &str = include_str!("templates/github-sql.yml");
const GITHUB_COMMAND: &str = include_str!("templates/github-command.yml");

/// What tells of a platform, each with the files or folders.
const HINTS: [(Place, &[&str]); 3] = [
    (Place::Heroku, &["heroku.yml", "app.json", "Procfile"]),
    (
        Place::Kubernetes,
        &["Chart.yaml", "kustomization.yaml", "skaffold.yaml", "k8s", "kubernetes", "helm", "charts"],
    ),
    (Place::Github, &[".github/workflows"]),
];
/// Words that only a shell knows at the beginning of a command; whatever has a `=` in it is another.
const SHELL_WORDS: [&str; 6] = ["!", ".", "[[", "eval", "exec", "source"];

/// The files of a platform.
pub fn wishes(place: Place, project: &Project, asked: &Asked<'_>) -> Vec<Wish> {
    match place {
        Place::Heroku => vec![heroku(project, asked)],
        Place::Kubernetes => vec![kubernetes(project, asked)],
        Place::Github => vec![github(project, asked)],
    }
}

/// What to do now.
pub fn next(project: &Project, asked: &Asked<'_>) -> Vec<String> {
    let mut next: Vec<String> = ledger::first(project).filter(|_| asked.said.is_none()).into_iter().collect();
    next.push(format!(
        "`bellwether plan{}` shows what a deploy would do, once DATABASE_URL is set",
        plan_flag(asked)
    ));
    let page = match asked.place {
        Some(Place::Heroku) => {
            "docs/heroku.md: the buildpack, `heroku labs:enable runtime-dyno-metadata`, and RUN_MIGRATIONS=true in the one app that migrates"
        }
        Some(Place::Kubernetes) => "docs/kubernetes.md: the image, the secret, and which manifest fits",
        Some(Place::Github) => {
            "docs/github-actions.md: the environment and its secret DATABASE_URL; OWNER is whose copy of the action you use"
        }
        None => {
            next.extend(hints(project));
            return next;
        }
    };
    next.push(page.to_owned());
    next
}

fn hints(project: &Project) -> Vec<String> {
    let told = |(place, files): &(Place, &[&str])| {
        let file = files.iter().find(|file| project.has(file))?;
        Some(format!("`bellwether init --platform {place}` writes what {file} asks for"))
    };
    HINTS.iter().filter_map(told).collect()
}

/// ` -c FILE`, for a command line in the current folder.
fn plan_flag(asked: &Asked<'_>) -> String {
    let file = asked.config.filter(|file| *file != Path::new(DEFAULT_FILE));
    file.map_or_else(String::new, |file| format!(" -c {}", quoted(&file.to_string_lossy())))
}

/// ` -c FILE`, where a deploy in the config's own folder would not find it by itself.
fn config_flag(asked: &Asked<'_>) -> String {
    let name = asked.config.and_then(Path::file_name).map(|name| name.to_string_lossy());
    match name.filter(|name| name != DEFAULT_FILE) {
        Some(name) => format!(" -c {}", quoted(&name)),
        None => String::new(),
    }
}

fn environment<'a>(asked: &Asked<'a>) -> &'a str {
    asked.environment.map_or("production", |name| name.as_str())
}

/// A Procfile, or the line that the one of the project, or its `heroku.yml`, lacks.
fn heroku(project: &Project, asked: &Asked<'_>) -> Wish {
    let deploy = format!("bellwether deploy{}", config_flag(asked));
    let docker = project.root.join("heroku.yml");
    if let Ok(text) = fs::read_to_string(&docker) {
        if let Some(there) = text.lines().find(|line| line.starts_with("release:")) {
            let reason = match text.contains("bellwether") {
                true => "its release phase runs bellwether already".to_owned(),
                false => format!("it has `{there}`; put bellwether in front of its command, as here"),
            };
            let add = (!text.contains("bellwether")).then(|| format!("{deploy} -- COMMAND"));
            return Wish::Kept(docker, reason, add);
        }
        let add = format!("release:\n  image: web\n  command:\n    - {deploy}");
        return Wish::Kept(docker, "it has no release phase; add this one".to_owned(), Some(add));
    }
    let procfile = project.root.join("Procfile");
    let text = match fs::read(&procfile) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) if procfile.symlink_metadata().is_err() => {
            return Wish::New(procfile, format!("release: {deploy}\n"));
        }
        Err(error) => {
            let reason = format!("it cannot be read ({error}); this is the line that it needs");
            return Wish::Kept(procfile, reason, Some(format!("release: {deploy}")));
        }
    };
    let release = text.lines().find_map(|line| line.trim_start_matches('\u{feff}').strip_prefix("release:"));
    match release.map(str::trim).filter(|command| !command.is_empty()) {
        None => {
            let reason = "it has no release phase; add this line".to_owned();
            Wish::Kept(procfile, reason, Some(format!("release: {deploy}")))
        }
        Some(command) if command.contains("bellwether") => {
            Wish::Kept(procfile, format!("its release phase is `{command}`"), None)
        }
        Some(command) => {
            // Heroku gives the line to bash
            let wrapped = match needs_shell(command) {
                true => format!("release: {deploy} -- bash -c '{}'", command.replace('\'', "'\\''")),
                false => format!("release: {deploy} -- {command}"),
            };
            let reason = format!("its release phase is `{command}`; put bellwether in front of it");
            Wish::Kept(procfile, reason, Some(wrapped))
        }
    }
}

/// Whether it is more than a program and its arguments.
fn needs_shell(command: &str) -> bool {
    let first = command.split_whitespace().next().unwrap_or_default();
    command.contains(SHELL) || first.contains('=') || SHELL_WORDS.contains(&first)
}

/// What a Deployment gets.
fn kubernetes(project: &Project, asked: &Asked<'_>) -> Wish {
    let environment = yaml::word(environment(asked));
    let text = match (project.command(), &project.found) {
        (None, Some(found)) if project.is_applied() => KUBERNETES_SQL
            .replace("<<folder>>", &found.named.to_string_lossy().replace(char::is_control, "?"))
            .replace("<<format>>", found.format.name()),
        (command, _) => {
            let command = command.map_or_else(|| vec!["bin/migrate".to_owned()], |(command, _)| command);
            let words: Vec<String> = command.iter().map(|word| yaml::word(word)).collect();
            KUBERNETES_COMMAND.replace("<<command>>", &words.join(", "))
        }
    };
    Wish::New(
        project.root.join("bellwether-init-container.yaml"),
        text.replace("<<environment>>", &environment),
    )
}

/// A workflow, where GitHub looks for it: at the top of the repository.
fn github(project: &Project, asked: &Asked<'_>) -> Wish {
    let (top, below) = repository(&project.root);
    let folder = below.map(|below| yaml::word(&below.to_string_lossy()));
    let environment = environment(asked);
    let text = match project.is_applied() {
        true => {
            let name = asked.config.and_then(Path::file_name).map(|name| name.to_string_lossy());
            let config = name.filter(|name| name != DEFAULT_FILE).map(|name| yaml::word(&name));
            let input = |name: &str, value: Option<String>| {
                value.map_or_else(String::new, |value| format!("          {name}: {value}\n"))
            };
            let inputs = [input("working-directory", folder), input("config", config)].concat();
            GITHUB_SQL.replace("<<inputs>>\n", &inputs)
        }
        false => {
            let deploy = format!(
                "bellwether deploy{} --role lead --environment {}",
                config_flag(asked),
                quoted(environment)
            );
            let folder =
                folder.map_or_else(String::new, |folder| format!("        working-directory: {folder}\n"));
            let prepare = match project.tool().and_then(|(tool, _)| tool.prepare) {
                Some(line) => format!(
                    "      # what the command needs, of the version that you use\n      - run: {}\n{folder}",
                    yaml::line(line)
                ),
                None => "      # - run: what installs the tool that the command starts\n".to_owned(),
            };
            GITHUB_COMMAND
                .replace("<<prepare>>\n", &prepare)
                .replace("<<deploy>>", &yaml::line(&deploy))
                .replace("<<folder>>\n", &folder)
        }
    };
    let text = text
        .replace("<<branch>>", &yaml::word(&branch(&top)))
        .replace("<<group>>", &yaml::word(&format!("migrate-{environment}")))
        .replace("<<environment>>", &yaml::word(environment));
    let path = top.join(".github/workflows/migrate.yml");
    match used_by(&top.join(".github/workflows")) {
        Some(name) if name != "migrate.yml" => {
            Wish::Kept(path.with_file_name(&name), "it uses bellwether already".to_owned(), None)
        }
        _ => Wish::New(path, text),
    }
}

/// A workflow that has us in it.
fn used_by(workflows: &Path) -> Option<String> {
    let has = |name: &String| {
        fs::read_to_string(workflows.join(name)).is_ok_and(|text| text.contains("bellwether"))
    };
    names(workflows).into_iter().find(has)
}

/// The top of the repository, and where below it the project is; without one, the project is the top.
fn repository(root: &Path) -> (PathBuf, Option<PathBuf>) {
    let here = if root.as_os_str().is_empty() { Path::new(".") } else { root };
    if here.join(".git").exists() {
        return (root.to_owned(), None);
    }
    let Ok(absolute) = here.canonicalize() else { return (root.to_owned(), None) };
    let top = absolute.ancestors().skip(1).find(|folder| folder.join(".git").exists());
    match top.and_then(|top| Some((top, absolute.strip_prefix(top).ok()?))) {
        Some((top, below)) => (top.to_owned(), Some(below.to_owned())),
        None => (root.to_owned(), None),
    }
}

/// What the repository's default branch is called, as far as a clone knows it.
fn branch(top: &Path) -> String {
    let head = fs::read_to_string(top.join(".git/refs/remotes/origin/HEAD")).unwrap_or_default();
    let name = head.trim().strip_prefix("ref: refs/remotes/origin/").filter(|name| !name.is_empty());
    name.unwrap_or("main").to_owned()
}
