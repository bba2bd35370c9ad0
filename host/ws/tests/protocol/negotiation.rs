//! What is agreed on (RFC 7692 sections 5 and 7.1). // hardening H8

use wasket_ws::deflate::{BadAnswer, Offer, Parameters, Terms};
use wasket_ws::handshake::{Agreed, ExtensionParams, Request, accept_key, examine};

const BOTH: Terms = Terms {
    server_context_takeover: true,
    client_context_takeover: true,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

const SMALL: Terms = Terms {
    server_max_window_bits: 10,
    client_max_window_bits: 11,
    ..BOTH
};

/// The extensions of a request with this field.
fn offered(field: &str) -> Vec<ExtensionParams> {
    let headers = [
        ("host", "localhost"),
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-extensions", field),
    ];
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()));
    examine("GET", 1, headers).expect("well-formed").extensions
}

fn answer(terms: Terms, offer: &str) -> Option<String> {
    terms.accept(&offered(offer)).map(|agreed| agreed.answer)
}

#[test]
fn an_answer_has_what_was_offered_and_what_the_terms_demand() {
    const NO_TAKEOVER: &str =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let cases: [(Terms, &str, &str); 19] = [
        (Terms::default(), "permessage-deflate", NO_TAKEOVER),
        (
            Terms::default(),
            "permessage-deflate; client_max_window_bits",
            NO_TAKEOVER,
        ),
        (BOTH, "permessage-deflate", "permessage-deflate"),
        (
            BOTH,
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate",
        ),
        (
            BOTH,
            "permessage-deflate; client_max_window_bits=15",
            "permessage-deflate",
        ),
        (
            BOTH,
            "permessage-deflate; client_max_window_bits=8",
            "permessage-deflate; client_max_window_bits=8",
        ),
        (
            BOTH,
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            BOTH,
            "permessage-deflate; client_no_context_takeover",
            "permessage-deflate; client_no_context_takeover",
        ),
        (
            BOTH,
            "permessage-deflate; server_max_window_bits=15",
            "permessage-deflate; server_max_window_bits=15",
        ),
        (
            BOTH,
            "permessage-deflate;server_max_window_bits=\"9\"",
            "permessage-deflate; server_max_window_bits=9",
        ),
        (
            BOTH,
            "permessage-deflate; server_max_window_bits=12; server_no_context_takeover; \
             client_max_window_bits=10; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=12; client_max_window_bits=10",
        ),
        // A server may limit itself unasked, and a client only one that says it understands.
        (
            SMALL,
            "permessage-deflate",
            "permessage-deflate; server_max_window_bits=10",
        ),
        (
            SMALL,
            "permessage-deflate; client_max_window_bits; server_max_window_bits=9",
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=11",
        ),
        (
            SMALL,
            "permessage-deflate; client_max_window_bits=12; server_max_window_bits=14",
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=11",
        ),
        // The first that can be met.
        (
            BOTH,
            "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=9",
            "permessage-deflate; server_max_window_bits=9",
        ),
        (
            BOTH,
            "permessage-deflate; server_no_context_takeover, permessage-deflate",
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            BOTH,
            "x-webkit-deflate-frame, permessage-deflate; color=blue, permessage-deflate",
            "permessage-deflate",
        ),
        (
            BOTH,
            "permessage-bzip2; client_max_window_bits=99, permessage-deflate",
            "permessage-deflate",
        ),
        (
            BOTH,
            ", permessage-deflate ;\tserver_max_window_bits = 11 ,,",
            "permessage-deflate; server_max_window_bits=11",
        ),
    ];
    for (terms, offer, expected) in cases {
        assert_eq!(answer(terms, offer).as_deref(), Some(expected), "{offer}");
    }
}

#[test]
fn what_cannot_be_met_is_declined() {
    let mut declined = vec![
        String::new(),
        "x-webkit-deflate-frame".to_owned(),
        "Permessage-Deflate".to_owned(),
        "permessage-deflate; server_max_window_bits".to_owned(),
        "permessage-deflate; server_max_window_bits=8".to_owned(),
        "permessage-deflate; server_no_context_takeover=1".to_owned(),
        "permessage-deflate; client_no_context_takeover=true".to_owned(),
        "permessage-deflate; Server_No_Context_Takeover".to_owned(),
        "permessage-deflate; mem_level=8".to_owned(),
    ];
    for name in ["server_max_window_bits", "client_max_window_bits"] {
        for value in [
            "0",
            "7",
            "16",
            "99",
            "08",
            "015",
            "+9",
            "9.0",
            "0x9",
            "256",
            "constructor",
        ] {
            declined.push(format!("permessage-deflate; {name}={value}"));
        }
        declined.push(format!("permessage-deflate; {name}=10; {name}=10"));
    }
    for name in ["server_no_context_takeover", "client_no_context_takeover"] {
        declined.push(format!("permessage-deflate; {name}; {name}"));
    }
    declined
        .push("permessage-deflate; client_max_window_bits; client_max_window_bits=9".to_owned());
    for offer in declined {
        assert_eq!(answer(BOTH, &offer), None, "{offer}");
    }
}

#[test]
fn what_was_agreed_on_is_what_the_answer_says() {
    let agreed = SMALL
        .accept(&offered(
            "permessage-deflate; client_max_window_bits; server_no_context_takeover",
        ))
        .expect("accepted");
    let expected = Parameters {
        server_context_takeover: false,
        client_context_takeover: true,
        server_max_window_bits: 10,
        client_max_window_bits: 11,
    };
    assert_eq!(agreed.parameters, expected);
}

