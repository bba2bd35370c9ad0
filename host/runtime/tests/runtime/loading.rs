//! What loads, and what is said of that which does not.

use std::path::Path;

use wasket_runtime::{Digest, Error, GuestService, Kind, Limits, Mismatch};
use wasket_session::Hub;

use crate::harness::{load, runtime};
use crate::wat::{ECHO, TYPES, service, service_with};

async fn refused(bytes: &[u8]) -> Error {
    let loaded = runtime()
        .load_bytes(Path::new("x.wasm"), bytes.to_vec())
        .await;
    loaded.map(|_| ()).expect_err("it does not load")
}

#[tokio::test]
async fn what_is_no_component_is_named() {
    let engine = wasmtime::Engine::default();
    let precompiled = engine
        .precompile_component(b"(component)")
        .expect("compiles");
    let package = r#"(component
        (type (component (type (instance (type string) (export "t" (type (eq 0)))))
                         (export "a:b/c" (instance (type 0)))))
        (export "c" (type 0)))"#;
    let cases: [(&[u8], Kind); 8] = [
        (b"", Kind::NotWasm),
        (b"\0asm", Kind::NotWasm),
        (b"#!/bin/sh\n", Kind::NotWasm),
        (b"\x7fELF\x02\x01\x01", Kind::NotWasm),
        (b"\0asm\x01\0\0\0", Kind::CoreModule),
        (b"\n (module)", Kind::CoreModule),
        (&precompiled, Kind::Precompiled),
        (package.as_bytes(), Kind::WitPackage),
    ];
    for (bytes, expected) in cases {
        match refused(bytes).await {
            Error::Kind { what, .. } => assert_eq!(what, expected),
            other => panic!("{expected:?}: {other}"),
        }
    }
}

#[tokio::test]
async fn a_broken_component_says_what_is_wrong() {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    bytes.extend([0xFF; 9]);
    let error = refused(&bytes).await;
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("x.wasm: not a valid component: ")
    );
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let path = Path::new("no/such/file.wasm");
    let error = runtime().load(path, None).await.expect_err("no file");
    assert!(
        error
            .to_string()
            .starts_with("no/such/file.wasm: cannot be read: ")
    );
}

// hardening H32
#[tokio::test]
async fn a_pinned_file_must_be_that_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("echo.wat");
    std::fs::write(&path, service(ECHO)).expect("written");
    let runtime = runtime();
    let digest = runtime.load(&path, None).await.expect("loads").digest();
    assert!(runtime.load(&path, Some(digest)).await.is_ok());
    let other = Digest([7; 32]);
    let error = runtime.load(&path, Some(other)).await.expect_err("pinned");
    assert!(error.to_string().contains(&digest.to_string()), "{error}");
    assert!(error.to_string().contains(&other.to_string()), "{error}");
}

#[tokio::test]
async fn a_wrong_world_says_what_there_is_and_what_is_needed() {
    let command = r#"(component
        (core module $m (func (export "run") (result i32) i32.const 0))
        (core instance $i (instantiate $m))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $r (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $r)))"#;
    assert_eq!(
        refused(command.as_bytes()).await.to_string(),
        "x.wasm: does not export wasket:websocket/behavior@0.1.0, which every service needs; it exports \
         wasi:cli/run@0.2.0"
    );
    let newer = service(ECHO).replace("behavior@0.1.0", "behavior@0.2.0");
    assert_eq!(
        refused(newer.as_bytes()).await.to_string(),
        "x.wasm: exports wasket:websocket/behavior@0.2.0; this host needs wasket:websocket/behavior@0.1.0: \
         build it with the matching version of the WIT"
    );
    let patch = service(ECHO).replace("behavior@0.1.0", "behavior@0.1.4");
    load(&runtime(), &patch).await;
}

