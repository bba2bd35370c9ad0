//! The sessions that the handler sees.

use std::fmt::Debug;
use std::time::Duration;

use wasket_guest::{Session, broadcast, sessions, topics};

use crate::query::Query;

/// What came of it; `None` where there is no such thing to do.
pub(crate) fn act(what: &str, query: &Query) -> Option<String> {
    let session = || find(query.number("id"));
    let text = || query.text("text");
    let topic = query.text("topic");
    Some(match what {
        "count" => sessions::count().to_string(),
        "ids" => {
            let ids: Vec<String> = sessions::iter()
                .map(|session| session.to_string())
                .collect();
            ids.join(",")
        }
        "send" => told(session().map(|to| to.send(text()))),
        "ping" => told(session().map(|to| to.ping("probe"))),
        "close" => {
            let code = u16::try_from(query.number("code")).ok();
            told(session().map(|to| to.close(code, &query.text("reason"))))
        }
        "state" => told(session().map(Session::state)),
        "subscribe" => told(session().map(|to| to.subscribe(&topic))),
        "subscribe-all" => {
            let each =
                sessions::iter().step_by(usize::try_from(query.number("every")).ok()?.max(1));
            let subscribed = each.filter(|to| to.subscribe(&topic).is_ok());
            subscribed.count().to_string()
        }
        "timer" => {
            let after = Duration::from_millis(query.number("ms"));
            told(session().map(|to| to.set_timer(after, 7)))
        }
        "publish" => told(Some(topics::publish(&topic, text()))),
        "broadcast" => told(Some(broadcast(text()))),
        _ => return None,
    })
}

fn find(id: u64) -> Option<Session> {
    sessions::iter().find(|session| session.to_string() == id.to_string())
}

fn told(outcome: Option<impl Debug>) -> String {
    outcome.map_or_else(|| "nobody".to_owned(), |outcome| format!("{outcome:?}"))
}
