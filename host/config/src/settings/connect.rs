//! One table of a service's `connect`.

use super::Section::Connect;
use super::Standard::{Absent, Required, Value};
use super::{Kind, Setting, Standard};

pub(super) const SETTINGS: &[Setting] = &[
    of(
        "url",
        Kind::Text("a URL, such as \"wss://feed.example\" or \"https://*.feed.example:8443/v1\""),
        Required,
        "What may be connected to: the scheme, the host (`*.` before a name for every name below it) and the port have \
         to be the same. A path covers itself and what is below it, where it says so without `%2f`, `%5c`, `%2e`, `%25` \
         and `..;`.",
    ),
    of(
        "user",
        Kind::Text("a name"),
        Absent("nobody"),
        "As whom to log in where the server asks for it, by Basic or Digest; not for `http` and `https`, where the component does that itself. Over `ws` Basic shows the password to \
         whoever listens.",
    ),
    of(
        "password_file",
        Kind::Text("the name of a file"),
        Absent("the password is in `password_env`, or empty"),
        "A file whose first line is the password of `user`, read at the start. It cannot stand in the configuration \
         itself.",
    ),
    of(
        "password_env",
        Kind::Text("the name of an environment variable"),
        Absent("the password is in `password_file`, or empty"),
        "An environment variable of the host's process that has the password of `user`.",
    ),
    of(
        "ca",
        Kind::Text("the name of a file"),
        Absent("the authorities of the operating system"),
        "A PEM file: the authorities that sign the server's certificate, instead of those of the operating system.",
    ),
    of(
        "chain",
        Kind::Text("the name of a file"),
        Absent("no certificate"),
        "A PEM file: the certificate that is shown to servers that ask for one, and behind it those that lead to its authority.",
    ),
    of(
        "key",
        Kind::Text("the name of a file"),
        Absent("the key is in the file of `chain` too"),
        "A PEM file: its private key.",
    ),
    of(
        "proxy",
        Kind::Text("a URL, such as \"http://proxy.example:3128\""),
        Absent("directly"),
        "An HTTP proxy to go through, by CONNECT. It looks names up by itself, so what is said of addresses below is \
         for the proxy to heed.",
    ),
    of(
        "private_addresses",
        Kind::Flag,
        Value("false"),
        "Whether a name may lead to this host's loopback, or to a private or local network (10.0.0.0/8, 127.0.0.1, \
         169.254.169.254, fd00::/8 and their like). The address that is dialled is the one that was looked at. A `url` \
         with an address in it needs no leave.",
    ),
];

const fn of(key: &'static str, kind: Kind, default: Standard, doc: &'static str) -> Setting {
    Setting {
        section: Connect,
        key,
        kind,
        default,
        doc,
    }
}
