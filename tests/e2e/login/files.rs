//! Files of users that change while the host runs.

use std::fs;

use super::{HTPASSWD, enter, file, status};
use crate::host::{Host, run, wait_for, write_config};

// parity S2, hardening H30
#[test]
fn files_are_read_anew_when_they_change() {
    let users = file("users", HTPASSWD);
    let roles = file("roles", "");
    let host = Host::serve(&format!(
        "[auth.staff]\nscheme = \"basic\"\nusers = {users:?}\nroles = {roles:?}\n\
         failures_per_minute_max = \"off\"\n\
         [service.probe]\npath = \"/probe\"\nnative = \"echo\"\nauth = \"staff\"\nrequire_roles = [\"chat\"]"
    ));
    let enter = || status(enter(&host, "eve", "secret"));
    assert_eq!(enter(), 403);
    let mut open = None;
    fs::write(&roles, "eve: chat\n").unwrap();
    let entered = wait_for(|| {
        open = super::enter(&host, "eve", "secret").ok();
        open.is_some().then_some(())
    });
    assert!(entered.is_some(), "it is seen without a signal");

    // A mistake changes nothing, and is told once.
    fs::write(&users, format!("{HTPASSWD}mallory:secret\n")).unwrap();
    let line = HTPASSWD.lines().count() + 1;
    host.logged(&[
        "ERROR",
        &format!("{}:{line}: a plain password", users.display()),
    ]);
    assert_eq!(enter(), 101);

    fs::write(&users, HTPASSWD.replace("eve:", "eva:")).unwrap();
    host.signal("-HUP");
    assert!(wait_for(|| (enter() == 401).then_some(())).is_some());
    // A session is not ended by what becomes of its user.
    let mut open = open.unwrap();
    assert_eq!(open.ask("still there"), "still there");
    let mistakes = host.log();
    let mistakes = mistakes
        .iter()
        .filter(|line| line.contains("a plain password"));
    assert_eq!(mistakes.count(), 1);
}

// hardening H26, H30
#[cfg(unix)]
#[test]
fn users_that_everybody_can_read_are_warned_of() {
    use std::os::unix::fs::PermissionsExt;

    let users = file("users", HTPASSWD);
    let config = format!(
        "[auth.staff]\nscheme = \"basic\"\nusers = {users:?}\n\
         [service.probe]\npath = \"/probe\"\nnative = \"echo\"\nauth = \"staff\""
    );
    let warning = format!(
        "{} has hashes of passwords that every user",
        users.display()
    );
    let allow = |mode| fs::set_permissions(&users, fs::Permissions::from_mode(mode)).unwrap();
    let check = || run(&["check", write_config(&config).to_str().unwrap(), "--json"]).1;
    allow(0o640);
    let host = Host::serve(&config);
    host.logged(&["\"listening\""]);
    assert!(!host.log().join("\n").contains(&warning));
    assert!(check().contains("\"warnings\": []"), "{}", check());
    allow(0o644);
    assert!(check().contains(&warning), "{}", check());
    // Its being readable is a change, too.
    host.logged(&["WARN", &warning]);
    assert_eq!(status(enter(&host, "eve", "secret")), 101);
}
