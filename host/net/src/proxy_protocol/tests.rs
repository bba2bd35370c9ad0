use super::*;

use proptest::prelude::*;

/// A head of version 2.
fn head(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [
        SIGNATURE.as_slice(),
        &[0x20 | command, family],
        &length,
        body,
    ]
    .concat()
}

/// Where the type of an extra right behind IPv4 addresses is: with another one it is no checksum any more.
const TYPE_AT: usize = 28;

const V4: [u8; 12] = [192, 0, 2, 1, 10, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb];

fn v6() -> Vec<u8> {
    let mut body = vec![0; 36];
    body[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    body[15] = 1;
    body[32..34].copy_from_slice(&[0x12, 0x34]);
    body
}

fn whole(address: &str, length: usize) -> Result<Progress, HeadError> {
    let source = match address {
        "LOCAL" => Source::Own,
        "" => Source::Unknown,
        address => Source::Address(address.parse().unwrap()),
    };
    Ok(Progress::Whole(source, length))
}

#[test]
fn lines_of_version_1() {
    for (line, source) in [
        (
            "PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\n",
            "192.0.2.1:56324",
        ),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            "255.255.255.255:65535",
        ),
        (
            "PROXY TCP6 2001:db8::1 fd00::1 0 65535\r\n",
            "[2001:db8::1]:0",
        ),
        ("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n", "192.0.2.1:1"),
        ("PROXY UNKNOWN\r\n", ""),
        ("PROXY UNKNOWN ffff::1 whatever 1 2 3 4\r\n", ""),
    ] {
        assert_eq!(parse(line.as_bytes()), whole(source, line.len()), "{line}");
        let more = format!("{line}GET / HTTP/1.1\r\n");
        assert_eq!(parse(more.as_bytes()), whole(source, line.len()), "{line}");
    }
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(91));
    assert_eq!(longest.len(), 107);
    assert_eq!(parse(longest.as_bytes()), whole("", 107));
}

#[test]
fn lines_that_version_1_has_not() {
    for line in [
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 192.0.2.1 10.0.0.1 1 2\r\n",
        "PROXY  TCP4 192.0.2.1 10.0.0.1 1 2\r\n",
        "PROXY TCP4  192.0.2.1 10.0.0.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 10.0.0.1  \r\n",
        "PROXY TCP4 192.0.2.01 10.0.0.1 1 2\r\n",
        "PROXY TCP4 ::1 10.0.0.1 1 2\r\n",
        "PROXY TCP4 192.0.2.1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
        "PROXY TCP6 [::1] ::1 1 2\r\n",
        "PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n",
        "PROXY \r\n",
        "PROXY caf\u{e9}\r\n",
    ] {
        assert!(parse(line.as_bytes()).is_err(), "{line}");
    }
    let long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    assert!(parse(long.as_bytes()).is_err());
    // hardening H14: it is not waited for what cannot come any more.
    assert!(parse(&long.as_bytes()[..107]).is_err());
    assert_eq!(parse(&long.as_bytes()[..106]), Ok(Progress::Unfinished));
}

#[test]
fn heads_of_version_2() {
    let own = |command, family, body: &[u8]| {
        let head = head(command, family, body);
        let expected = if command == 0 { "LOCAL" } else { "" };
        let expected = whole(expected, head.len());
        assert_eq!(parse(&head), expected, "{command} {family}");
    };
    assert_eq!(parse(&head(1, 0x11, &V4)), whole("192.0.2.1:56324", 28));
    assert_eq!(
        parse(&head(1, 0x21, &v6())),
        whole("[2001:db8::1]:4660", 52)
    );
    own(0, 0x00, &[]);
    own(0, 0x11, &V4);
    own(0, 0xff, b"a health check may say anything");
    own(1, 0x00, b"any");
    own(1, 0x31, &[0; 216]);
    // Extras are passed over: ALPN "h2", an empty one, one of a private type.
    let extras = [1, 0, 2, b'h', b'2', 0xe0, 0, 0, 4, 0, 3, 1, 2, 3];
    let extended = head(1, 0x11, &[&V4[..], &extras].concat());
    assert_eq!(parse(&extended), whole("192.0.2.1:56324", extended.len()));
    let most = head(1, 0x00, &vec![0; HEAD_BYTES_MAX - 16]);
    assert_eq!(parse(&most), whole("", HEAD_BYTES_MAX));
}

#[test]
fn heads_that_version_2_has_not() {
    for (command, family, body) in [
        (2, 0x11, &V4[..]),
        (1, 0x12, &V4),
        (1, 0x22, &[0; 36]),
        (1, 0x10, &V4),
        (1, 0x41, &V4),
        (1, 0x11, &V4[..11]),
        (1, 0x21, &V4),
        (1, 0x31, &[0; 215]),
        (1, 0x11, &[&V4[..], &[1]].concat()),
        (1, 0x11, &[&V4[..], &[1, 0, 2, b'h']].concat()),
        (1, 0x11, &[&V4[..], &[3, 0, 3, 1, 2, 3]].concat()),
    ] {
        assert!(
            parse(&head(command, family, body)).is_err(),
            "{command} {family} {body:?}"
        );
    }
    let mut version = head(1, 0x11, &V4);
    version[12] = 0x31;
    assert!(parse(&version).is_err());
    // Too long: refused before it is read.
    let long = head(1, 0x00, &vec![0; HEAD_BYTES_MAX - 15]);
    assert!(parse(&long[..16]).is_err());
}

#[test]
fn a_checksum_is_that_of_the_whole_head() {
    // Of the head with four zeroes in the checksum's place, by another implementation.
    let extras = [3, 0, 4, 0x7e, 0xbf, 0x7b, 0xc6, 4, 0, 1, 0];
    let checked = head(1, 0x11, &[&V4[..], &extras].concat());
    assert_eq!(parse(&checked), whole("192.0.2.1:56324", checked.len()));
    for bit in (0..checked.len() * 8).filter(|bit| bit / 8 != TYPE_AT) {
        let mut damaged = checked.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(parse(&damaged), parse(&checked), "bit {bit}");
    }
}

proptest! {
    /// Any head, cut anywhere, is unfinished until it is whole, and means the same with anything behind it.
    #[test]
    fn a_head_is_unfinished_until_it_is_whole(
        ip in any::<[u8; 4]>(),
        port in any::<u16>(),
        text in any::<bool>(),
        behind in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let address = SocketAddr::from((ip, port));
        let head = if text {
            format!("PROXY TCP4 {} 10.0.0.1 {port} 443\r\n", address.ip()).into_bytes()
        } else {
            let [high, low] = port.to_be_bytes();
            let [a, b, c, d] = ip;
            head(1, 0x11, &[a, b, c, d, 0, 0, 0, 0, high, low, 0, 0])
        };
        for cut in 0..head.len() {
            prop_assert_eq!(parse(&head[..cut]), Ok(Progress::Unfinished));
        }
        let expected = Ok(Progress::Whole(Source::Address(address), head.len()));
        prop_assert_eq!(parse(&[&head[..], &behind].concat()), expected);
    }

    /// Any bytes at all: a verdict, and never a head longer than they are.
    #[test]
    fn any_bytes_have_a_verdict(start in 0..3_usize, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let start: &[u8] = [&b""[..], b"PROXY TCP6 ", SIGNATURE][start];
        let bytes = [start, &bytes].concat();
        if let Ok(Progress::Whole(_, length)) = parse(&bytes) {
            prop_assert!(length <= bytes.len() && length <= HEAD_BYTES_MAX);
        }
    }
}