#[tokio::test]
async fn an_export_of_other_types_is_named() {
    let lifecycle = r#"
        (core module $l (func (export "f")))
        (core instance $li (instantiate $l))
        (func $f (canon lift (core func $li "f")))
        (instance $lc (export "on-start" (func $f)) (export "on-stop" (func $f)))
        (export "wasket:websocket/lifecycle@0.1.0" (instance $lc))"#;
    let error = refused(service_with("", ECHO, lifecycle).as_bytes()).await;
    let Error::World {
        mismatch: Mismatch::Export { export, .. },
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(export, "wasket:websocket/lifecycle@0.1.0#on-start");
}

#[tokio::test]
async fn every_missing_import_is_listed_with_what_comes_near() {
    let imports = r#"
      (import "wasi:keyvalue/store@0.2.0-draft3" (instance))
      (import "wasi:clocks/monotonic-clock@0.3.0" (instance))
      (import "wasi:random/random@0.2.1" (instance))
      (import "acme:db/sql@1.0.0" (instance))
      (import "wasket:websocket/timers@0.1.9" (instance (export "snooze" (func))))"#;
    let error = refused(service_with(imports, ECHO, "").as_bytes()).await;
    assert_eq!(
        error.to_string(),
        "x.wasm: the host does not offer what the component imports:\
         \n  wasi:keyvalue/store@0.2.0-draft3: the host offers wasi:keyvalue/store@0.2.0-draft, wasi:keyvalue/store@0.2.0-draft2\
         \n  wasi:clocks/monotonic-clock@0.3.0: the host offers wasi:clocks/monotonic-clock@0.2.12\
         \n  acme:db/sql@1.0.0: the host offers nothing like it\
         \n  wasket:websocket/timers@0.1.9#snooze: this host's wasket:websocket/timers@0.1.0 is older"
    );
}

#[tokio::test]
async fn an_import_of_other_types_is_named() {
    let imports = r#"
      (import "wasket:websocket/timers@0.1.0" (instance (export "cancel" (func (param "x" string)))))"#;
    let error = refused(service_with(imports, ECHO, "").as_bytes()).await;
    assert!(
        error.to_string().contains("wasket:websocket/timers@0.1.0"),
        "{error}"
    );
}

#[tokio::test]
async fn what_cannot_begin_within_its_limits_does_not_load() {
    let runtime = runtime();
    let component = load(&runtime, &service(ECHO)).await;
    let service = |limits| {
        let hub = Hub::new("s", wasket_session::Limits::default(), Vec::new());
        let config = std::collections::BTreeMap::new();
        GuestService::new(&runtime, &component, hub.into(), config, limits).map(|_| ())
    };
    let memory = |memory_bytes_max| Limits {
        memory_bytes_max,
        ..Limits::default()
    };
    assert!(service(memory(2 << 16)).is_ok());
    assert!(service(memory(64 << 20)).is_ok());
    assert!(matches!(
        service(memory((2 << 16) - 1)),
        Err(Error::World { .. })
    ));
    assert!(matches!(
        service(memory((64 << 20) + 1)),
        Err(Error::Setting { .. })
    ));
}

// hardening H29
#[tokio::test]
async fn an_inspection_tells_all_before_anything_runs() {
    let imports = r#"
      (import "wasi:filesystem/preopens@0.2.3" (instance))
      (import "acme:db/sql@1.0.0" (instance))"#;
    let rest = r#"
      (export "wasket:websocket/batch@0.1.0" (instance $behavior))
      (export "wasket:websocket/hibernation@0.1.0" (instance $behavior))"#;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.wat");
    std::fs::write(&path, service_with(imports, ECHO, rest)).expect("written");
    let found = runtime().inspect(&path).await.expect("it can be read");
    assert!(!found.loads());
    assert_eq!(
        found.problems,
        ["the host does not offer acme:db/sql@1.0.0: the host offers nothing like it"]
    );
    let lines: Vec<String> = found.needs.iter().map(ToString::to_string).collect();
    let need = "directories: wasi:filesystem/preopens@0.2.3 (without: no directories)";
    assert_eq!(lines, [need]);
    assert_eq!(found.wasi, ["wasi:filesystem@0.2.3"]);
    assert!(
        found.compiled_bytes > found.bytes,
        "{}",
        found.compiled_bytes
    );
    let lines: Vec<String> = found.optional.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "wasket:websocket/batch@0.1.0: found",
            "wasket:websocket/hibernation@0.1.0: found, not used by this version"
        ]
    );
    let exports = &found.exports[0];
    assert_eq!(exports.name, "wasket:websocket/behavior@0.1.0");
    assert_eq!(
        exports.items[1],
        "on-message: func(session: u64, message: message);"
    );
    assert_eq!(found.memory_bytes, Some(2 << 16));
    assert!(TYPES.len() < found.bytes);
}
