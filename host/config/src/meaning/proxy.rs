//! `[[listen]]`: whose word about the client counts.

use crate::mistake::no_trusted_proxies;
use crate::plan::Listener;
use crate::problem::Mistakes;
use crate::typed::Typed;
use std::str::FromStr;

pub(super) fn read(typed: &Typed<'_>, listener: &mut Listener, mistakes: &Mistakes) {
    let networks = typed.texts("trusted_proxies", FromStr::from_str);
    listener.trusted_proxies = networks.into_iter().map(|network| network.value).collect();
    typed.flag("proxy_protocol", &mut listener.proxy_protocol);
    // Wrong ones are reported already.
    let none = typed.place("trusted_proxies").is_none() || typed.is_empty("trusted_proxies");
    if let Some(place) = typed.place("proxy_protocol")
        && listener.proxy_protocol
        && none
    {
        mistakes.add(no_trusted_proxies(place));
    }
}
