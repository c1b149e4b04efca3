//! How commands end by themselves, well or badly, and what they may do on the way. Mostly on SQLite: no server has a
//! part in it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::pty::{Winsize, openpty};

use super::{
    COUNTED, SOON, Shell as _, assert_nothing_is_left, assert_the_lock_is_free, leader, leader_with, lines,
    own_folder, participant, statuses, wait_for_file,
};
use crate::support::{Bellwether, TestDatabase, on_every_server, on_servers, tool};

/// What the leader may take at most, in KiB, whatever its command writes.
const MEMORY: u64 = 40 * 1024;

/// Writes without a line's end, then leaves the peak of the leader's memory; the guard is the shell's parent.
const FLOOD: &str = "head -c BYTES /dev/zero | tr '\\0' x;
    leader=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$PPID/status);
    sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$leader/status > $0/peak";

fn assert_fails(db: &TestDatabase, leader: Bellwether, texts: &[&str]) {
    leader.run().expect(10).explains(texts);
    assert_nothing_is_left(db, Duration::ZERO);
    assert_eq!(statuses(db), ["failed"]);
    assert_the_lock_is_free(db);
}

fn floods(db: &TestDatabase, output: &str, bytes: &str) {
    let script = FLOOD.replace("BYTES", bytes);
    let status = Command::new(env!("CARGO_BIN_EXE_bellwether"))
        .args(["lead", "--output", output, "--release", db.name(), "--", "sh", "-c", &script])
        .arg(db.folder())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("DATABASE_URL", db.url())
        .current_dir(db.folder())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    let peak: u64 = lines(db, "peak")[0].parse().unwrap();
    assert!(peak < MEMORY, "{peak} KiB");
    assert_the_lock_is_free(db);
}

