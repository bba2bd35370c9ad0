//! What no service should do.

use wasip2::http::types::{ErrorCode, ResponseOutparam};

use crate::answer::{head, sleep, text, write};
use crate::query::Query;

pub(crate) fn commit(what: &str, out: ResponseOutparam, query: &Query) {
    match what {
        "trap-before" => panic!("before the answer"),
        "trap-mid" => begin(out, query, || panic!("in the middle of the answer")),
        "unfinished" => begin(out, query, || {}),
        "abort" => {
            let body = head(out, 200, &[]);
            if let Some(mut stream) = body.as_ref().and_then(|body| body.write().ok()) {
                write(&mut stream, b"half");
            }
            sleep(query.number("ms"));
            drop(body);
        }
        "never-set" => drop(out),
        "error" => {
            let code = match &*query.text("code") {
                "refused" => ErrorCode::ConnectionRefused,
                "timeout" => ErrorCode::ConnectionTimeout,
                _ => ErrorCode::InternalError(Some("of the guest's own\u{1b}".into())),
            };
            ResponseOutparam::set(out, Err(code));
        }
        "loop" => loop {
            std::hint::black_box(0);
        },
        "eat" => {
            let mut eaten = Vec::new();
            for _ in 0..query.number("mib").max(64) {
                eaten.push(vec![1_u8; 1 << 20]);
            }
            text(out, 200, &format!("{} MiB", eaten.len()));
        }
        "long-head" => {
            let value = "x".repeat(20 << 10);
            let taken = head(out, 200, &[("x-long", &value), ("x-longer", &value)]);
            assert!(taken.is_some(), "the fields are too large");
        }
        _ => short(out, query),
    }
}

/// Half of an answer, and then this, with the body still at hand.
fn begin(out: ResponseOutparam, query: &Query, then: impl FnOnce()) {
    let length = query
        .find("length")
        .map(|length| ("content-length", length));
    let Some(body) = head(out, 200, length.as_slice()) else {
        return;
    };
    let Ok(mut stream) = body.write() else { return };
    write(&mut stream, b"half");
    sleep(query.number("ms"));
    then();
    std::mem::forget((stream, body));
}

/// A body that is not as long as its head says.
fn short(out: ResponseOutparam, query: &Query) {
    let said = query.text("said");
    let Some(body) = head(out, 200, &[("content-length", &said)]) else {
        return;
    };
    if let Ok(mut stream) = body.write() {
        write(&mut stream, &vec![b'x'; query.number("sent") as usize]);
    }
    let finished = wasip2::http::types::OutgoingBody::finish(body, None);
    eprintln!("finished {finished:?}");
}
