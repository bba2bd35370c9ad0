//! `[files.NAME]`.

use super::Section::Files;
use super::Standard::{Absent, Required, Value};
use super::{Kind, Setting, Standard};

pub(super) const SETTINGS: &[Setting] = &[
    of(
        "path",
        Kind::Text("a path, such as \"/\" or \"/assets\""),
        Required,
        "Where the directory stands: `/assets` is the directory itself, `/assets/app.js` the file `app.js` in it. Where a \
         service has the same path, requests for a session are the service's, all others are for the files. Where several \
         match, the most specific wins, whether it is of files or of a service: a service on `/chat` answers all of `/chat`, \
         also where files stand at `/`.",
    ),
    of(
        "directory",
        Kind::Text("a directory; relative to this file"),
        Required,
        "What is served: its regular files and those of the directories in it, to everyone who comes there. Links are \
         followed as long as they stay in it and are relative. It is looked up for each request, so it may itself be a \
         link that is set to another version.",
    ),
    of(
        "index",
        Kind::Text("the name of a file, or \"off\""),
        Value(r#""index.html""#),
        "The file that is served for a directory. Without one there a directory is answered 404: its files are never \
         listed.",
    ),
    of(
        "cache_control",
        Kind::Text("the value of a `Cache-Control` field, or \"off\""),
        Value(r#""no-cache""#),
        "What clients and proxies may keep, and for how long (RFC 9111). \"no-cache\" has them ask each time whether a file \
         has changed. For files whose names change with their content, \"public, max-age=31536000, immutable\" spares that. \
         With \"off\" the field is not sent.",
    ),
    of(
        "precompressed",
        Kind::Flag,
        Value("false"),
        "Send `name.br` or `name.gz` in the place of `name` to clients that take Brotli or gzip, where such a file stands \
         beside it. Nothing is compressed on the way, and nothing looks whether the two say the same.",
    ),
    of(
        "dot_files",
        Kind::Flag,
        Value("false"),
        "Serve files and directories whose names begin with a dot, such as `.well-known`. Otherwise they are answered 404.",
    ),
    of(
        "hosts",
        Kind::Texts("hosts, such as [\"a.example\", \"*.a.example\"]"),
        Value("[]"),
        "Hosts that clients may ask for, as in `[service.NAME]`. Others are answered 400. Without any, all are served.",
    ),
    of(
        "auth",
        Kind::Text("the name of a table [auth.NAME], or \"off\""),
        Absent("as the listener has it"),
        "Clients have to say who they are, as this table says. \"off\" lets anyone in, whatever the listener has.",
    ),
    of(
        "require_roles",
        Kind::Texts("roles, such as [\"admin\", \"chat\"]"),
        Value("[]"),
        "Who may have the files: users with one of these roles. Others are answered 403. Without any, every user may.",
    ),
    of(
        "response_headers",
        Kind::Pairs("a table of header fields, such as { \"X-Frame-Options\" = \"DENY\" }"),
        Value("{}"),
        "Header fields added to every answer, refusals too. Those that the answer has anyway, such as `content-type`, \
         stay as they are.",
    ),
];

const fn of(key: &'static str, kind: Kind, default: Standard, doc: &'static str) -> Setting {
    Setting {
        section: Files,
        key,
        kind,
        default,
        doc,
    }
}