on_servers! { [sqlite Sqlite]
    fn a_command_that_is_not_there(db) {
        let leader = participant("lead", db).args(["--", "no-such-program", "x"]);
        assert_fails(db, leader, &["no-such-program", "No such file", "bellwether install PATH"]);
    }

    fn a_command_that_may_not_be_run(db) {
        let file = db.folder().join("plain.sh");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        let leader = participant("lead", db).arg("--").arg(&file);
        assert_fails(db, leader, &["plain.sh", "Permission denied", "chmod +x"]);
    }

    fn a_command_that_a_signal_ends(db) {
        assert_fails(db, leader(db, "kill -SEGV $$"), &["SIGSEGV"]);
    }

    fn a_command_that_is_killed(db) {
        assert_fails(db, leader(db, "echo so far; kill -9 $$"), &["SIGKILL", "so far", "out-of-memory"]);
    }

    fn a_command_that_writes_a_flood(db) {
        floods(db, "human", "200000000");
    }

    fn a_command_that_writes_a_flood_of_events(db) {
        floods(db, "json", "60000000");
    }

    fn no_shell_reads_its_arguments(db) {
        let words = ["$HOME; ls", "*", "", " two  words ", "--release", "it's \"quoted\"\n", "é"];
        let script = "shift; for word; do printf '<%s>' \"$word\"; done > $0/words";
        let leader = leader(db, script).arg("shifted").args(words);
        leader.run().expect(0);
        let wanted: String = words.iter().map(|word| format!("<{word}>")).collect();
        assert_eq!(fs::read_to_string(db.folder().join("words")).unwrap(), wanted);
    }

    fn the_last_200_lines_are_kept(db) {
        let finished = leader(db, "for i in $(seq 450); do echo \"line $i.\"; done; exit 3").run().expect(10);
        let error = finished.error();
        let kept: Vec<_> = error.lines().filter(|line| line.starts_with("line ")).collect();
        let wanted: Vec<_> = (251..=450).map(|number| format!("line {number}.")).collect();
        assert_eq!(kept, wanted);
    }

    fn the_guard_blocks_signals_for_itself_only(db) {
        leader(db, "grep '^SigBlk' /proc/self/status > $0/blocked").run().expect(0);
        assert_eq!(lines(db, "blocked"), ["SigBlk:\t0000000000000000"]);
    }

    fn a_command_that_closes_its_output_and_goes_on(db) {
        leader(db, "echo last words; exec >&- 2>&-; sleep 0.5; touch $0/done").run().expect(0);
        wait_for_file(db, "done");
        assert_eq!(statuses(db), ["succeeded"]);
        assert_the_lock_is_free(db);
    }

    fn a_command_that_reads_gets_the_end_at_once(db) {
        let finished = leader(db, "cat; echo read: $?").run().expect(0).says("read: 0");
        assert!(finished.elapsed < Duration::from_secs(10), "{:?}", finished.elapsed);
    }

    fn a_command_that_leaves_a_daemon_ends_with_it(db) {
        // one that keeps the output open, one that does not
        let finished = leader(db, "setsid -f sleep 60; setsid -f sleep 60 >/dev/null 2>&1; sleep 60 & exit 0").run().expect(0);
        assert!(finished.elapsed < Duration::from_secs(10), "{:?}", finished.elapsed);
        assert_nothing_is_left(db, Duration::ZERO);
        assert_the_lock_is_free(db);
    }

    fn the_check_has_to_succeed(db) {
        let check = "check: [sh, -c, 'echo smoke >> $0/checked; test ! -e $0/bad', \"${FOLDER}\"]";
        let lead = |script| leader_with(db, check, script).env("FOLDER", db.folder());
        lead("true").run().expect(0);
        assert_eq!(lines(db, "checked").len(), 1);
        lead("exit 1").run().expect(10).explains(&["the command sh"]);
        assert_eq!(lines(db, "checked").len(), 1, "a check after a failure");
        lead("touch $0/bad").run().expect(10).explains(&["the check after the command"]);
        assert_eq!(statuses(db), ["succeeded", "failed", "failed"]);
    }

    fn the_command_of_the_config_runs_in_its_folder(db) {
        let keys = "command: [sh, -c, 'pwd > where'], cwd: sub";
        let deploy = participant("deploy", db).config(keys);
        let folder = own_folder(&deploy).join("sub");
        fs::create_dir(&folder).unwrap();
        let where_to = folder.join("where");
        let running = deploy.spawn();
        running.wait_for_event("outcome", SOON);
        assert_eq!(fs::read_to_string(&where_to).unwrap().trim(), folder.to_str().unwrap());
        running.wait(SOON).expect(0);
    }

    fn what_follows_the_dashes_comes_before_the_config(db) {
        leader_with(db, "command: ['false']", COUNTED).run().expect(0);
        assert_eq!(lines(db, "ran").len(), 1);
    }

    fn a_folder_that_is_not_there_is_named(db) {
        let leader = leader_with(db, "cwd: no-such-folder", "true");
        assert_fails(db, leader, &["no-such-folder", "cwd"]);
    }

    fn without_release_and_migrations_nobody_knows_what_is_deployed(db) {
        for verb in ["deploy", "lead"] {
            let finished = Bellwether::new(verb).on(db).sh(db, COUNTED).run().expect(2);
            finished.explains(&["--release"]);
        }
        assert!(lines(db, "ran").is_empty());
    }

    fn its_output_comes_as_events_and_the_outcome_last(db) {
        // lines of seven bytes, so that no read ends with a whole character for long
        let finished = leader(db, "yes '€€' | head -c 700000").run().expect(0);
        let output = finished.events_named("output");
        let text: String = output.iter().filter_map(|event| event["text"].as_str()).collect();
        assert!(text == "€€\n".repeat(100_000), "{} of 700000 bytes", text.len());
        assert_eq!(finished.outcome()["exit"], 0);
        assert!(finished.stderr.is_empty(), "{}", finished.stderr);
    }

    fn its_output_for_people_is_passed_on_as_it_is(db) {
        let script = "printf '\\033[31mred\\033[0m 10%%\\r99%%\\n'";
        let finished = Bellwether::human("lead").on(db).release(db.name()).sh(db, script).run().expect(0);
        assert!(finished.stderr.contains("\u{1b}[31mred\u{1b}[0m 10%\r99%\n"), "{:?}", finished.stderr);
    }

    fn on_a_terminal_it_has_one_too_and_the_bottom_line_for_itself(db) {
        let size = Winsize { ws_row: 30, ws_col: 97, ws_xpixel: 0, ws_ypixel: 0 };
        let terminal = openpty(Some(&size), None).unwrap();
        // time enough for a spinner to come between
        let script = "test -t 1 && echo is one; stty size <&1; printf 10%%; sleep 0.5; printf '\\r99%%'; exit 3";
        let mut leader = Command::new(env!("CARGO_BIN_EXE_bellwether"));
        leader.args(["lead", "--release", db.name(), "--", "sh", "-c", script]).env_clear();
        leader.env("PATH", std::env::var_os("PATH").unwrap()).env("DATABASE_URL", db.url()).env("TERM", "xterm");
        let mut running = leader.current_dir(db.folder()).stderr(terminal.slave).stdout(Stdio::null()).spawn().unwrap();
        drop(leader); // and with it our copy of the other end
        let mut seen = Vec::new();
        // the end of a pty is an error
        let _ = fs::File::from(terminal.master).read_to_end(&mut seen);
        assert_eq!(running.wait().unwrap().code(), Some(10));
        let seen = String::from_utf8_lossy(&seen);
        assert!(seen.contains("is one\r\n30 97\r\n10%\r99%\r\n"), "{seen:?}");
    }

    fn orphans_are_reaped_when_we_are_the_first_process(db) {
        let unshared = ["--pid", "--fork", "--mount-proc"];
        let may = tool("unshare").is_some_and(|unshare| {
            Command::new(unshare).args(unshared).arg("true").status().is_ok_and(|status| status.success())
        });
        if !may {
            let _ = writeln!(std::io::stderr(), "\nskipped: the first process of a namespace (unshare is not allowed here)");
            return;
        }
        // orphans that end while the command goes on: nobody's children but the first process's, or the guard's
        let script = "for i in 1 2 3 4 5; do sh -c 'sleep 0.05 &'; setsid -f sleep 0.05; done; sleep 0.7;
            cat /proc/[0-9]*/stat | awk '$3 == \"Z\"' > $0/zombies; setsid -f sleep 60; echo $PPID > $0/parent; exit 0";
        let finished = Command::new("unshare")
            .args(unshared)
            .args([env!("CARGO_BIN_EXE_bellwether"), "lead", "--release", db.name(), "--", "sh", "-c", script])
            .arg(db.folder())
            .env("DATABASE_URL", db.url())
            .current_dir(db.folder())
            .output()
            .unwrap();
        assert_eq!(finished.status.code(), Some(0), "{}", String::from_utf8_lossy(&finished.stderr));
        assert!(db.folder().join("zombies").exists());
        assert!(lines(db, "zombies").is_empty(), "{:?}", lines(db, "zombies"));
        assert_nothing_is_left(db, Duration::from_secs(1));
    }
}

on_every_server! {
    fn a_bellwether_inside_its_own_command_does_not_wait_for_itself(db) {
        for inner in ["deploy", "lead", "follow"] {
            let more = if inner == "follow" { "" } else { " -- true" };
            let script = format!("{} {inner} --release {}{more}", env!("CARGO_BIN_EXE_bellwether"), db.name());
            let finished = leader(db, &script).run().expect(10);
            finished.explains(&["under bellwether's own lock"]);
        }
    }
}
