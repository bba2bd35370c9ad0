//! How much of it there may be.

use super::*;
use crate::harness::Log;

// hardening H28
#[tokio::test]
async fn one_request_too_many_is_told_to_come_back() {
    let (log, _recording) = Log::record();
    let bench = Bench::with(Limits::default(), 2).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(bench.get("/slow?count=1000000&ms=10").await);
    }
    for _ in 0..3 {
        let refused = bench.get("/count").await;
        assert_eq!(refused.status(), 503);
        assert_eq!(refused.headers()["retry-after"], "1");
    }
    assert_eq!(log.lines("requests_max = 2").len(), 1, "{}", log.text());
    drop(held.pop());
    while bench.service.requests_free() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.get("/count").await.status(), 200);
    held.clear();
    bench.over().await;
}

// hardening H28
#[tokio::test]
async fn requests_wait_for_no_instance() {
    let (log, _recording) = Log::record();
    let runtime = runtime_of(1, None);
    let component = probe(&runtime).await;
    let hub = || {
        let limits = wasket_session::Limits::default();
        Arc::new(Hub::new("chat", limits, Vec::new()))
    };
    let one = service(&runtime, &component, hub(), Limits::default(), 4);
    let other = service(&runtime, &component, hub(), Limits::default(), 4);
    let asked = || request("GET", "/slow?count=1000000&ms=10", none());
    let held = one.answer(asked()).await;
    assert_eq!(held.status(), 200);
    assert_eq!(other.answer(asked()).await.status(), 503);
    assert_eq!(log.lines("instances_max = 1").len(), 1, "{}", log.text());
    drop(held);
    one.ended().await;
    assert_eq!(other.answer(asked()).await.status(), 200);
}

#[tokio::test]
async fn a_component_that_answers_nothing_does_not_load_as_one_that_does() {
    let runtime = runtime();
    let loaded = runtime.load_http(&guest_file("echo"), None).await;
    let why = loaded.map(drop).expect_err("it has no handler").to_string();
    assert!(
        why.contains("does not export wasi:http/incoming-handler"),
        "{why}"
    );
    let loaded = runtime.load(&guest_file("httpprobe"), None).await;
    let why = loaded
        .map(drop)
        .expect_err("it has no behavior")
        .to_string();
    assert!(why.contains("wasket:websocket/behavior"), "{why}");
    assert!(why.contains("belongs into a table `[http.NAME]`"), "{why}");
    assert!(why.contains("serves it from a .wasm file"), "{why}");
    let loaded = runtime.load(&guest_file("echo"), None).await;
    assert!(loaded.expect("a service").http().is_none());
}

#[tokio::test]
async fn a_check_knows_components_that_serve_no_sessions() {
    let runtime = runtime();
    let inspected = runtime.inspect(&guest_file("httpprobe")).await;
    let inspected = inspected.expect("a component");
    assert!(inspected.loads(), "{:?}", inspected.problems);
    let found: Vec<String> = inspected.optional.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["wasi:http/incoming-handler@0.2.0: found"]);
    // hardening H29
    let needs: Vec<String> = inspected.needs.iter().map(ToString::to_string).collect();
    let sends = |text: &String| {
        text.starts_with("connect: wasi:http/outgoing-handler@0.2.")
            && text.ends_with("(without: refused)")
    };
    assert!(needs.iter().any(sends), "{needs:?}");
    assert_eq!(probe(&runtime).await.needs(), inspected.needs);
    let is_http = |package: &String| package.starts_with("wasi:http@0.2.");
    assert!(inspected.wasi.iter().any(is_http), "{:?}", inspected.wasi);
}
