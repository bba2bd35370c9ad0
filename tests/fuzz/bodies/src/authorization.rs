use wasket_auth::{
    AUTHORIZATION_BYTES_MAX, Attempt, Begun, Guard, Realm, RoleTable, Secret, UserTable, Verdict,
};

/// The value of an `Authorization` field, and the same bytes as a file of users. Whatever a client sends, it is read
/// within the limit or refused, and without a nonce of ours it proves nothing by Digest.
pub fn authorization(data: &[u8]) {
    let (basic, digest) = (
        Guard::basic(realm()),
        Guard::digest(realm(), [0x5a; 32], 60_000),
    );
    if let Some(attempt) = attempt(&basic, data) {
        assert_eq!(
            basic.finish(&attempt, &Secret::plain("secret"), 0) == Verdict::Proved,
            proves(data)
        );
    }
    if let Some(attempt) = attempt(&digest, data) {
        let verdict = digest.finish(&attempt, &Secret::plain("Circle of Life"), 0);
        assert_ne!(verdict, Verdict::Proved, "a nonce that was never issued");
    }
    if let Ok(text) = str::from_utf8(data) {
        files(text);
    }
}

fn realm() -> Realm {
    "http-auth@example.org".parse().expect("a realm")
}

fn attempt(guard: &Guard, data: &[u8]) -> Option<Attempt> {
    match guard.begin(data, &["GET"], "/dir/index.html", "localhost") {
        Ok(Begun::Attempt(attempt)) => {
            assert!(data.len() <= AUTHORIZATION_BYTES_MAX);
            assert!(!attempt.name().is_empty());
            Some(attempt)
        }
        Ok(Begun::Anonymous) | Err(_) => None,
    }
}

/// Whether Basic credentials have the password `secret`, looked at from their end: what is after the first colon.
fn proves(data: &[u8]) -> bool {
    let text = String::from_utf8_lossy(data);
    let token = text.trim_matches([' ', '\t']).rsplit(' ').next();
    let digits = token.unwrap_or_default().trim_end_matches('=');
    let mut bits = 0u32;
    let (mut held, mut decoded) = (0, Vec::new());
    for digit in digits.bytes() {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let value = alphabet.iter().position(|&other| other == digit);
        bits = bits << 6 | value.and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
        held += 6;
        if held >= 8 {
            held -= 8;
            decoded.push((bits >> held & 0xff) as u8);
        }
    }
    let colon = decoded.iter().position(|&byte| byte == b':');
    colon.and_then(|at| decoded.get(at + 1..)) == Some(b"secret")
}

fn files(text: &str) {
    let lines = text.lines().count();
    let table = UserTable::htpasswd(text);
    if let Ok(table) = &table {
        assert_eq!(table.decoy("nobody").is_some(), !table.is_empty());
    }
    let mistakes = [
        table.err(),
        UserTable::htdigest(text, &realm()).err(),
        RoleTable::parse(text).err(),
    ];
    for mistake in mistakes.into_iter().flatten() {
        assert!((1..=lines).contains(&mistake.line()), "{mistake}");
    }
}
