//! `wasi:keyvalue@0.2.0-draft`.

crate::both_drafts!(draft);

/// The draft's cursors are numbers.
fn as_cursor(cursor: &u64) -> u64 {
    *cursor
}

pub(crate) fn run(identifier: &str, command: &[&str]) -> Answer {
    let bucket = open(identifier)?;
    if let Some(answer) = common(&bucket, identifier, command) {
        return answer;
    }
    match command[0] {
        "cursor" => {
            let cursor = word(command, 1).parse().ok();
            let page = bucket.list_keys(cursor).map_err(text)?;
            Ok(page.keys.len().to_string())
        }
        "increment" => {
            let delta = word(command, 2).parse().unwrap_or_default();
            let sum = atomics::increment(&bucket, word(command, 1), delta);
            sum.map(|sum| sum.to_string()).map_err(text)
        }
        "get-many" => {
            let keys: Vec<String> = command[1..].iter().map(|&key| key.to_owned()).collect();
            let pairs = batch::get_many(&bucket, &keys).map_err(text)?;
            let values = pairs
                .into_iter()
                .map(|pair| shown(pair.map(|(_, value)| value)));
            Ok(values.collect::<Vec<_>>().join(" "))
        }
        _ => Err("unknown command".to_owned()),
    }
}