/// What a client that offered this makes of an answer.
fn verified(offer: Offer, answer: &str) -> Result<Option<Parameters>, BadAnswer> {
    offer.verify(&client_agreed(offer, answer).extensions)
}

fn client_agreed(offer: Offer, answer: &str) -> Agreed {
    let request = Request::new([7; 16], &[]).expect("no protocols");
    let request = request.with_extensions(offer.header());
    let headers = request.headers();
    let key = headers
        .iter()
        .find(|(name, _)| *name == "sec-websocket-key");
    let accept = accept_key(&key.expect("a key").1);
    let headers = [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-accept", accept.as_str()),
        ("sec-websocket-extensions", answer),
    ];
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()));
    request.verify(101, headers).expect("well-formed")
}

#[test]
fn an_offer_says_what_a_client_demands_and_understands() {
    let offer = Offer::default();
    assert_eq!(offer.header(), "permessage-deflate; client_max_window_bits");
    let offer = Offer {
        server_context_takeover: false,
        client_context_takeover: false,
        server_max_window_bits: 9,
        client_max_window_bits: 12,
    };
    assert_eq!(
        offer.header(),
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
         server_max_window_bits=9; client_max_window_bits=12"
    );
}

#[test]
fn an_answer_that_fits_the_offer_is_taken() {
    let all = Parameters::default();
    let strict = Offer {
        server_context_takeover: false,
        client_context_takeover: false,
        server_max_window_bits: 12,
        client_max_window_bits: 13,
    };
    let cases: [(Offer, &str, Option<Parameters>); 7] = [
        (Offer::default(), "", None),
        (Offer::default(), "permessage-deflate", Some(all)),
        (
            Offer::default(),
            "permessage-deflate; client_max_window_bits=8",
            Some(Parameters {
                client_max_window_bits: 8,
                ..all
            }),
        ),
        (
            Offer::default(),
            "permessage-deflate; server_max_window_bits=\"8\"; server_no_context_takeover",
            Some(Parameters {
                server_max_window_bits: 8,
                server_context_takeover: false,
                ..all
            }),
        ),
        (
            Offer::default(),
            "permessage-deflate; client_no_context_takeover",
            Some(Parameters {
                client_context_takeover: false,
                ..all
            }),
        ),
        (
            strict,
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=12",
            Some(Parameters {
                server_context_takeover: false,
                client_context_takeover: false,
                server_max_window_bits: 12,
                client_max_window_bits: 13,
            }),
        ),
        (
            strict,
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; \
             client_max_window_bits=12",
            Some(Parameters {
                server_context_takeover: false,
                client_context_takeover: false,
                server_max_window_bits: 9,
                client_max_window_bits: 12,
            }),
        ),
    ];
    for (offer, answer, expected) in cases {
        assert_eq!(verified(offer, answer), Ok(expected), "{answer}");
    }
}

#[test]
fn an_answer_that_does_not_fit_fails_the_handshake() {
    let strict = Offer {
        server_context_takeover: false,
        server_max_window_bits: 12,
        client_max_window_bits: 13,
        ..Offer::default()
    };
    let cases: [(Offer, &str, BadAnswer); 7] = [
        (
            Offer::default(),
            "permessage-deflate, permessage-deflate",
            BadAnswer::Twice,
        ),
        (
            Offer::default(),
            "permessage-deflate; x",
            BadAnswer::Parameters,
        ),
        (
            Offer::default(),
            "permessage-deflate; client_max_window_bits",
            BadAnswer::Parameters,
        ),
        (
            strict,
            "permessage-deflate; server_max_window_bits=12",
            BadAnswer::Declined,
        ),
        (
            strict,
            "permessage-deflate; server_no_context_takeover",
            BadAnswer::Declined,
        ),
        (
            strict,
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=13",
            BadAnswer::Declined,
        ),
        // Section 7.1.2.2: the server may ask for less, and not for more.
        (
            strict,
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=12; \
             client_max_window_bits=14",
            BadAnswer::Declined,
        ),
    ];
    for (offer, answer, expected) in cases {
        assert_eq!(verified(offer, answer), Err(expected), "{answer}");
    }
    for name in ["server_max_window_bits", "client_max_window_bits"] {
        for params in [
            "=0",
            "=7",
            "=16",
            "=99",
            "",
            "=9; server_max_window_bits=9; client_max_window_bits=9",
        ] {
            let answer = format!("permessage-deflate; {name}{params}");
            assert_eq!(
                verified(Offer::default(), &answer),
                Err(BadAnswer::Parameters),
                "{answer}"
            );
        }
    }
}

/// hardening H9: whatever a client of ours offers, it takes what a server of ours answers, and both mean the same.
#[test]
fn both_roles_agree() {
    let flags = [false, true];
    let bits = [8, 9, 12, 15];
    let mut agreed = 0;
    for (server, client) in flags
        .iter()
        .flat_map(|s| flags.iter().map(move |c| (*s, *c)))
    {
        for (server_bits, client_bits) in
            bits.iter().flat_map(|s| bits.iter().map(move |c| (*s, *c)))
        {
            let offer = Offer {
                server_context_takeover: server,
                client_context_takeover: client,
                server_max_window_bits: server_bits,
                client_max_window_bits: client_bits,
            };
            for terms in [Terms::default(), BOTH, SMALL] {
                let Some(agreement) = terms.accept(&offered(&offer.header())) else {
                    assert_eq!(server_bits, 8, "{offer:?}");
                    continue;
                };
                let verified = verified(offer, &agreement.answer);
                assert_eq!(
                    verified,
                    Ok(Some(agreement.parameters)),
                    "{offer:?} {terms:?}"
                );
                agreed += 1;
            }
        }
    }
    assert_eq!(agreed, 4 * 12 * 3);
}
