//! Plain HTTP answered by a component: the built host, and bytes on its sockets.

mod bodies;
mod ends;
mod fetch;
mod granted;
mod limits;
mod methods;
mod wire;

use crate::host::{Host, wait_for};
use wire::Wire;

/// A host whose every instance answers a request, so that where requests come back to full, instances do.
struct Served {
    host: Host,
}

impl Served {
    /// The probe at `/http/...` with these settings, which publishes to an echo at `/echo`.
    fn new(settings: &str) -> Self {
        Self::with(settings, "")
    }

    fn with(settings: &str, others: &str) -> Self {
        Self {
            host: Host::serve(&format!(
                "[host]\ninstances_max = {REQUESTS_MAX}\noutbound_connections_max = 4\n\
                 [http.probe]\npath = \"/http/*\"\ncomponent = \"GUESTS/httpprobe.wasm\"\n\
                 publishes_to = \"echo\"\nrequests_max = {REQUESTS_MAX}\n{settings}\n\
                 [service.echo]\npath = \"/echo\"\nnative = \"echo\"\n{others}"
            )),
        }
    }

    fn wire(&self) -> Wire {
        Wire::connect(&self.host)
    }

    /// Sends a request without a body on a connection of its own.
    fn ask(&self, line: &str) -> Wire {
        let mut wire = self.wire();
        wire.send(format!("{line} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        wire
    }

    /// A status and a whole body.
    fn text(&self, path: &str) -> (u16, String) {
        let mut wire = self.ask(&format!("GET /http{path}"));
        let head = wire.head();
        let body = wire.body(&head).expect("a whole body");
        (head.status, String::from_utf8(body).unwrap())
    }

    /// A guest that runs until its client leaves, if there is room for it.
    fn hold(&self) -> Option<Wire> {
        let mut wire = self.ask("GET /http/slow?count=1000000&ms=20");
        (wire.head().status == 200).then_some(wire)
    }

    /// Nothing of what was asked is left: there is room for as many guests as at the beginning, and for no more.
    fn is_over(&self) {
        let all = || (0..REQUESTS_MAX).map(|_| self.hold()).collect();
        let held: Option<Vec<Wire>> = wait_for(all);
        let held = held.unwrap_or_else(|| panic!("taken:\n{}", self.host.log().join("\n")));
        assert!(self.hold().is_none());
        drop(held);
        assert!(wait_for(|| self.hold()).is_some());
    }
}

const REQUESTS_MAX: usize = 6;
