//! `[listen.tls]`.

use super::{Files, Reader};
use crate::mistake::{excluded, missing_setting, no_certificate, no_versions};
use crate::plan::{Certificate, ClientCertificates, Password, Tls, TlsVersions};
use crate::settings::Section;
use crate::typed::Typed;
use crate::value::Invalid;
use std::ops::Range;

impl<'t> Reader<'t> {
    /// `None` also when it is wrong.
    pub(super) fn tls(&self, listen: &Typed<'t>, files: &mut Files) -> Option<Tls> {
        let span = listen.place("tls")?;
        let typed = listen.table("tls", &[Section::Tls, Section::Certificate], "[listen.tls]")?;
        let certificates = self.certificates(&typed, span, files);
        let versions = self.versions(&typed);
        let client_certificates = self.client_certificates(&typed, files);
        Some(Tls {
            certificates,
            versions,
            client_certificates,
        })
    }

    fn certificates(
        &self,
        typed: &Typed<'t>,
        span: Range<usize>,
        files: &mut Files,
    ) -> Vec<Certificate> {
        let head = "`certificates`";
        let several = typed.tables("certificates", &[Section::Certificate], head);
        let given = typed.place("certificates");
        let single = CERTIFICATE.iter().find_map(|key| typed.place(key));
        match (given, single) {
            (None, _) => self.certificate(typed, span, files).into_iter().collect(),
            (Some(several), Some(single)) => {
                self.mistakes.add(excluded(
                    single,
                    "a certificate beside `certificates`",
                    several,
                    "move it into `certificates`",
                ));
                Vec::new()
            }
            (Some(given), None) => {
                if typed.is_empty("certificates") {
                    self.mistakes.add(no_certificate(given));
                }
                let certificate = |place: crate::typed::Placed<Typed<'t>>| {
                    self.certificate(&place.value, place.span, files)
                };
                several.into_iter().filter_map(certificate).collect()
            }
        }
    }

    fn certificate(
        &self,
        typed: &Typed<'t>,
        span: Range<usize>,
        files: &mut Files,
    ) -> Option<Certificate> {
        let chain = self.file(typed, "chain", "the certificate", files);
        let key = self.file(typed, "key", "the private key", files);
        let pfx = self.file(typed, "pfx", "the PKCS#12 file", files);
        let password = self.password(typed, files);
        let place = |key| typed.place(key);
        let pem = place("chain").or(place("key"));
        let password_place = place("password_file").or(place("password_env"));
        match (place("chain"), place("key"), place("pfx")) {
            (None, None, None) => match password_place.clone() {
                Some(password) => self.mistakes.add(missing_setting(password, "pfx")),
                None => self.mistakes.add(no_certificate(span)),
            },
            (None, Some(key), None) => self.mistakes.add(missing_setting(key, "chain")),
            _ => {}
        }
        match (pem, place("pfx"), password_place) {
            (Some(pem), Some(pfx), _) => self.mistakes.add(excluded(
                pfx,
                "both `pfx` and PEM files are given",
                pem,
                "remove one: a PKCS#12 file has certificate and key in it",
            )),
            (Some(_), None, Some(password)) => {
                self.mistakes.add(missing_setting(password, "pfx"));
            }
            _ => {}
        }
        match (chain, pfx) {
            (Some(chain), None) => Some(Certificate::Pem {
                key: key.unwrap_or_else(|| chain.clone()),
                chain,
            }),
            (None, Some(file)) => Some(Certificate::Pfx { file, password }),
            _ => None,
        }
    }

    pub(super) fn password(&self, typed: &Typed<'t>, files: &mut Files) -> Password {
        let file = self.file(typed, "password_file", "the password file", files);
        let variable = typed.text("password_env", variable);
        if let (Some(file), Some(variable)) =
            (typed.place("password_file"), typed.place("password_env"))
        {
            self.mistakes.add(excluded(
                variable,
                "both `password_file` and `password_env` are given",
                file,
                "remove one",
            ));
        }
        match (file, variable) {
            (Some(file), _) => Password::File(file),
            (None, Some(variable)) => Password::Environment(variable.value),
            (None, None) => Password::Empty,
        }
    }

    fn versions(&self, typed: &Typed<'_>) -> TlsVersions {
        let versions = typed.texts("versions", |text| match text {
            "1.2" => Ok(TlsVersions::Only12),
            "1.3" => Ok(TlsVersions::Only13),
            _ => Err(Invalid::TlsVersion("expected \"1.2\" or \"1.3\"")),
        });
        if let (Some(span), true) = (typed.place("versions"), typed.is_empty("versions")) {
            self.mistakes.add(no_versions(span));
        }
        let mut versions = versions.into_iter().map(|version| version.value);
        let Some(first) = versions.next() else {
            return TlsVersions::default();
        };
        if versions.all(|version| version == first) {
            first
        } else {
            TlsVersions::Both
        }
    }

    fn client_certificates(
        &self,
        typed: &Typed<'t>,
        files: &mut Files,
    ) -> Option<ClientCertificates> {
        let ca = self.file(typed, "client_ca", "the authority of clients", files);
        let required = typed.choice("client_certificates", |word| match word {
            "off" => Some(None),
            "optional" => Some(Some(false)),
            "required" => Some(Some(true)),
            _ => None,
        });
        let asked = required.flatten();
        match (typed.place("client_ca"), typed.place("client_certificates")) {
            (None, Some(place)) if asked.is_some() => {
                self.mistakes.add(missing_setting(place, "client_ca"));
            }
            (Some(place), None) => {
                self.mistakes
                    .add(missing_setting(place, "client_certificates"));
            }
            _ => {}
        }
        Some(ClientCertificates {
            ca: ca?,
            required: asked?,
        })
    }
}

fn variable(text: &str) -> Result<String, Invalid> {
    if text.is_empty() || text.contains(['=', '\0']) {
        return Err(Invalid::Variable(
            "expected a name such as \"PFX_PASSWORD\"",
        ));
    }
    Ok(text.to_owned())
}

/// The settings of one certificate.
const CERTIFICATE: [&str; 5] = ["chain", "key", "pfx", "password_file", "password_env"];
