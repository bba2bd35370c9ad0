use wasket_auth::{Begun, Challenge, Guard};

/// The values of `WWW-Authenticate` fields, a line each. Whatever a server asks for, an answer to it is a field's value,
/// and one that a guard can read.
pub fn challenge(data: &[u8]) {
    let fields = data.split(|&byte| byte == b'\n');
    let Some(challenge) = Challenge::strongest(fields, "Mufasa") else {
        return;
    };
    let answer = challenge.answer("Mufasa", "Circle of Life", "GET", "/", [7; 16]);
    let answer = answer.expect("this name and this password can be sent by any scheme");
    // A tab is the one control character that a quoted string may have (RFC 9110, section 5.6.4).
    let is_forbidden = |char: char| char.is_control() && char != '\t';
    assert!(!answer.chars().any(is_forbidden), "{answer:?}");
    let basic = Guard::basic("realm".parse().expect("a realm"));
    match basic.begin(answer.as_bytes(), &["GET"], "/", "localhost") {
        Ok(Begun::Attempt(attempt)) => {
            assert!(challenge.is_basic());
            assert_eq!(attempt.name(), "Mufasa");
        }
        // Of another scheme, or longer than a server reads.
        Ok(Begun::Anonymous) | Err(_) => assert!(!challenge.is_basic()),
    }
}
