//! The authorities that the operating system trusts.

use std::sync::OnceLock;

use rustls::RootCertStore;

/// Read once in a process. What is damaged or unreadable is passed over, as others do: a system has hundreds of them.
pub(super) fn of_the_system() -> &'static RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    })
}
