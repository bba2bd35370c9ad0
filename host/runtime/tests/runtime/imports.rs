//! Every function of the WIT is there, with the WIT's types: written down a second time, by hand.

use crate::harness::{Bench, Setup, load, runtime};
use crate::wat::{ECHO, service_with};

/// Functions that a component may import beside `sessions.send`.
const OURS: &str = r#"
  (import "wasket:websocket/topics@0.1.0" (instance
    (alias outer 1 $message (type $m)) (export "message" (type $message (eq $m)))
    (alias outer 1 $outcome (type $o)) (export "outcome" (type $outcome (eq $o)))
    (export "subscribe" (func (param "session" u64) (param "topic" string) (result $outcome)))
    (export "unsubscribe" (func (param "session" u64) (param "topic" string)))
    (export "publish" (func (param "topic" string) (param "message" $message) (param "except" (option u64))
      (result $outcome)))))
  (import "wasket:websocket/timers@0.1.0" (instance
    (alias outer 1 $outcome (type $o)) (export "outcome" (type $outcome (eq $o)))
    (export "set" (func (param "session" (option u64)) (param "after-ms" u64) (param "token" u64)
      (result $outcome)))
    (export "cancel" (func (param "session" (option u64)) (param "token" u64)))))
  (import "wasi:logging/logging@0.1.0-draft" (instance
    (type $l (enum "trace" "debug" "info" "warn" "error" "critical"))
    (export "level" (type $level (eq $l)))
    (export "log" (func (param "level" $level) (param "context" string) (param "message" string)))))
"#;

/// The rest of `sessions`, under an older or newer patch: one import name a component.
const SESSIONS: &str = r#"
  (import "wasket:websocket/sessions@0.1.1" (instance
    (alias outer 1 $message (type $m)) (export "message" (type $message (eq $m)))
    (alias outer 1 $outcome (type $o)) (export "outcome" (type $outcome (eq $o)))
    (alias outer 1 $request (type $r)) (export "request" (type $request (eq $r)))
    (type $s (enum "connecting" "open" "closing" "closed"))
    (export "ready-state" (type $ready-state (eq $s)))
    (export "send" (func (param "to" u64) (param "message" $message) (result $outcome)))
    (export "ping" (func (param "to" u64) (param "payload" (list u8)) (result $outcome)))
    (export "close" (func (param "session" u64) (param "code" (option u16)) (param "reason" string)
      (result $outcome)))
    (export "broadcast" (func (param "message" $message) (param "except" (option u64)) (result $outcome)))
    (export "state" (func (param "session" u64) (result $ready-state)))
    (export "opened-at" (func (param "session" u64) (result (option u64))))
    (export "heard-at" (func (param "session" u64) (result (option u64))))
    (export "protocol" (func (param "session" u64) (result (option string))))
    (export "queued-bytes" (func (param "session" u64) (result u64)))
    (export "opening-request" (func (param "session" u64) (result (option $request))))
    (export "header" (func (param "session" u64) (param "name" string) (result (option string))))
    (export "count" (func (result u32)))
    (export "ids" (func (param "after" u64) (param "limit" u32) (result (list u64))))
    (export "attach" (func (param "session" u64) (param "state" (list u8)) (result $outcome)))
    (export "attachment" (func (param "session" u64) (result (list u8))))))
"#;

fn config(version: &str) -> String {
    format!(
        r#"(import "wasi:config/store@{version}" (instance
            (type $e (variant (case "upstream" string) (case "io" string)))
            (export "error" (type $error (eq $e)))
            (export "get" (func (param "key" string) (result (result (option string) (error $error)))))
            (export "get-all" (func (result (result (list (tuple string string)) (error $error)))))))"#
    )
}

#[tokio::test]
async fn a_component_may_import_everything_at_once() {
    let configs = ["0.2.0-rc.1", "0.2.0-draft", "0.2.0-draft-2024-09-27"];
    let imports = format!("{OURS} {SESSIONS} {}", configs.map(config).concat());
    let runtime = runtime();
    let component = load(&runtime, &service_with(&imports, ECHO, "")).await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    assert_eq!(bench.open("/").await.ask("x").await, ["x"]);
}

#[tokio::test]
async fn every_function_of_the_wit_is_offered() {
    let wit = include_str!("../../../../wit/websocket.wit");
    let host = [OURS, SESSIONS].concat();
    for interface in ["sessions", "topics", "timers"] {
        let (_, rest) = wit
            .split_once(&format!("interface {interface} {{"))
            .expect("the interface");
        let (body, _) = rest.split_once("\n}").expect("its end");
        let functions = body.lines().filter_map(|line| line.split_once(": func("));
        let names: Vec<&str> = functions.map(|(name, _)| name.trim()).collect();
        assert!(!names.is_empty(), "{interface}");
        for name in names {
            assert!(
                host.contains(&format!("(export \"{name}\" (func")),
                "{name}"
            );
        }
    }
}
