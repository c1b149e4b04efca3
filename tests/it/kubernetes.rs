//! The manifests in `examples/kubernetes`: held to Kubernetes' own schemas, and their containers of ours started as pods
//! start them, many at once, killed and started again, beside those of the release before.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bellwether::cli::Request;
use serde::Deserialize as _;
use serde_yaml::Value;

use crate::support::server::example_tool;
use crate::support::{Bellwether, Finished, Migrations, Running, TestDatabase, on_servers};

const SOON: Duration = Duration::from_secs(60);
/// With a dead leader waited out, on a busy machine.
const LONG: Duration = Duration::from_secs(90);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kubernetes")
}

fn manifests() -> Vec<PathBuf> {
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|it| it == "yaml")).collect();
    files.sort();
    assert!(files.len() >= 7, "{files:?}");
    files
}

fn documents(manifest: &Path) -> Vec<Value> {
    let text = fs::read_to_string(manifest).unwrap();
    serde_yaml::Deserializer::from_str(&text).map(|one| Value::deserialize(one).unwrap()).collect()
}

fn sequence(value: &Value) -> Vec<Value> {
    value.as_sequence().cloned().unwrap_or_default()
}

fn words(value: &Value) -> Vec<String> {
    sequence(value).iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// A workload that has a container of ours.
struct Workload {
    document: Value,
    /// What a ConfigMap of the manifest gives to mount.
    files: BTreeMap<String, String>,
}

impl Workload {
    fn all(manifest: &Path) -> Vec<Self> {
        let documents = documents(manifest);
        let data = documents.iter().filter_map(|document| document["data"].as_mapping());
        let files = data.flatten().map(|(name, text)| {
            (format!("/config/{}", name.as_str().unwrap()), text.as_str().unwrap().to_owned())
        });
        let files: BTreeMap<_, _> = files.collect();
        let workloads = documents.into_iter().filter(|document| !document["spec"]["template"].is_null());
        workloads.map(|document| Self { document, files: files.clone() }).collect()
    }

    /// Of this file, the only one of this kind.
    fn of(manifest: &str, kind: &str) -> Self {
        let mut all = Self::all(&folder().join(manifest));
        all.retain(|workload| workload.document["kind"] == kind);
        assert_eq!(all.len(), 1, "{manifest}: {kind}");
        all.remove(0)
    }

    fn two(manifest: &str, one: &str, other: &str) -> (Self, Self) {
        (Self::of(manifest, one), Self::of(manifest, other))
    }

    fn spec(&self) -> &Value {
        &self.document["spec"]
    }

    fn pod(&self) -> &Value {
        &self.spec()["template"]["spec"]
    }

    /// Its containers of ours, in the order in which they run.
    fn containers(&self) -> Vec<Container> {
        let all =
            sequence(&self.pod()["initContainers"]).into_iter().chain(sequence(&self.pod()["containers"]));
        let all = all.map(|spec| Container { argv: words(&spec["command"]), spec });
        all.filter(|container| container.argv.first().is_some_and(|program| program.ends_with("/bellwether")))
            .collect()
    }

    /// The one that leads or follows, in a pod of this name, with these migrations where their image has them.
    fn start(&self, name: &str, db: &TestDatabase, migrations: &Migrations) -> Bellwether {
        self.bellwether(name, &[("/migrations", migrations.path())]).on(db)
    }

    fn bellwether(&self, name: &str, mounts: &[(&str, &Path)]) -> Bellwether {
        let container = self.containers().pop().unwrap();
        let mounted = |text: &str| {
            mounts
                .iter()
                .fold(text.to_owned(), |text, (path, real)| text.replace(path, real.to_str().unwrap()))
        };
        let mut bellwether = Bellwether::bare().env("BELLWETHER_OUTPUT", "json");
        bellwether = bellwether.env("KUBERNETES_SERVICE_HOST", "10.0.0.1").env("HOSTNAME", name);
        for (variable, value) in container.variables(name) {
            bellwether = bellwether.env(&variable, mounted(&value));
        }
        for (path, text) in &self.files {
            bellwether = bellwether.file(path.rsplit('/').next().unwrap(), &mounted(text));
        }
        bellwether.args(container.argv[1..].iter().map(|word| match self.files.contains_key(word) {
            true => word.rsplit('/').next().unwrap().to_owned(),
            false => mounted(word),
        }))
    }
}

struct Container {
    argv: Vec<String>,
    spec: Value,
}

impl Container {
    /// As the pod of this name has them; a pod's ReplicaSet is named by the second part of its name. Without secrets.
    fn variables(&self, pod: &str) -> Vec<(String, String)> {
        let variables = sequence(&self.spec["env"]);
        let values = variables.iter().filter_map(|variable| {
            let name = variable["name"].as_str().unwrap().to_owned();
            if let Some(value) = variable["value"].as_str() {
                return Some((name, value.to_owned()));
            }
            let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str()? {
                "metadata.name" => pod,
                "metadata.labels['pod-template-hash']" => pod.rsplit('-').nth(1).unwrap(),
                other => panic!("nobody fills in {other}"),
            };
            Some((name, value.to_owned()))
        });
        values.collect()
    }

    fn request(&self) -> Request {
        let variables: BTreeMap<_, _> = self.variables("shop-web-5d4f8-x2x1z").into_iter().collect();
        Request::from_env_and_args(self.argv.iter().cloned(), &|name| variables.get(name).cloned())
            .unwrap_or_else(|error| panic!("{:?}: {error:?}", self.argv))
    }
}

fn all_workloads() -> Vec<(PathBuf, Workload)> {
    let of = |file: PathBuf| Workload::all(&file).into_iter().map(move |workload| (file.clone(), workload));
    manifests().into_iter().flat_map(of).collect()
}

#[test]
fn kubernetes_takes_every_manifest() {
    let Some(program) = example_tool("kubernetes-validate", "BELLWETHER_TEST_KUBERNETES_VALIDATE") else {
        return;
    };
    // the oldest that knows native sidecars without a switch, and a newer one
    for version in ["1.29", "1.33"] {
        let output =
            Command::new(&program).args(["-k", version, "--strict"]).args(manifests()).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && !said.contains("ERROR"), "{version}: {said}");
        assert!(said.matches("passed").count() >= 10, "{said}");
    }
}

