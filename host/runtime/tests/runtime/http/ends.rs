//! How answers end, and their guests.

use super::*;
use crate::harness::Log;

/// The first piece of an answer, and whether the rest comes to a good end.
async fn ending(bench: &Bench, target: &str) -> (Bytes, bool) {
    let mut answer = bench.get(target).await;
    assert_eq!(answer.status(), 200, "{target}");
    let first = piece(answer.body_mut()).await.expect("a piece");
    let first = first.expect("no fault yet");
    let rest = piece(answer.body_mut()).await;
    (first, rest.is_none())
}

// hardening H28
#[tokio::test]
async fn an_answer_that_a_guest_leaves_is_cut_and_never_ends_as_if_whole() {
    let bench = Bench::new().await;
    for target in ["/trap-mid", "/unfinished", "/abort", "/short?said=9&sent=5"] {
        let (first, whole) = ending(&bench, target).await;
        assert!(matches!(first.len(), 4 | 5) && !whole, "{target}");
        bench.over().await;
    }
    // What was promised has come.
    let (first, whole) = ending(&bench, "/trap-mid?length=4").await;
    assert!(first == "half" && whole);
    bench.over().await;
}

/// As where handles are given back when there is time: the request's body goes with the guest.
#[tokio::test]
async fn another_body_that_a_guest_leaves_takes_nothing_from_its_answer() {
    let (log, _recording) = Log::record();
    let bench = Bench::of(
        r#"(local.set $a (call $new-request (call $new-fields)))
        (call $request-body (local.get $a) (i32.const 0))
        (call $must (i32.load8_u (i32.const 0)))
        (call $end (call $answer (local.get $out)))"#,
    )
    .await;
    assert_eq!(bench.text("/").await, (200, String::new()));
    bench.over().await;
    // Nor is there anything to cut where there is no body.
    let bench = Bench::of("(drop (call $answer (local.get $out)))").await;
    let answer = bench.service.answer(request("HEAD", "/", none())).await;
    assert_eq!(whole(answer).await, Ok(String::new()));
    bench.over().await;
    assert_eq!(log.lines("unfinished").len(), 0, "{}", log.text());
    assert!(whole(bench.get("/").await).await.is_err());
    bench.over().await;
    assert_eq!(log.lines("unfinished").len(), 1, "{}", log.text());
}

#[tokio::test]
async fn a_body_is_as_long_as_its_head_says() {
    let bench = Bench::new().await;
    assert_eq!(
        bench.text("/short?said=5&sent=5").await,
        (200, "xxxxx".into())
    );
    // Without a body, or with one that is too long.
    let answer = bench.get("/short?said=3&sent=5").await;
    assert!(whole(answer).await.is_err());
    bench.over().await;
}

// hardening H28
#[tokio::test]
async fn a_client_that_leaves_ends_its_guest() {
    let bench = Bench::new().await;
    for target in [
        "/slow?count=1000000&ms=10",
        "/flood?bytes=100000000",
        "/trap-mid?ms=1000000",
        // With a body that is as long as it was said to be, but not yet.
        "/trap-mid?ms=1000000&length=9",
    ] {
        let mut answer = bench.get(target).await;
        assert!(piece(answer.body_mut()).await.is_some());
        assert_eq!(bench.service.requests_free(), bench.requests - 1);
        drop(answer);
        bench.over().await;
    }
    // And one that leaves before there was an answer.
    let (sender, body) = pieces();
    let mut answer = bench.service.answer(request("POST", "/read", body));
    sender.send(Ok("x".into())).await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(50), &mut answer);
    assert!(waiting.await.is_err());
    drop(answer);
    bench.over().await;
}

// hardening H28
#[tokio::test]
async fn a_body_without_an_end_that_nobody_reads_takes_the_time_that_its_guest_has() {
    let (log, _recording) = Log::record();
    let bench = Bench::new().await;
    let asked = request("HEAD", "/flood?bytes=1000000000000000", none());
    assert!(whole(bench.service.answer(asked).await).await.is_ok());
    bench.over().await;
    let told = log.lines("ran longer than request_time");
    assert_eq!(told.len(), 1, "{}", log.text());
}

/// Many take a stream that is closed under them for a failure.
#[tokio::test]
async fn a_long_body_that_nobody_reads_is_taken_to_its_end() {
    let (log, _recording) = Log::record();
    let bench = Bench::new().await;
    for length in [1_000_000, 4_000_000] {
        let target = format!("/short?said={length}&sent={length}");
        let answer = bench.service.answer(request("HEAD", &target, none())).await;
        assert_eq!(whole(answer).await, Ok(String::new()));
        bench.over().await;
    }
    let told = log.lines("finished Ok(())");
    assert_eq!(told.len(), 2, "{}", log.text());
}

#[tokio::test]
async fn a_guest_may_work_on_when_its_answer_is_whole() {
    let (log, _recording) = Log::record();
    let bench = Bench::new().await;
    let worked = || log.lines("worked on").len();
    for (method, target) in [
        ("GET", "/after?ms=50"),
        ("GET", "/after?ms=50&bytes=200000"),
        ("HEAD", "/after?ms=50&bytes=200000"),
        ("GET", "/after?ms=50&status=204"),
    ] {
        let before = worked();
        let answer = bench.service.answer(request(method, target, none())).await;
        assert!(whole(answer).await.is_ok());
        assert_eq!(bench.service.requests_free(), bench.requests - 1);
        bench.over().await;
        assert_eq!(worked(), before + 1, "{method} {target}");
    }
}

// hardening H28
#[tokio::test]
async fn faults_name_the_settings_of_requests() {
    let (log, _recording) = Log::record();
    let limits = Limits {
        event_time: Duration::from_millis(50),
        event_wall_time: Duration::from_millis(300),
        ..Limits::default()
    };
    let bench = Bench::with(limits, 4).await;
    for (target, why) in [
        ("/loop", "ran longer than request_time"),
        ("/eat", "memory_bytes_max is"),
        ("/after?ms=1000000", "took longer than request_wall_time"),
        ("/trap-before", "unreachable"),
        ("/never-set", "did not answer"),
        ("/error", "of the guest's own\\u{1b}"),
        ("/status?code=600", "its status is 600"),
        ("/unfinished", "left a body unfinished"),
    ] {
        let _ = whole(bench.get(target).await).await;
        bench.over().await;
        let lines = log.lines(why);
        assert_eq!(lines.len(), 1, "{why} in {}", log.text());
        assert!(lines[0].contains("service=\"test\""), "{lines:?}");
        assert!(!lines[0].contains("session="), "{lines:?}");
    }
}

#[tokio::test]
async fn a_fault_of_the_requests_body_is_the_guests_to_see() {
    let bench = Bench::new().await;
    for fault in [
        BodyFault::TooLong,
        BodyFault::Slow,
        BodyFault::Broken("x".into()),
    ] {
        for path in ["/read", "/echo"] {
            let (sender, body) = pieces();
            let asked = request("POST", path, body);
            let (answer, sent) = tokio::join!(bench.service.answer(asked), async {
                sender.send(Ok("abc".into())).await?;
                sender.send(Err(fault.clone())).await
            });
            sent.unwrap();
            let is_read = path == "/read";
            assert_eq!(answer.status(), if is_read { 502 } else { 200 });
            assert_eq!(whole(answer).await.is_ok(), is_read);
            bench.over().await;
        }
    }
}
