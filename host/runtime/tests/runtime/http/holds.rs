//! What a guest makes the host hold, beside its own memory.

use super::*;
use crate::harness::Log;

// hardening H28
#[tokio::test]
async fn what_a_request_is_made_of_is_short() {
    // 32 bytes of a method, 261 of an authority and 8 KiB of a path; an `A` is good for all but a path's beginning.
    let bench = Bench::of(
        r#"(memory.fill (i32.const 1024) (i32.const 65) (i32.const 65536))
        (i32.store8 (i32.const 1023) (i32.const 47))
        (local.set $a (call $new-request (call $new-fields)))
        (call $must (call $set-method (local.get $a) (i32.const 9) (i32.const 1024) (i32.const 32)))
        (call $must-not (call $set-method (local.get $a) (i32.const 9) (i32.const 1024) (i32.const 33)))
        (call $must (call $set-method (local.get $a) (i32.const 2) (i32.const 0) (i32.const 0)))
        (call $must (call $set-authority (local.get $a) (i32.const 1) (i32.const 1024) (i32.const 261)))
        (call $must-not (call $set-authority (local.get $a) (i32.const 1) (i32.const 1024) (i32.const 262)))
        (call $must (call $set-authority (local.get $a) (i32.const 0) (i32.const 0) (i32.const 0)))
        (call $must (call $set-path (local.get $a) (i32.const 1) (i32.const 1023) (i32.const 8192)))
        (call $must-not (call $set-path (local.get $a) (i32.const 1) (i32.const 1023) (i32.const 8193)))
        (call $must (call $set-path (local.get $a) (i32.const 0) (i32.const 0) (i32.const 0)))
        (call $end (call $answer (local.get $out)))"#,
    )
    .await;
    assert_eq!(bench.text("/").await, (200, String::new()));
    bench.over().await;
}

// hardening H28
#[tokio::test]
async fn so_much_and_no_more_is_held() {
    let (log, _recording) = Log::record();
    // Those of the answer count too, and one more for the call that finds them.
    for (fields, status) in [(250, 200), (300, 500)] {
        let answers = "(call $end (call $answer (local.get $out)))";
        let bench = Bench::of(&(make(fields) + answers)).await;
        assert_eq!(bench.get("/").await.status(), status, "{fields}");
        bench.over().await;
    }
    let told = log.lines("holds more than 256 fields");
    assert_eq!(told.len(), 1, "{}", log.text());
}

/// What makes so many fields, and keeps them.
fn make(fields: u32) -> String {
    format!(
        "(local.set $a (i32.const {fields}))
        (loop $again
          (drop (call $new-fields))
          (br_if $again (local.tee $a (i32.sub (local.get $a) (i32.const 1)))))"
    )
}

#[tokio::test]
async fn a_guest_that_leaves_no_room_for_a_request_is_told_of() {
    let (log, _recording) = Log::record();
    let bench = Bench::starting(&make(257), "unreachable").await;
    assert_eq!(bench.get("/").await.status(), 500);
    bench.over().await;
    let told = log.lines("leaves no room for a request");
    assert_eq!(told.len(), 1, "{}", log.text());
}
