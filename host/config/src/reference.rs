//! The settings as a page for people: `docs/settings.md`.

use crate::settings::{self, Section, Setting, Standard};
use std::fmt::Write;

/// The whole page, in Markdown.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    for (section, about) in SECTIONS {
        page.push_str("\n## ");
        page.push_str(&about.replacen('\n', "\n\n", 1));
        page.push('\n');
        for setting in settings::all().filter(|setting| setting.section == section) {
            page.push_str(&entry(setting));
        }
    }
    page
}

fn entry(setting: &Setting) -> String {
    let mut entry = format!("\n### `{}`\n\n{}\n\n", setting.key, setting.doc);
    let expected = setting.kind.expected_of_file();
    let default = match setting.default {
        Standard::Value(value) => format!("Default: `{value}`"),
        Standard::Absent(meaning) => format!("Without it: {meaning}"),
        Standard::Required => "Required".to_owned(),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(entry, "Value: {expected}. {default}.");
    entry
}

const SECTIONS: [(Section, &str); 17] = [
    (Section::Host, "`[host]`\nThe process as a whole."),
    (Section::Log, "`[log]`\nThe log goes to the standard error."),
    (
        Section::Listen,
        "`[[listen]]`\nOne address to listen on; repeat it for more. Without any, wasket listens as if there were an \
         empty one.",
    ),
    (
        Section::Tls,
        "`[listen.tls]`\nHow the connections of the listener above it are encrypted: one certificate, whose settings are \
         in the next section, and these. It may also be written into the listener: `tls = { chain = \"fullchain.pem\", \
         key = \"privkey.pem\" }`.",
    ),
    (
        Section::Certificate,
        "A certificate: `[listen.tls]` and `[[listen.tls.certificates]]`\nFiles with a certificate and its key: in \
         `[listen.tls]` the only one, in `certificates` each of several. What has expired, is not valid yet, or does \
         not belong together is refused at start; when the files change, the old ones stay in use then.",
    ),
    (
        Section::Auth,
        "`[auth.NAME]`\nHow clients say who they are, and who is known. A listener or a service names the table in its \
         `auth`; the name is 1 to 64 of `a-z`, `0-9`, `-` and `_`. See [operators.md](operators.md#logins).",
    ),
    (
        Section::Store,
        "`[store.NAME]`\nA key-value store for components: in a file, or in memory. A service or `[http.NAME]` grants it to its \
         component with `stores`; one that nobody names is not opened. The name is 1 to 64 of `a-z`, `0-9`, `-` and `_`. See \
         [operators.md](operators.md#stores).",
    ),
    (
        Section::Files,
        "`[files.NAME]`\nA directory and where its files are served, to GET and HEAD. The name is 1 to 64 of `a-z`, `0-9`, \
         `-` and `_`, and is used in the log. See [operators.md](operators.md#files).",
    ),
    (
        Section::Http,
        "`[http.NAME]`\nA path and the component that answers plain HTTP requests there. The name is 1 to 64 of `a-z`, `0-9`, \
         `-` and `_`, and is used in the log as that of a service is. Beside these settings, the limits of instances and \
         of requests may be set here. See [operators.md](operators.md#http).",
    ),
    (
        Section::Service,
        "`[service.NAME]`\nA path and what answers there; a host has at least one, or files, or `[http.NAME]`. The name is 1 to 64 of `a-z`, \
         `0-9`, `-` and `_`, and is used in the log. No two services may match exactly the same paths. Beside these \
         settings, those of the next section and the limits of the three behind may be set here.",
    ),
    (
        Section::Capabilities,
        "Capabilities: `[service.NAME]` and `[http.NAME]`\nWhat the component is granted of this host and its networks, beside \
         `config` and `connect`. Without these settings, nothing. See [operators.md](operators.md#what-a-component-is-granted).",
    ),
    (
        Section::Directory,
        "Directories: `directories = [{ ... }]`\nWhat may be in a table of that array.",
    ),
    (
        Section::Limits,
        "Limits: `[defaults]` and `[service.NAME]`\nWhat one service and its sessions may use. In `[defaults]` they \
         hold for all services; in `[service.NAME]` for that one.",
    ),
    (
        Section::Sandbox,
        "Limits of instances: `[defaults]`, `[service.NAME]` and `[http.NAME]`\nWhat one instance may use, whether it is of a \
         session or of an HTTP request.",
    ),
    (
        Section::Requests,
        "Limits of requests: `[defaults]`, `[service.NAME]` and `[http.NAME]`\nWhat one plain HTTP request to a component \
         may use. In `[service.NAME]` they are for a component that answers such requests beside its sessions.",
    ),
    (
        Section::Compression,
        "Compression: `compression = { ... }`\nWhat may be in that table. A service that has one of its own takes nothing \
         from that of `[defaults]`.",
    ),
    (
        Section::Connect,
        "Connections to the outside: `connect = [{ ... }]`\nWhat may be in a table of that array; a string there is the \
         same as a table with nothing but `url`.",
    ),
];

const INTRODUCTION: &str = "\
<!-- Written from the table in host/config/src/settings: change it there, then run
     WASKET_WRITE=1 cargo test -p wasket-config --test reference -->
# Settings

`wasket serve` reads `wasket.toml`, or the file that it is given. `wasket check wasket.toml` says whether it is right
without starting anything. A key that is not on this page, or a value out of its range, is an error: nothing starts,
and every mistake is shown with its line.

```toml
[[listen]]
address = \"0.0.0.0:4649\"

[defaults]
message_bytes_max = \"64KiB\"

[service.chat]
path = \"/chat\"
component = \"chat.wasm\"
config = { suffix = \" Nyan!\" }
origins = [\"https://chat.example\"]
```

Durations are strings with a unit: `\"100ms\"`, `\"10s\"`, `\"5m\"`, `\"1h\"`. Sizes are integers of bytes, or strings:
`\"64KiB\"`, `\"1MiB\"`, `\"1GiB\"`. `\"off\"` switches a limit or a timer off where the page says so. Paths of files are
relative to the file that names them.
";
