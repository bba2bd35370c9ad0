//! A room where everyone hears everyone, and which tells by plain HTTP how many are in it: one component, one path.

use wasket_guest::{Behavior, Message, Session, broadcast};

/// Nothing is kept for a session.
struct Room;

impl Behavior for Room {
    fn open(_session: Session) -> Self {
        Self
    }

    fn message(&mut self, _session: Session, message: Message) {
        let _ = broadcast(message);
    }
}

wasket_guest::export!(Room);

#[cfg(target_family = "wasm")]
mod http {
    use wasip2::exports::http::incoming_handler::Guest;
    use wasip2::http::types::{
        Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
    };
    use wasket_guest::sessions;

    struct Room;

    impl Guest for Room {
        fn handle(_request: IncomingRequest, out: ResponseOutparam) {
            let response = OutgoingResponse::new(Fields::new());
            let body = response.body();
            ResponseOutparam::set(out, Ok(response));
            if let Ok(body) = body {
                if let Ok(stream) = body.write() {
                    let line = format!("{} here\n", sessions::count());
                    // A client that does not wait for it is no fault.
                    let _ = stream.blocking_write_and_flush(line.as_bytes());
                }
                let _ = OutgoingBody::finish(body, None);
            }
        }
    }

    #[allow(unsafe_code, reason = "generated")]
    mod exported {
        use super::Room;
        wasip2::http::proxy::export!(Room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasket_guest::testing::Host;

    #[test]
    fn everyone_hears_everyone() {
        let host = Host::<Room>::new();
        let (anna, ben) = (host.open("/room"), host.open("/room"));
        anna.send("hello");
        assert_eq!(
            (anna.received(), ben.received()),
            (vec!["hello".into()], vec!["hello".into()])
        );
    }
}
