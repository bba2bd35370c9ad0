//! What the deployer gave the service as configuration (`wasi:config/store`).

use crate::host;

/// The value of a key.
///
/// # Panics
/// Traps when the host cannot read its configuration; wasket always can.
#[must_use]
pub fn get(key: &str) -> Option<String> {
    host::config_get(key)
}

/// All keys and values.
///
/// # Panics
/// As [`get`].
#[must_use]
pub fn all() -> Vec<(String, String)> {
    host::config_all()
}
