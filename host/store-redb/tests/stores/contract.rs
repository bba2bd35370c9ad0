//! What every store does alike.

use wasket_store::{
    BATCH_BYTES_MAX, BATCH_KEYS_MAX, Error, KEY_BYTES_MAX, Number, PAGE_KEYS_MAX, ROW_BYTES,
    VALUE_BYTES_MAX, Write, Written,
};

use crate::{PLENTY, each, row, set, value, write};

#[tokio::test]
async fn what_is_set_is_there_until_it_is_deleted() {
    for bench in each(PLENTY) {
        let store = &*bench.store;
        assert_eq!(value(store, "a").await, None, "{}", bench.name);
        set(store, "a", b"1").await.unwrap();
        set(store, "a", b"22").await.unwrap();
        set(store, "", b"").await.unwrap();
        assert_eq!(value(store, "a").await.unwrap(), b"22");
        assert_eq!(value(store, "").await.unwrap(), b"");
        let all = vec!["b".into(), "a".into(), String::new()];
        let rows = store.read(all.clone()).await.unwrap();
        let there: Vec<bool> = rows.iter().map(Option::is_some).collect();
        assert_eq!(there, [false, true, true]);
        write(store, Write::Delete(all)).await.unwrap();
        assert_eq!(value(store, "a").await, None);
        assert_eq!(value(store, "").await, None);
        assert_eq!(store.keys(None).await.unwrap().keys, Vec::<String>::new());
    }
}

// hardening H29
#[tokio::test]
async fn limits_hold_at_their_edges() {
    for bench in each(PLENTY) {
        let store = &*bench.store;
        let key = |bytes: usize| "k".repeat(bytes);
        let long = KEY_BYTES_MAX + 1;
        assert!(set(store, &key(KEY_BYTES_MAX), b"").await.is_ok());
        assert_eq!(set(store, &key(long), b"").await, Err(Error::LongKey(long)));
        let read = store.read(vec![key(long)]).await;
        assert_eq!(read, Err(Error::LongKey(long)));
        let revision = store.revision(key(long)).await;
        assert_eq!(revision, Err(Error::LongKey(long)));

        let large = vec![7; VALUE_BYTES_MAX + 1];
        assert!(set(store, "v", &large[1..]).await.is_ok());
        let refused = set(store, "v", &large).await;
        assert_eq!(refused, Err(Error::LongValue(large.len())));
        assert_eq!(value(store, "v").await.unwrap().len(), VALUE_BYTES_MAX);

        let keys: Vec<String> = (0..=BATCH_KEYS_MAX).map(|n| n.to_string()).collect();
        let most = keys[1..].to_vec();
        let too_many = Err(Error::ManyKeys(keys.len()));
        assert!(store.read(most.clone()).await.is_ok());
        assert_eq!(store.read(keys.clone()).await.map(drop), too_many);
        assert!(write(store, Write::Delete(most)).await.is_ok());
        let refused = write(store, Write::Delete(keys)).await;
        assert_eq!(refused.map(drop), too_many);

        // Four whole values with their keys are just too much, written or read.
        let pairs = |count: usize, less: usize| -> Vec<(String, Vec<u8>)> {
            let value = vec![1; VALUE_BYTES_MAX - less];
            (0..count)
                .map(|n| (format!("{n:04}"), value.clone()))
                .collect()
        };
        let count = BATCH_BYTES_MAX / VALUE_BYTES_MAX;
        let refused = write(store, Write::Set(pairs(count, 3))).await;
        assert_eq!(refused, Err(Error::LargeBatch));
        assert!(write(store, Write::Set(pairs(count, 4))).await.is_ok());
        let names = |count: usize| (0..count).map(|n| format!("{n:04}")).collect::<Vec<_>>();
        assert!(store.read(names(count)).await.is_ok());
        set(store, &names(count + 1)[count], &[0; 17])
            .await
            .unwrap();
        let read = store.read(names(count + 1)).await;
        assert_eq!(read, Err(Error::LargeBatch), "{}", bench.name);
    }
}

// hardening H29
#[tokio::test]
async fn a_full_store_takes_what_makes_it_no_larger() {
    // Room for two keys of ten bytes with their values, or for one that has more.
    let bytes_max = 10 + 2 * ROW_BYTES;
    let one = vec![1; 73];
    for bench in each(bytes_max) {
        let store = &*bench.store;
        let full = Err(Error::Full { bytes_max });
        assert!(set(store, "a", &one).await.is_ok());
        assert_eq!(set(store, "b", b"").await, full);
        assert_eq!(set(store, "a", &[1; 74]).await, full);
        assert!(set(store, "a", &[2; 73]).await.is_ok());
        let both = vec![("a".into(), vec![1; 4]), ("b".into(), vec![2; 5])];
        assert_eq!(write(store, Write::Set(both.clone())).await, full);
        assert_eq!(value(store, "a").await.unwrap(), [2; 73], "{}", bench.name);
        // Of a key that comes twice, the last counts.
        let twice = [
            vec![("b".into(), vec![3; 9])],
            both[..1].to_vec(),
            vec![("b".into(), vec![4; 4])],
        ];
        assert!(write(store, Write::Set(twice.concat())).await.is_ok());
        assert_eq!(value(store, "b").await.unwrap(), [4; 4]);
        write(store, Write::Delete(vec!["a".into(), "a".into()]))
            .await
            .unwrap();
        assert!(set(store, "c", b"1234").await.is_ok());
        assert_eq!(set(store, "d", b"").await, full);
    }
}