#[test]
fn every_container_of_ours_has_a_command_line_that_we_take_and_the_least_of_rights() {
    for (file, workload) in all_workloads() {
        let at = |container: &Container| {
            format!("{}: {}", file.display(), container.spec["name"].as_str().unwrap())
        };
        let pod = workload.pod();
        assert_eq!(pod["automountServiceAccountToken"], false, "{}", file.display());
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{}", file.display());
        // the 20 s that a command has after a signal, and the time to say so
        assert!(pod["terminationGracePeriodSeconds"].as_u64().unwrap() >= 30, "{}", file.display());
        let containers = workload.containers();
        assert!(!containers.is_empty(), "{}", file.display());
        for container in &containers {
            container.request();
            let rights = &container.spec["securityContext"];
            assert_eq!(rights["readOnlyRootFilesystem"], true, "{}", at(container));
            assert_eq!(rights["allowPrivilegeEscalation"], false, "{}", at(container));
            assert_eq!(words(&rights["capabilities"]["drop"]), ["ALL"], "{}", at(container));
        }
        let last = containers.last().unwrap();
        assert_eq!(last.spec["terminationMessagePolicy"], "FallbackToLogsOnError", "{}", at(last));
    }
}

#[test]
fn our_own_time_ends_before_that_of_kubernetes() {
    for (file, workload) in all_workloads() {
        let limit =
            ["progressDeadlineSeconds", "activeDeadlineSeconds"].map(|key| workload.spec()[key].as_u64());
        let variables: BTreeMap<_, _> =
            workload.containers().pop().unwrap().variables("shop-web-5d4f8-x2x1z").into_iter().collect();
        let Some(given) = variables.get("BELLWETHER_TIMEOUT") else { continue };
        let minutes: u64 = given.strip_suffix('m').unwrap().parse().unwrap();
        let limit = limit.into_iter().flatten().min().unwrap();
        assert!(minutes * 60 + 30 + 60 <= limit, "{}: {minutes} min of {limit} s", file.display());
    }
}

