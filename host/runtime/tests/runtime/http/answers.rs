//! What is asked, and what comes back.

use super::*;

// parity H2
#[tokio::test]
async fn a_guest_sees_the_request_and_who_sent_it() {
    let bench = Bench::new().await;
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY"] {
        let mut asked = request(method, "/a%20b/seen?x=1&y=%2F", none());
        let headers = asked.message.headers_mut();
        headers.append("cookie", "a=1".parse().unwrap());
        headers.append("x-wasket-roles", "admin".parse().unwrap());
        let answer = bench.service.answer(asked).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/plain");
        let said = whole(answer).await.unwrap();
        for line in [
            "target=/a%20b/seen?x=1&y=%2F",
            "authority=a.example",
            "cookie=a=1",
            "x-wasket-principal=ada",
            "x-wasket-roles=reader",
            "x-wasket-remote-address=127.0.0.1:9",
        ] {
            assert!(said.lines().any(|it| it == line), "{line} in {said}");
        }
        let seen = said.to_ascii_lowercase();
        assert!(seen.starts_with("method=method::"), "{said}");
        assert!(seen.contains(&method.to_ascii_lowercase()), "{said}");
    }
    assert_eq!(bench.text("/config?key=color").await, (200, "green".into()));
    bench.over().await;
}

// parity H2
#[tokio::test]
async fn bodies_flow_both_ways_at_once() {
    let bench = Bench::new().await;
    for path in ["/echo", "/length"] {
        let (sender, body) = pieces();
        let mut asked = request("POST", path, body);
        let headers = asked.message.headers_mut();
        headers.insert("content-length", "6".parse().unwrap());
        let mut answer = bench.service.answer(asked).await;
        for text in ["abc", "def"] {
            sender.send(Ok(text.into())).await.unwrap();
            let piece = piece(answer.body_mut()).await.unwrap().unwrap();
            assert_eq!(piece, text);
        }
        drop(sender);
        assert!(piece(answer.body_mut()).await.is_none());
        drop(answer);
        bench.over().await;
    }
}

#[tokio::test]
async fn a_slow_reader_holds_the_guest_back() {
    let bench = Bench::new().await;
    let (sender, body) = pieces();
    let mut answer = bench.service.answer(request("POST", "/echo", body)).await;
    // Two in the channel of the answer, one read ahead, one in the guest's hands, one in the channel of the request.
    let mut taken = 0;
    let room = Duration::from_millis(200);
    while let Ok(sent) = tokio::time::timeout(room, sender.reserve()).await {
        sent.unwrap().send(Ok(vec![b'x'; 64 << 10].into()));
        taken += 1;
        assert!(taken < 20, "nothing holds it back");
    }
    drop(sender);
    let mut bytes = 0;
    while let Some(piece) = piece(answer.body_mut()).await {
        bytes += piece.unwrap().len();
    }
    assert_eq!(bytes, taken * (64 << 10));
    bench.over().await;
}

#[tokio::test]
async fn a_head_and_a_bare_status_have_no_body_and_the_guest_goes_on() {
    let bench = Bench::new().await;
    // More than the channel holds: somebody has to read it.
    let long = "bytes=1000000&text=";
    for (method, target, length) in [
        ("HEAD", format!("/after?{long}"), None),
        ("HEAD", "/short?said=5&sent=5".into(), Some("5")),
        ("GET", format!("/after?status=204&{long}"), None),
        ("GET", format!("/after?status=304&{long}"), None),
        ("GET", "/status?code=204&length=3&text=abc".into(), None),
    ] {
        let answer = bench.service.answer(request(method, &target, none())).await;
        let found = answer.headers().get("content-length").cloned();
        assert_eq!(found.as_ref().map(|it| it.to_str().unwrap()), length);
        assert!(answer.body().is_end_stream(), "{target}");
        assert_eq!(whole(answer).await.unwrap(), "");
        bench.over().await;
    }
}

#[tokio::test]
async fn what_fails_to_be_an_answer_is_told_as_500() {
    let bench = Bench::new().await;
    for (target, status) in [
        ("/trap-before", 500),
        ("/never-set", 500),
        ("/error", 500),
        ("/error?code=refused", 502),
        ("/error?code=timeout", 504),
        ("/status?code=600", 500),
        ("/status?code=199", 500),
        ("/long-head", 500),
        ("/status?code=599", 599),
        ("/nowhere", 404),
    ] {
        assert_eq!(bench.get(target).await.status(), status, "{target}");
        bench.over().await;
    }
}

// parity M1, M2
#[tokio::test]
async fn a_handler_meets_no_session_of_its_own() {
    let bench = Bench::new().await;
    for (target, said) in [
        ("/count", "0"),
        ("/ids", ""),
        ("/send?id=1&text=x", "nobody"),
        ("/broadcast?text=x", "Ok(())"),
        ("/publish?topic=t&text=x", "Ok(())"),
    ] {
        assert_eq!(bench.text(target).await, (200, said.into()), "{target}");
    }
    bench.over().await;
}