#[tokio::test]
async fn numbers_are_decimal_text_and_stay_in_their_range() {
    let add = |key: &str, delta: i128, number: Number| Write::Increment {
        key: key.to_owned(),
        delta,
        number,
    };
    use Number::{Signed, Unsigned};
    let (most, signed_most, least) = (
        i128::from(u64::MAX),
        i128::from(i64::MAX),
        i128::from(i64::MIN),
    );
    for bench in each(PLENTY) {
        let store = &*bench.store;
        let cases = [
            ("u", 5, Unsigned, Ok(Written::Sum(5))),
            ("u", most - 5, Unsigned, Ok(Written::Sum(most))),
            ("u", 1, Unsigned, Err(Error::OutOfRange)),
            ("u", 0, Signed, Err(Error::NoNumber)),
            ("s", signed_most, Signed, Ok(Written::Sum(signed_most))),
            ("s", 1, Signed, Err(Error::OutOfRange)),
            ("t", least, Signed, Ok(Written::Sum(least))),
            ("t", -1, Signed, Err(Error::OutOfRange)),
            ("t", 1, Unsigned, Err(Error::NoNumber)),
            ("n", -3, Signed, Ok(Written::Sum(-3))),
            ("n", 4, Signed, Ok(Written::Sum(1))),
            ("n", 1, Unsigned, Ok(Written::Sum(2))),
            ("text", 1, Signed, Err(Error::NoNumber)),
            ("bytes", 1, Signed, Err(Error::NoNumber)),
        ];
        set(store, "text", b"one").await.unwrap();
        set(store, "bytes", b"\xff").await.unwrap();
        for (key, delta, number, expected) in cases {
            let written = write(store, add(key, delta, number)).await;
            assert_eq!(written, expected, "{key} {delta} {}", bench.name);
        }
        assert_eq!(value(store, "n").await.unwrap(), b"2");
        assert_eq!(value(store, "text").await.unwrap(), b"one");
    }
}

#[tokio::test]
async fn a_swap_happens_only_to_what_has_not_changed() {
    let swap = |revision, value: &[u8]| Write::Swap {
        key: "a".into(),
        revision,
        value: value.to_vec(),
    };
    for bench in each(PLENTY) {
        let store = &*bench.store;
        assert_eq!(write(store, swap(None, b"1")).await, Ok(Written::Done));
        let first = row(store, "a").await.unwrap().revision;
        assert_eq!(store.revision("a".into()).await, Ok(Some(first)));
        let changed = Ok(Written::Changed(Some(first)));
        assert_eq!(write(store, swap(None, b"2")).await, changed);
        assert_eq!(
            write(store, swap(Some(first), b"2")).await,
            Ok(Written::Done)
        );
        let second = row(store, "a").await.unwrap().revision;
        assert!(second > first, "{}", bench.name);
        // The same value again is a change.
        set(store, "a", b"2").await.unwrap();
        let stale = write(store, swap(Some(second), b"3")).await;
        assert!(matches!(stale, Ok(Written::Changed(Some(third))) if third > second));
        // So is what was deleted and written again.
        let third = row(store, "a").await.unwrap().revision;
        write(store, Write::Delete(vec!["a".into()])).await.unwrap();
        let gone = write(store, swap(Some(third), b"4")).await;
        assert_eq!(gone, Ok(Written::Changed(None)));
        set(store, "a", b"2").await.unwrap();
        assert_ne!(row(store, "a").await.unwrap().revision, third);
    }
}

#[tokio::test]
async fn pages_are_sorted_and_whole() {
    for bench in each(PLENTY) {
        let store = &*bench.store;
        let count = PAGE_KEYS_MAX * 2 + 1;
        let names: Vec<String> = (0..count).map(|n| format!("{n:05}")).collect();
        for some in names.chunks(BATCH_KEYS_MAX) {
            let pairs = some.iter().rev().map(|key| (key.clone(), Vec::new()));
            write(store, Write::Set(pairs.collect())).await.unwrap();
        }
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = store.keys(after).await.unwrap();
            assert!(page.keys.len() <= PAGE_KEYS_MAX);
            after = page.keys.last().cloned();
            found.extend(page.keys);
            if !page.has_more {
                break;
            }
        }
        assert!(found == names, "{}", bench.name);
        // An end that is not there any more leads on all the same.
        let page = store.keys(Some("019995".into())).await.unwrap();
        assert_eq!(
            (page.keys.as_slice(), page.has_more),
            (&names[2000..], false)
        );
    }
}

#[tokio::test]
async fn a_closed_store_does_nothing() {
    for bench in each(PLENTY) {
        let store = &*bench.store;
        set(store, "a", b"1").await.unwrap();
        store.close().await.unwrap();
        assert_eq!(store.read(vec!["a".into()]).await, Err(Error::Closed));
        assert_eq!(
            set(store, "a", b"2").await,
            Err(Error::Closed),
            "{}",
            bench.name
        );
    }
}
