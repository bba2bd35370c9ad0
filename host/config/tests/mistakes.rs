//! Every mistake that a wasket.toml can have, and what is said about it: each `mistakes/NAME.toml` is answered
//! with exactly `mistakes/NAME.txt`. `WASKET_WRITE=1 cargo test -p wasket-config` writes the answers anew; read
//! them before committing.

use std::fs;
use std::path::{Path, PathBuf};
use wasket_config::{Objection, load, load_and_examine};

// hardening H30
#[test]
fn every_mistake_is_shown_at_its_line() {
    let mut wrong = Vec::new();
    for file in files() {
        let problems = load(&file).expect_err("no mistake was found").to_string();
        let answer = format!("{}\n", relative(&problems));
        let expected = file.with_extension("txt");
        if std::env::var_os("WASKET_WRITE").is_some() {
            fs::write(&expected, &answer).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != answer {
            wrong.push(format!("{}:\n{answer}", file.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "other than expected:\n{}",
        wrong.join("\n")
    );
}

// hardening H30
#[test]
fn what_is_found_in_a_file_is_shown_where_the_file_is_named() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("objection.toml");
    fs::write(folder.join("a.pem"), "").unwrap();
    let text = "[[listen]]\n[listen.tls]\nchain = \"a.pem\"\n\
                [service.echo]\npath = \"/echo\"\nnative = \"echo\"\n";
    fs::write(&file, text).unwrap();
    let objection = |name: &str| Objection {
        file: folder.join(name),
        fault: "has expired".to_owned(),
        help: "renew it".to_owned(),
    };
    assert!(load(&file).is_ok());
    let problems = load_and_examine(&file, |_| vec![objection("a.pem")]).unwrap_err();
    let shown = problems.to_string();
    for part in ["a.pem has expired", "objection.toml:3:9", "help: renew it"] {
        assert!(shown.contains(part), "no {part} in\n{shown}");
    }
    let problems = load_and_examine(&file, |_| vec![objection("b.pem")]).unwrap_err();
    assert!(problems.position(&problems.mistakes()[0]).is_none());
}

#[test]
fn every_transcript_belongs_to_a_mistake() {
    let configurations = files();
    assert!(configurations.len() >= 25, "{}", configurations.len());
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        assert!(
            configurations.contains(&path.with_extension("toml")),
            "{}",
            path.display()
        );
    }
}

// hardening H17
#[test]
fn what_is_in_a_file_does_not_reach_the_terminal() {
    let problems = load(&folder().join("control_characters.toml")).unwrap_err();
    assert!(!problems.to_string().contains('\u{1b}'));
    let colours = problems.coloured();
    assert!(
        !colours.contains("\u{1b}[31m") && !colours.contains("\u{1b}[2J"),
        "{colours}"
    );
}

#[test]
fn positions_count_from_one() {
    let problems = load(&folder().join("unknown_key.toml")).unwrap_err();
    let first = &problems.mistakes()[0];
    let position = problems.position(first).unwrap();
    assert_eq!((position.line, position.column), (2, 1));
    assert_eq!(first.title(), "unknown key `worker` in [host]");
    assert_eq!(first.help(), Some("did you mean `workers`?"));
}

// hardening H30
#[test]
fn a_file_that_cannot_be_read_is_named() {
    let own = folder().join("syntax.toml");
    let cases = [
        (folder().join("nowhere.toml"), "does not exist"),
        (folder(), "is a directory"),
        (own.join("wasket.toml"), "cannot be read"),
    ];
    for (path, what) in cases {
        let problems = load(&path).unwrap_err().to_string();
        let expected = format!("error: {} {what}", path.display());
        assert!(problems.starts_with(&expected), "{problems}");
    }
    let bytes = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("not_text.toml");
    fs::write(&bytes, b"path = \"\xff\"").unwrap();
    assert!(
        load(&bytes)
            .unwrap_err()
            .to_string()
            .contains("is not text")
    );
}

fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes")
}

/// The transcripts are the same wherever the project lies.
fn relative(problems: &str) -> String {
    problems.replace(&format!("{}/", folder().display()), "")
}