fn wait(all: Vec<Running>) -> Vec<Finished> {
    all.into_iter().map(|one| one.wait(LONG)).collect()
}

fn at_its_second_step(leader: &Running) {
    leader.wait_for("its second step", SOON, |event| {
        event["event"] == "step_started" && event["step"]["position"] == 2
    });
}

fn led(finished: &[Finished]) -> usize {
    finished.iter().filter(|one| !one.events_named("run_started").is_empty()).count()
}

on_servers! { [postgres Postgres, sqlite Sqlite]
    fn twenty_pods_at_once_migrate_once(db) {
        let migrations = Migrations::counted(3);
        for manifest in ["elect.yaml", "proxies.yaml"] {
            let workload = Workload::of(manifest, "Deployment");
            let pods = (0..20).map(|pod| workload.start(&format!("shop-web-5d4f8-{pod}"), db, &migrations).spawn());
            let pods: Vec<_> = wait(pods.collect()).into_iter().map(|pod| pod.expect(0)).collect();
            assert_eq!(led(&pods), usize::from(manifest == "elect.yaml"), "{manifest}");
        }
        assert_eq!(db.applied(), ["0001", "0002", "0003"]);
        assert_eq!(db.column("select deploy from bellwether_runs"), ["5d4f8"]);
    }

    fn a_pod_that_is_killed_is_replaced_and_one_that_is_started_again_has_nothing_to_do(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        // what the server has been sent it may still do: this is left in any case
        let migrations = migrations.file("0003_rest.sql", "SELECT 1;");
        let workload = Workload::of("elect.yaml", "Deployment");
        let leader = workload.start("shop-web-5d4f8-one", db, &migrations).spawn();
        at_its_second_step(&leader);
        let others = ["two", "three"].map(|pod| workload.start(&format!("shop-web-5d4f8-{pod}"), db, &migrations).spawn());
        for other in &others {
            other.wait_for_event("watching", SOON);
        }
        leader.kill9();
        gate.open();
        let others = wait(others.into());
        assert_eq!(led(&others), 1);
        others.into_iter().for_each(|other| { other.expect(0); });
        let again = workload.start("shop-web-5d4f8-one", db, &migrations).run().expect(0);
        assert_eq!(led(&[again]), 0);
        assert_eq!(db.column("select status from bellwether_runs order by fence"), ["abandoned", "succeeded"]);
    }

    fn a_pod_that_is_told_to_end_has_said_so_and_another_one_goes_on(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let workload = Workload::of("elect.yaml", "Deployment");
        let leader = workload.start("shop-web-5d4f8-one", db, &migrations).spawn();
        at_its_second_step(&leader);
        leader.signal(nix::sys::signal::Signal::SIGTERM);
        leader.wait(SOON).expect(143);
        gate.open();
        workload.start("shop-web-5d4f8-two", db, &migrations).run().expect(0);
        assert_eq!(db.runs(), [["shop-web-5d4f8-one", "interrupted"], ["shop-web-5d4f8-two", "succeeded"]]);
    }

    fn pods_of_the_old_release_start_and_end_while_the_new_one_is_rolled_out(db) {
        let gate = db.gate();
        let old = Migrations::counted(1);
        let new = Migrations::counted(1).file("0002_wait.sql", gate.sql());
        let workload = Workload::of("elect.yaml", "Deployment");
        let before = |pod: &str| workload.start(&format!("shop-web-77c9b-{pod}"), db, &old).env("BELLWETHER_RELEASE", "3a1b0c2");
        before("one").run().expect(0);
        let surge = workload.start("shop-web-5d4f8-one", db, &new).spawn();
        surge.wait_for_event("step_started", SOON);
        // a node is drained: a pod of the old release starts elsewhere
        assert_eq!(led(&[before("two").run().expect(0)]), 0);
        gate.open();
        surge.wait(SOON).expect(0);
        let rest = ["two", "three"].map(|pod| workload.start(&format!("shop-web-5d4f8-{pod}"), db, &new).spawn());
        let rest: Vec<_> = wait(rest.into()).into_iter().map(|pod| pod.expect(0)).collect();
        // and the rollback, to a bundle that the database is ahead of
        let undone = before("three").run().expect(0);
        assert_eq!(led(&rest) + led(&[undone]), 0);
        assert_eq!(db.column("select deploy from bellwether_runs order by fence"), ["77c9b", "5d4f8"]);
    }

    fn a_failed_migration_stops_all_pods_and_a_restarted_rollout_tries_again(db) {
        let gate = db.gate();
        let broken = Migrations::counted(1).file("0002_broken.sql", format!("{}INSERT INTO nowhere VALUES (1);", gate.sql()));
        let workload = Workload::of("elect.yaml", "Deployment");
        let reason = db.folder().join("termination-log");
        fs::write(&reason, "").unwrap();
        let leader = workload.start("shop-web-5d4f8-one", db, &broken).spawn();
        at_its_second_step(&leader);
        let others = ["two", "three"].map(|pod| workload.start(&format!("shop-web-5d4f8-{pod}"), db, &broken).env("BELLWETHER_TERMINATION_LOG", &reason).spawn());
        for other in &others {
            other.wait_for_event("watching", SOON);
        }
        gate.open();
        leader.wait(SOON).expect(10).explains(&["nowhere"]);
        for other in wait(others.into()) {
            other.expect(20).explains(&["nowhere"]);
        }
        let reason = fs::read_to_string(reason).unwrap();
        assert!(reason.contains("nowhere") && reason.contains("exit code 20"), "{reason}");
        // the same commit with another template: at once, since nothing of this deploy has failed
        broken.write("0002_broken.sql", "SELECT 1;");
        let again = workload.start("shop-web-66b7d-one", db, &broken).run().expect(0);
        assert_eq!(led(&[again]), 1);
    }

    fn what_the_manifest_does_not_say_is_no_guess_and_a_reason_that_nobody_reads_holds_up_nothing(db) {
        let migrations = Migrations::counted(1).file("0002_broken.sql", "INSERT INTO nowhere VALUES (1);");
        // neither downward API nor host name
        let pod = || Bellwether::new("deploy").on(db).migrations(&migrations).env("KUBERNETES_SERVICE_HOST", "10.0.0.1");
        pod().config("leader: shop-worker-0").run().expect(2).explains(&["shop-worker-0", "downward API"]);
        Bellwether::new("deploy").on(db).env("KUBERNETES_SERVICE_HOST", "10.0.0.1").args(["--", "true"]).run().expect(2).explains(&["--release"]);
        for file in ["/dev/full", "/nowhere/termination-log", "/"] {
            let elected = pod().env("BELLWETHER_TERMINATION_LOG", file).env("BELLWETHER_DEPLOY", "").release(file).run().expect(10);
            elected.explains(&["nowhere"]);
        }
    }

    fn what_a_command_says_of_passwords_is_neither_recorded_nor_left_as_the_reason(db) {
        let reason = db.folder().join("termination-log");
        fs::write(&reason, "").unwrap();
        let script = "echo postgres://shop:s3cr3t@db/shop; echo it is broken; exit 3";
        let pod = Bellwether::new("lead").on(db).env("KUBERNETES_SERVICE_HOST", "10.0.0.1").env("HOSTNAME", "shop-web-0");
        let pod = pod.env("BELLWETHER_TERMINATION_LOG", &reason).release("r1").file("migrate", script);
        pod.args(["--", "sh", "migrate"]).run().expect(10);
        let recorded = db.column("select error from bellwether_runs").join("");
        for told in [fs::read_to_string(reason).unwrap(), recorded] {
            assert!(told.contains("it is broken") && told.contains("@db/shop") && !told.contains("s3cr3t"), "{told}");
        }
    }

    fn the_first_pod_of_a_stateful_set_leads_and_a_deployment_follows(db) {
        let migrations = Migrations::counted(2);
        let (leader, followers) = Workload::two("leader-statefulset.yaml", "StatefulSet", "Deployment");
        let waiting: Vec<_> = (0..3).map(|pod| followers.start(&format!("shop-web-5d4f8-{pod}"), db, &migrations).spawn()).collect();
        for one in &waiting {
            one.wait_for_event("waiting", SOON);
        }
        let leader = leader.start("shop-worker-0", db, &migrations).run().expect(0);
        assert_eq!(leader.outcome()["role"], "lead");
        for follower in wait(waiting) {
            assert_eq!(follower.expect(0).outcome()["role"], "follow");
        }
    }

    fn a_job_leads_and_a_deployment_follows_with_its_failure_too(db) {
        let gate = db.gate();
        let migrations = Migrations::counted(1).file("0002_broken.sql", format!("{}INSERT INTO nowhere VALUES (1);", gate.sql()));
        let (job, followers) = Workload::two("leader-job.yaml", "Job", "Deployment");
        let leader = job.start("shop-migrate-4f2c1d9-x2x1z", db, &migrations).spawn();
        at_its_second_step(&leader);
        let follower = followers.start("shop-web-5d4f8-one", db, &migrations).spawn();
        follower.wait_for_event("watching", SOON);
        gate.open();
        let failed = leader.wait(SOON).expect(10);
        let fatal = &job.spec()["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"];
        assert!(sequence(fatal).iter().any(|code| code.as_i64() == failed.code.map(i64::from)), "{fatal:?}");
        follower.wait(SOON).expect(20).explains(&["nowhere"]);
        // mended, and a Job for that; pods of the same Deployment are started again all the time
        migrations.write("0002_broken.sql", "SELECT 1;");
        job.start("shop-migrate-4f2c1d9-y3y2a", db, &migrations).run().expect(0);
        followers.start("shop-web-5d4f8-one", db, &migrations).run().expect(0);
    }

    fn what_helm_and_argo_cd_run_before_an_upgrade_leads(db) {
        let migrations = Migrations::counted(2);
        for manifest in ["helm-hook.yaml", "argocd-presync.yaml"] {
            let job = Workload::of(manifest, "Job").start("shop-migrate-x2x1z", db, &migrations).run().expect(0);
            assert_eq!(job.outcome()["role"], "lead", "{manifest}");
        }
        assert_eq!(db.applied(), ["0001", "0002"]);
    }

    fn a_tool_of_the_own_image_runs_once_under_an_installed_binary(db) {
        let workload = Workload::of("own-image.yaml", "Deployment");
        let tools = db.folder().join("tools");
        fs::create_dir(&tools).unwrap();
        let install = &workload.containers()[0];
        let words: Vec<_> = install.argv[1..].iter().map(|word| word.replace("/tools", tools.to_str().unwrap())).collect();
        Bellwether::bare().args(words).run().expect(0);
        assert!(tools.join("bellwether").exists(), "where the second one starts it");
        let log = db.folder().join("log");
        let pods = (0..6).map(|pod| {
            let pod = workload.bellwether(&format!("shop-web-5d4f8-{pod}"), &[]).on(db);
            rails(pod.folder(), &log);
            pod.spawn()
        });
        let pods: Vec<_> = wait(pods.collect()).into_iter().map(|pod| pod.expect(0)).collect();
        assert_eq!(led(&pods), 1);
        assert_eq!(fs::read_to_string(log).unwrap(), "db:migrate\n");
    }
}

/// Stands for the application's tool: one line in the log for each start.
fn rails(folder: &Path, log: &Path) {
    let program = folder.join("bin/rails");
    fs::create_dir(program.parent().unwrap()).unwrap();
    fs::write(&program, format!("#!/bin/sh\necho \"$@\" >>'{}'\n", log.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
}
