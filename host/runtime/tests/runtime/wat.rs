//! Components in text: the contract's types, and core code of a few lines.

/// The interface of types, as toolchains import it; the outer aliases make the names usable.
pub(crate) const TYPES: &str = r#"
  (import "wasket:websocket/types@0.1.0" (instance $types
    (type $m (variant (case "text" string) (case "binary" (list u8))))
    (export "message" (type (eq $m)))
    (type $p (enum "peer" "guest" "host"))
    (export "party" (type $party (eq $p)))
    (type $c (record (field "code" u16) (field "reason" string) (field "clean" bool) (field "by" $party)))
    (export "close-event" (type (eq $c)))
    (type $e (variant (case "protocol" string) (case "limit" string) (case "connection" string)))
    (export "session-error" (type (eq $e)))
    (type $o (enum "accepted" "not-open" "backlogged" "too-large" "invalid" "refused"))
    (export "outcome" (type (eq $o)))
    (type $k (record (field "name" string) (field "value" string)))
    (export "cookie" (type $cookie (eq $k)))
    (type $pair (tuple string string))
    (type $pr (record (field "name" string) (field "roles" (list string)) (field "claims" (list $pair))))
    (export "principal" (type $principal (eq $pr)))
    (type $r (record (field "service" string) (field "method" string) (field "authority" string)
      (field "target" string) (field "path" string) (field "parameters" (list $pair))
      (field "query" (list $pair)) (field "headers" (list $pair)) (field "cookies" (list $cookie))
      (field "protocols" (list string)) (field "principal" (option $principal))
      (field "remote-address" string) (field "secure" bool) (field "properties" (list $pair))))
    (export "request" (type (eq $r)))))
  (alias export $types "message" (type $message))
  (alias export $types "close-event" (type $close-event))
  (alias export $types "session-error" (type $session-error))
  (alias export $types "outcome" (type $outcome))
  (alias export $types "request" (type $request))
"#;

/// A service. `core` is what the main module has besides its memory and allocator: `open`, `message`,
/// `error` and `close`, as far as they differ from doing nothing. It may call `$send`.
pub(crate) fn service(core: &str) -> String {
    service_with("", core, "")
}

/// The same with more imports, and with more of the component after the main module `$main`.
pub(crate) fn service_with(imports: &str, core: &str, rest: &str) -> String {
    let or = |name: &str, otherwise: &str| {
        if core.contains(&format!("(export \"{name}\")")) {
            String::new()
        } else {
            otherwise.to_owned()
        }
    };
    let nothing = [
        or("open", r#"(func (export "open") (param i64))"#),
        or(
            "message",
            r#"(func (export "message") (param i64 i32 i32 i32))"#,
        ),
        or(
            "error",
            r#"(func (export "error") (param i64 i32 i32 i32))"#,
        ),
        or(
            "close",
            r#"(func (export "close") (param i64 i32 i32 i32 i32 i32))"#,
        ),
    ]
    .concat();
    format!(
        r#"(component
  {TYPES}
  (import "wasket:websocket/sessions@0.1.0" (instance $sessions
    (alias outer 1 $message (type $m)) (export "message" (type $message (eq $m)))
    (alias outer 1 $outcome (type $o)) (export "outcome" (type $outcome (eq $o)))
    (export "send" (func (param "to" u64) (param "message" $message) (result $outcome)))))
  {imports}
  (core module $memory-module
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 65536))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $next (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
      (global.get $next)
      (global.set $next (i32.add (global.get $next) (local.get 3)))))
  (core instance $memory (instantiate $memory-module))
  (alias core export $memory "memory" (core memory $mem))
  (alias core export $memory "realloc" (core func $realloc))
  (core func $send (canon lower (func $sessions "send") (memory $mem) (realloc $realloc)))
  (core module $main-module
    (import "env" "memory" (memory 1))
    (import "env" "send" (func $send (param i64 i32 i32 i32) (result i32)))
    {core}
    {nothing})
  (core instance $env (export "memory" (memory $mem)) (export "send" (func $send)))
  (core instance $main (instantiate $main-module (with "env" (instance $env))))
  (func $open (param "session" u64) (canon lift (core func $main "open")))
  (func $on-message (param "session" u64) (param "message" $message)
    (canon lift (core func $main "message") (memory $mem) (realloc $realloc)))
  (func $on-error (param "session" u64) (param "error" $session-error)
    (canon lift (core func $main "error") (memory $mem) (realloc $realloc)))
  (func $on-close (param "session" u64) (param "close" $close-event)
    (canon lift (core func $main "close") (memory $mem) (realloc $realloc)))
  (instance $behavior
    (export "on-open" (func $open)) (export "on-message" (func $on-message))
    (export "on-error" (func $on-error)) (export "on-close" (func $on-close)))
  (export "wasket:websocket/behavior@0.1.0" (instance $behavior))
  {rest})"#
    )
}

/// The rest of a service whose core exports `messages` too.
pub(crate) const BATCH: &str = r#"
  (func $on-messages (param "session" u64) (param "messages" (list $message))
    (canon lift (core func $main "messages") (memory $mem) (realloc $realloc)))
  (instance $batch (export "on-messages" (func $on-messages)))
  (export "wasket:websocket/batch@0.1.0" (instance $batch))"#;

/// Sends every message back.
pub(crate) const ECHO: &str = r#"
  (func (export "message") (param i64 i32 i32 i32)
    (drop (call $send (local.get 0) (local.get 1) (local.get 2) (local.get 3))))"#;
