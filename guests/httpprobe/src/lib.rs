//! Answers plain HTTP in every way that the host has to cope with: the tests' eyes inside the sandbox. The last part of the
//! path says how, the query's pairs say more.
//!
//! - `/seen`: what of the request is seen, a `name=value` a line: method, path, scheme, authority, every header.
//! - `/read`: the body's length, once it is read. `/echo`: the body as it comes, and `/length` with its content-length.
//! - `/status?code=`: that status. `/trailers`: a body with trailers after it.
//! - `/slow?count=&ms=`: so many ticks, so far apart. `/flood?bytes=`: so many bytes.
//! - `/after?ms=&text=`: an empty answer, and then, so much later, a broadcast. With `bytes=`, a body of so many.
//! - `/trap-before`, `/trap-mid`, `/never-set`, `/unfinished`, `/abort`, `/error`, `/loop`, `/eat`, `/long-head`,
//!   `/short?said=&sent=`: what no service should do.
//! - `/fetch?url=&method=&body=&connect-ms=&first-ms=&between-ms=&limit=`: sends a request, and tells `status=`, the headers
//!   and the body, or `error=`.
//! - `/hold?url=&ms=`: the same, holding the answer for so long; `/fetches?url=&count=`: so many at once, and the outcomes.
//!   `/leave?url=&ms=`: traps in the middle of what it sends.
//! - `/count`, `/ids`, `/send?id=&text=`, `/ping?id=`, `/close?id=&code=&reason=`, `/state?id=`, `/publish?topic=&text=`,
//!   `/subscribe?id=&topic=`, `/subscribe-all?topic=&every=` (each so many-th), `/timer?id=&ms=`, `/broadcast?text=`: sessions.
//! - `/config?key=`: of the configuration. `/env`: the environment. `/file?path=`: a file.
#![cfg(target_family = "wasm")]

mod answer;
mod exchange;
mod fetch;
mod misdeed;
mod query;
mod sessions;

use query::Query;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

struct Probe;

impl Guest for Probe {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let query = Query::new(query);
        let what = path.rsplit('/').next().unwrap_or_default();
        eprintln!("handle {what}");
        match what {
            "seen" => exchange::seen(&request, out),
            "read" => exchange::read(&request, out),
            "echo" => exchange::echo(&request, out, None),
            "length" => {
                let length = query::header(&request, "content-length");
                exchange::echo(&request, out, length.as_deref());
            }
            "status" => exchange::status(out, &query),
            "trailers" => exchange::trailers(out),
            "slow" => exchange::slow(out, &query),
            "flood" => exchange::flood(out, &query),
            "after" => exchange::after(out, &query),
            "config" => {
                let value = wasket_guest::config::get(&query.text("key"));
                answer::text(out, 200, &value.unwrap_or_default());
            }
            "env" => {
                let variables: Vec<_> = std::env::vars().collect();
                answer::text(out, 200, &format!("{variables:?}"));
            }
            "file" => {
                let read = std::fs::read_to_string(query.text("path"));
                let told = read.unwrap_or_else(|error| format!("failed: {error}"));
                answer::text(out, 200, &told);
            }
            "fetch" => fetch::fetch(out, &query),
            "hold" => fetch::hold(out, &query),
            "leave" => fetch::leave(&query),
            "fetches" => fetch::fetches(out, &query),
            "trap-before" | "trap-mid" | "never-set" | "unfinished" | "abort" | "error"
            | "loop" | "eat" | "long-head" | "short" => misdeed::commit(what, out, &query),
            _ => match sessions::act(what, &query) {
                Some(said) => answer::text(out, 200, &said),
                None => answer::text(out, 404, "no such way"),
            },
        }
    }
}

#[allow(unsafe_code, reason = "generated")]
mod exported {
    use super::Probe;
    wasip2::http::proxy::export!(Probe);
}
