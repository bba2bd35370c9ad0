//! Uses all of `wasi:keyvalue`, in both drafts, on command: see README.md.
#![cfg(target_family = "wasm")]

mod first;
mod second;

use wasket_guest::{Behavior, Message, Session};

#[allow(unsafe_code, unused_qualifications, clippy::all, reason = "generated")]
mod draft {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package wasket:kvprobe-first;
            world imports {
                import wasi:keyvalue/store@0.2.0-draft;
                import wasi:keyvalue/atomics@0.2.0-draft;
                import wasi:keyvalue/batch@0.2.0-draft;
            }
        ",
        world: "wasket:kvprobe-first/imports",
        generate_all,
    });
    pub(crate) use self::wasi::keyvalue0_2_0_draft::{atomics, batch, store};
}

#[allow(unsafe_code, unused_qualifications, clippy::all, reason = "generated")]
mod draft2 {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package wasket:kvprobe-second;
            world imports {
                import wasi:keyvalue/store@0.2.0-draft2;
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
            }
        ",
        world: "wasket:kvprobe-second/imports",
        generate_all,
    });
    pub(crate) use self::wasi::keyvalue0_2_0_draft2::{atomics, batch, store};
}

#[derive(Default)]
struct Probe {
    held: Option<draft2::atomics::Cas>,
}

impl Behavior for Probe {
    fn open(_session: Session) -> Self {
        Self::default()
    }

    fn message(&mut self, session: Session, message: Message) {
        let Message::Text(text) = message else {
            return;
        };
        let text = match text.strip_prefix("loud ") {
            Some(text) => {
                let _ = session.send("began");
                text
            }
            None => &text,
        };
        let mut words = text.splitn(3, ' ');
        let (draft, store) = (words.next(), words.next().unwrap_or_default());
        let command: Vec<&str> = words.next().unwrap_or_default().split(' ').collect();
        let answer = match draft {
            Some("1") => first::run(store, &command),
            Some("2") => second::run(&mut self.held, store, &command),
            _ => Err("no such draft".to_owned()),
        };
        let _ = session.send(answer.unwrap_or_else(|error| format!("error={error}")));
    }
}

wasket_guest::export!(Probe);

/// What came of a command.
type Answer = Result<String, String>;

fn word<'a>(command: &[&'a str], n: usize) -> &'a str {
    command.get(n).copied().unwrap_or_default()
}

fn number(command: &[&str], n: usize) -> usize {
    word(command, n).parse().unwrap_or_default()
}

fn shown(value: Option<Vec<u8>>) -> String {
    value.map_or_else(
        || "none".to_owned(),
        |value| String::from_utf8_lossy(&value).into_owned(),
    )
}

fn pair(text: &str) -> (String, Vec<u8>) {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    (key.to_owned(), value.as_bytes().to_vec())
}

/// Keys as `fill` writes them.
fn filling(command: &[&str]) -> Vec<(String, Vec<u8>)> {
    let value = vec![b'v'; number(command, 2)];
    let keys = 0..number(command, 1);
    keys.map(|n| (format!("{n:06}"), value.clone())).collect()
}

/// What is the same in both drafts, but of types of their own.
#[macro_export]
macro_rules! both_drafts {
    ($draft:ident) => {
        use store::Bucket;
        use $crate::$draft::{atomics, batch, store};
        use $crate::{Answer, filling, number, pair, shown, word};

        fn text(error: store::Error) -> String {
            match error {
                store::Error::NoSuchStore => "no-such-store".to_owned(),
                store::Error::AccessDenied => "access-denied".to_owned(),
                store::Error::Other(why) => why,
            }
        }

        fn done(result: Result<(), store::Error>) -> Answer {
            result.map(|()| "ok".to_owned()).map_err(text)
        }

        fn open(identifier: &str) -> Result<Bucket, String> {
            store::open(identifier).map_err(text)
        }

        /// `None` for a command that differs.
        fn common(bucket: &Bucket, identifier: &str, command: &[&str]) -> Option<Answer> {
            let (first, second) = (word(command, 1), word(command, 2));
            let keys = || {
                command[1..]
                    .iter()
                    .map(|&key| key.to_owned())
                    .collect::<Vec<_>>()
            };
            Some(match command[0] {
                "open" => Ok("ok".to_owned()),
                "get" => bucket.get(first).map(shown).map_err(text),
                "set" => done(bucket.set(first, second.as_bytes())),
                "set-bytes" => done(bucket.set(first, &vec![b'v'; number(command, 2)])),
                "set-key" => done(bucket.set(&"k".repeat(number(command, 1)), b"")),
                "delete" => done(bucket.delete(first)),
                "exists" => bucket.exists(first).map(|it| it.to_string()).map_err(text),
                "list" => list(bucket),
                "set-many" => {
                    let pairs: Vec<_> = command[1..].iter().map(|text| pair(text)).collect();
                    done(batch::set_many(bucket, &pairs))
                }
                "fill" => done(batch::set_many(bucket, &filling(command))),
                "delete-many" => done(batch::delete_many(bucket, &keys())),
                "handles" => {
                    let mut opened = Vec::new();
                    let error = loop {
                        match open(identifier) {
                            Ok(bucket) => opened.push(bucket),
                            Err(error) => break error,
                        }
                    };
                    Ok(format!("{} {error}", opened.len()))
                }
                _ => return None,
            })
        }

        fn list(bucket: &Bucket) -> Answer {
            let (mut pages, mut keys, mut cursor) = (0, Vec::new(), None);
            loop {
                let page = bucket
                    .list_keys(cursor.as_ref().map(as_cursor))
                    .map_err(text)?;
                pages += 1;
                keys.extend(page.keys);
                cursor = page.cursor;
                if cursor.is_none() {
                    break;
                }
            }
            let sorted = keys.is_sorted();
            let (first, last) = (keys.first(), keys.last());
            Ok(format!(
                "{pages} {} {first:?} {last:?} sorted={sorted}",
                keys.len()
            ))
        }
    };
}
