//! `wasi:keyvalue@0.2.0-draft2`.

crate::both_drafts!(draft2);

use atomics::{Cas, CasError, swap};

/// The draft's cursors are text.
fn as_cursor(cursor: &String) -> &str {
    cursor
}

pub(crate) fn run(held: &mut Option<Cas>, identifier: &str, command: &[&str]) -> Answer {
    let bucket = open(identifier)?;
    if let Some(answer) = common(&bucket, identifier, command) {
        return answer;
    }
    let (first, second) = (word(command, 1), word(command, 2));
    match command[0] {
        "cursor" => {
            let page = bucket.list_keys(Some(first)).map_err(text)?;
            Ok(page.keys.len().to_string())
        }
        "increment" => {
            let delta = second.parse().unwrap_or_default();
            let sum = atomics::increment(&bucket, first, delta);
            sum.map(|sum| sum.to_string()).map_err(text)
        }
        "get-many" => {
            let keys: Vec<String> = command[1..].iter().map(|&key| key.to_owned()).collect();
            let pairs = batch::get_many(&bucket, &keys).map_err(text)?;
            let values = pairs.into_iter().map(|(_, value)| shown(value));
            Ok(values.collect::<Vec<_>>().join(" "))
        }
        "cas" => {
            let cas = Cas::new(&bucket, first).map_err(text)?;
            let before = shown(cas.current().map_err(text)?);
            Ok(format!(
                "{before} {}",
                said(swap(cas, second.as_bytes()), second)
            ))
        }
        "cas-late" => {
            let cas = Cas::new(&bucket, first).map_err(text)?;
            bucket.set(first, b"between").map_err(text)?;
            Ok(said(swap(cas, second.as_bytes()), second))
        }
        "cas-hold" => {
            *held = Some(Cas::new(&bucket, first).map_err(text)?);
            Ok("ok".to_owned())
        }
        "cas-swap" => match held.take() {
            Some(cas) => Ok(said(swap(cas, first.as_bytes()), first)),
            None => Err("none held".to_owned()),
        },
        _ => Err("unknown command".to_owned()),
    }
}

/// What came of a swap; one that fails is tried again, with the handle that came of it.
fn said(swapped: Result<(), CasError>, value: &str) -> String {
    match swapped {
        Ok(()) => "swapped".to_owned(),
        Err(CasError::StoreError(error)) => format!("error={}", text(error)),
        Err(CasError::CasFailed(again)) => {
            let there = again.current().map(shown).unwrap_or_else(text);
            format!(
                "failed there={there} {}",
                said(swap(again, value.as_bytes()), value)
            )
        }
    }
}
