//! `[listen.tls]`.

use super::Section::{Certificate, Tls};
use super::Standard::{Absent, Value};
use super::{Kind, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        section: Tls,
        key: "certificates",
        kind: Kind::Tables(
            "an array of tables, such as [{ chain = \"a.pem\", key = \"a-key.pem\" }]",
        ),
        default: Absent("one certificate, whose settings stand in `[listen.tls]` itself"),
        doc: "Several certificates, instead of one. A client gets the one that has the name it asks for (SNI), \
              exactly or by a wildcard; of several with the name the first whose kind of key it can verify; and the \
              first of all when it asks for none or for another name.",
    },
    Setting {
        section: Tls,
        key: "versions",
        kind: Kind::Texts("an array of \"1.2\" and \"1.3\""),
        default: Value(r#"["1.2", "1.3"]"#),
        doc: "The versions of TLS that clients may use. Older ones are not to be had.",
    },
    Setting {
        section: Tls,
        key: "client_certificates",
        kind: Kind::Choice(&["off", "optional", "required"]),
        default: Value(r#""off""#),
        doc: "Whether clients are asked for a certificate. `required` turns those away that have none, in the TLS \
              handshake; one that `client_ca` has not signed, or that has expired, is turned away in any case. The \
              subject of a certificate is in the properties of the opening request \
              (`client-certificate-subject`), and is the session's principal unless something else names one.",
    },
    Setting {
        section: Tls,
        key: "client_ca",
        kind: Kind::Text("the name of a file"),
        default: Absent("`client_certificates` is off"),
        doc: "The authorities that sign the certificates of clients: a PEM file.",
    },
];

pub(super) const CERTIFICATE: &[Setting] = &[
    Setting {
        section: Certificate,
        key: "chain",
        kind: Kind::Text("the name of a file"),
        default: Absent("the certificate is in `pfx`"),
        doc: "A PEM file: the certificate, and behind it those that lead to its authority (often called \
              fullchain.pem).",
    },
    Setting {
        section: Certificate,
        key: "key",
        kind: Kind::Text("the name of a file"),
        default: Absent("the key is in the file of `chain` too"),
        doc: "A PEM file: the private key, not encrypted (PKCS#8, PKCS#1 or SEC1).",
    },
    Setting {
        section: Certificate,
        key: "pfx",
        kind: Kind::Text("the name of a file"),
        default: Absent("the certificate is in `chain`"),
        doc: "A PKCS#12 file (.pfx or .p12) with the certificate, its key, and the certificates that lead to its \
              authority. Only builds with the feature `pfx` read it.",
    },
    Setting {
        section: Certificate,
        key: "password_file",
        kind: Kind::Text("the name of a file"),
        default: Absent("the password of `pfx` is in `password_env`, or empty"),
        doc: "A file whose first line is the password of `pfx`. It cannot stand in the configuration itself.",
    },
    Setting {
        section: Certificate,
        key: "password_env",
        kind: Kind::Text("the name of an environment variable"),
        default: Absent("the password of `pfx` is in `password_file`, or empty"),
        doc: "An environment variable of the host's process that has the password of `pfx`.",
    },
];
