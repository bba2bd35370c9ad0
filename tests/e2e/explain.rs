//! `wasket explain`.

use crate::host::run;

// parity C4
#[test]
fn a_setting_is_explained_where_it_is_typed() {
    for arguments in [
        &["explain", "event_time"][..],
        &["explain", "service.event_time"],
        &["explain", "[service]", "event_time"],
    ] {
        let (code, out, err) = run(arguments);
        assert_eq!((code, &*err), (Some(0), ""), "{arguments:?}");
        for part in [
            "[service.NAME], [defaults] event_time\n",
            "default: \"100ms\"",
        ] {
            assert!(out.contains(part), "{out}");
        }
    }
    let (code, out, _) = run(&["explain"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("[[listen]]\n  address\n"), "{out}");
    for (key, told) in [
        ("evnt_time", "did you mean `event_time`?"),
        ("host.event_time", "belongs in [service.NAME]"),
        ("\u{1b}[31m", "no setting is called"),
    ] {
        let (code, out, err) = run(&["explain", key]);
        assert_eq!((code, &*out), (Some(2), ""), "{key}");
        assert!(err.contains(told) && !err.contains('\u{1b}'), "{err}");
    }
}
