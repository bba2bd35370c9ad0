//! Any sequence of writes leaves every store as it leaves a map.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use wasket_store::{Error, Number, ROW_BYTES, Store, Write, Written};

use crate::{each, row, write};

const BYTES_MAX: u64 = 60 + 2 * ROW_BYTES;

fn key() -> impl Strategy<Value = String> {
    "[ab]{0,2}"
}

fn writes() -> impl Strategy<Value = Write> {
    let value = || vec(any::<u8>(), 0..20);
    prop_oneof![
        vec((key(), value()), 0..4).prop_map(Write::Set),
        vec(key(), 0..4).prop_map(Write::Delete),
        (key(), -20_i128..20, any::<bool>()).prop_map(|(key, delta, signed)| Write::Increment {
            key,
            delta,
            number: if signed {
                Number::Signed
            } else {
                Number::Unsigned
            },
        }),
        (key(), any::<bool>(), value()).prop_map(|(key, current, value)| Write::Swap {
            key,
            // Stands for the right one, or for one that never was.
            revision: current.then_some(0),
            value,
        }),
    ]
}

type Model = BTreeMap<String, Vec<u8>>;

fn size(model: &Model) -> u64 {
    let row = |(key, value): (&String, &Vec<u8>)| (key.len() + value.len()) as u64 + ROW_BYTES;
    model.iter().map(row).sum()
}

/// What a write makes of a map; `None` where it is refused.
fn after(model: &Model, write: &Write) -> Option<Model> {
    let mut next = model.clone();
    match write {
        Write::Set(pairs) => next.extend(pairs.iter().cloned()),
        Write::Delete(keys) => keys.iter().for_each(|key| drop(next.remove(key))),
        Write::Increment { key, delta, number } => {
            let text = next.get(key).cloned().unwrap_or_else(|| b"0".to_vec());
            let now: i128 = String::from_utf8(text).ok()?.parse().ok()?;
            let fits = |it: i128| match number {
                Number::Unsigned => u64::try_from(it).is_ok(),
                Number::Signed => i64::try_from(it).is_ok(),
            };
            if !fits(now) || !fits(now + delta) {
                return None;
            }
            next.insert(key.clone(), (now + delta).to_string().into_bytes());
        }
        Write::Swap { key, value, .. } => drop(next.insert(key.clone(), value.clone())),
    }
    let (now, then) = (size(model), size(&next));
    (then <= BYTES_MAX || then <= now).then_some(next)
}

async fn run(store: &dyn Store, name: &str, sequence: &[Write]) {
    let mut model = Model::new();
    for step in sequence {
        let mut step = step.clone();
        let mut stale = false;
        if let Write::Swap { key, revision, .. } = &mut step {
            let now = row(store, key).await.map(|row| row.revision);
            stale = revision.is_none();
            *revision = if stale { Some(u64::MAX) } else { now };
        }
        let written = write(store, step.clone()).await;
        match (stale, after(&model, &step)) {
            (true, _) => assert!(matches!(written, Ok(Written::Changed(_))), "{written:?}"),
            (false, Some(next)) => {
                assert!(written.is_ok(), "{name}: {step:?}: {written:?}");
                model = next;
            }
            (false, None) => {
                let refused = matches!(
                    written,
                    Err(Error::Full { .. } | Error::NoNumber | Error::OutOfRange)
                );
                assert!(refused, "{name}: {step:?}: {written:?}");
            }
        }
        let page = store.keys(None).await.unwrap();
        assert_eq!(page.keys, model.keys().cloned().collect::<Vec<_>>());
        let rows = store.read(page.keys).await.unwrap();
        let values: Vec<_> = rows.into_iter().map(|row| row.unwrap().value).collect();
        assert_eq!(
            values,
            model.values().cloned().collect::<Vec<_>>(),
            "{name}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_store_is_a_map_with_a_limit(sequence in vec(writes(), 1..24)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            for bench in each(BYTES_MAX) {
                run(&*bench.store, bench.name, &sequence).await;
            }
        });
    }
}
