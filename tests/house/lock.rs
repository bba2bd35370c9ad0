//! What is built from elsewhere, as Cargo.lock has it.

use std::fs;

use crate::root;

/// How often each package is there.
fn versions(name: &str) -> usize {
    let lock: toml::Table = fs::read_to_string(root().join("Cargo.lock"))
        .unwrap()
        .parse()
        .unwrap();
    let packages = lock["package"].as_array().unwrap();
    let named = |package: &&toml::Value| package["name"].as_str() == Some(name);
    packages.iter().filter(named).count()
}

// With two providers in one binary rustls knows none to take; two of the others would not understand each other.
#[test]
fn there_is_one_provider_of_tls_and_one_of_each_foundation() {
    for name in [
        "ring",
        "rustls",
        "rustls-webpki",
        "tokio-rustls",
        "tokio",
        "hyper",
        "http",
        "http-body",
        "h2",
        "wasmtime",
        "wasmtime-wasi",
    ] {
        assert_eq!(versions(name), 1, "{name}");
    }
    for name in [
        "webpki-roots",
        "aws-lc-rs",
        "aws-lc-sys",
        "aws-lc-fips-sys",
        "openssl",
        "openssl-sys",
        "native-tls",
        "boring",
        "rustls-openssl",
    ] {
        assert_eq!(versions(name), 0, "{name}");
    }
}
