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
    // 256 KiB each, and after so many calls it is looked at.
    for (requests, status) in [(63, 200), (90, 500)] {
        let answers = "(call $end (call $answer (local.get $out)))";
        let bench = Bench::of(&(make(requests, REQUEST) + answers)).await;
        assert_eq!(bench.get("/").await.status(), status, "{requests}");
        bench.over().await;
    }
    let told = log.lines("holds more than 16 MiB of fields");
    assert_eq!(told.len(), 1, "{}", log.text());
}

/// As where handles are given back when there is time.
#[tokio::test]
async fn small_things_may_be_many() {
    let answers = "(call $end (call $answer (local.get $out)))";
    let bench = Bench::of(&(make(8_000, "(drop (call $new-fields))") + answers)).await;
    assert_eq!(bench.text("/").await, (200, String::new()));
    bench.over().await;
}

// hardening H28
#[tokio::test]
async fn fields_that_are_taken_away_leave_nothing() {
    // 97 names have a table for 192, those that are left one for 96: 24 KiB, and 12.
    for take_away in [
        "(call $delete-field (local.get $b) (i32.const 1024) (i32.const 2) (i32.const 0))",
        "(call $set-field (local.get $b) (i32.const 1024) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0))",
    ] {
        let one = format!(
            "(call $fields-of (i32.const 2048) (i32.const 97) (i32.const 0))
            (call $must (i32.load8_u (i32.const 0)))
            (local.set $b (i32.load (i32.const 4)))
            {take_away}
            (call $must (i32.load8_u (i32.const 0)))"
        );
        let answers = "(call $end (call $answer (local.get $out)))";
        let bench = Bench::of(&(NAMES.to_owned() + &make(900, &one) + answers)).await;
        assert_eq!(bench.text("/").await, (200, String::new()), "{take_away}");
        bench.over().await;
    }
}

/// A list of 97 fields at 2048, which have no value and names of two letters, from `aa` at 1024 to `ag`.
const NAMES: &str = "(local.set $a (i32.const 97))
    (loop $name
      (local.set $a (i32.sub (local.get $a) (i32.const 1)))
      (i32.store16 (i32.add (i32.const 1024) (i32.shl (local.get $a) (i32.const 1)))
        (i32.add (i32.const 0x6161) (i32.add (i32.and (local.get $a) (i32.const 15))
          (i32.shl (i32.shr_u (local.get $a) (i32.const 4)) (i32.const 8)))))
      (local.set $b (i32.add (i32.const 2048) (i32.shl (local.get $a) (i32.const 4))))
      (i32.store (local.get $b) (i32.add (i32.const 1024) (i32.shl (local.get $a) (i32.const 1))))
      (i32.store offset=4 (local.get $b) (i32.const 2))
      (i64.store offset=8 (local.get $b) (i64.const 0))
      (br_if $name (local.get $a)))";

/// Does this so many times.
fn make(count: u32, one: &str) -> String {
    format!(
        "(local.set $a (i32.const {count}))
        (loop $again
          {one}
          (br_if $again (local.tee $a (i32.sub (local.get $a) (i32.const 1)))))"
    )
}

/// One whose body could be written, and is never sent.
const REQUEST: &str = "(call $request-body (call $new-request (call $new-fields)) (i32.const 0))";

// hardening H28
#[tokio::test]
async fn a_guest_that_holds_too_much_when_it_is_made_is_told_of() {
    let (log, _recording) = Log::record();
    // Three calls each; every 64th looks.
    for (requests, why) in [
        (85, "leaves no room for a request"),
        (86, "holds more than 16 MiB of fields"),
    ] {
        let bench = Bench::starting(&make(requests, REQUEST), "unreachable").await;
        assert_eq!(bench.get("/").await.status(), 500);
        bench.over().await;
        assert_eq!(log.lines(why).len(), 1, "{}", log.text());
    }
}
