//! hardening H28: what a guest can make the host hold or copy has an end, and the guest fails there.

use crate::harness::{Bench, Log, Setup, load, runtime};
use crate::wat::service_with;

/// Imports of WASI that give resources and bytes.
const IMPORTS: &str = r#"
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $p)) (export "pollable" (type $pollable (eq $p)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (core module $buffer (memory (export "memory") 4)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 16))
  (core instance $b (instantiate $buffer))
  (alias core export $b "memory" (core memory $bm))
  (alias core export $b "realloc" (core func $br))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $random-bytes (canon lower (func $random "get-random-bytes") (memory $bm) (realloc $br)))
  (type $own (resource (rep i32)))
  (core func $make (canon resource.new $own))
  (core module $hostile
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "host" "random" (func $random (param i64 i32)))
    (import "host" "make" (func $make (param i32) (result i32)))
    (func $run CODE)
    (start $run))
  (core instance $host (export "subscribe" (func $subscribe)) (export "random" (func $random-bytes))
    (export "make" (func $make)))
  (core instance $h (instantiate $hostile (with "host" (instance $host))))"#;

const REPEAT: &str = "(local $n i32) (loop $l ONCE
    (local.set $n (i32.add (local.get $n) (i32.const 1)))
    (br_if $l (i32.lt_u (local.get $n) (i32.const TIMES))))";

#[tokio::test]
async fn resources_handles_and_random_bytes_have_an_end() {
    let subscribe = "(drop (call $subscribe (i64.const 3600000000000)))";
    let make = "(drop (call $make (i32.const 1)))";
    let times = |once: &str, times: u32| {
        REPEAT
            .replace("ONCE", once)
            .replace("TIMES", &times.to_string())
    };
    let random = |bytes: u32| format!("(call $random (i64.const {bytes}) (i32.const 8))");
    let cases = [
        // Each is a resource and its pollable.
        (times(subscribe, 4_096), true),
        (times(subscribe, 4_097), false),
        (times(make, 8_000), true),
        (times(make, 8_300), false),
        (random(64 << 10), true),
        (random((64 << 10) + 1), false),
    ];
    let runtime = runtime();
    for (code, fits) in cases {
        let imports = IMPORTS.replace("CODE", &code);
        let component = load(&runtime, &service_with(&imports, "", "")).await;
        let bench = Bench::new(&runtime, &component, Setup::default());
        let (log, _guard) = Log::record();
        let admitted = bench.admit("/").await;
        assert_eq!(admitted.is_ok(), fits, "{code}: {}", log.text());
        assert_eq!(log.lines("the guest failed").is_empty(), fits, "{code}");
        drop(admitted);
        assert_eq!(runtime.instances_free(), 8, "{code}");
    }
}
