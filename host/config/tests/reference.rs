//! `docs/settings.md` is the page that the table of settings makes.

use std::fs;
use std::path::Path;

#[test]
fn the_page_in_docs_is_written_from_the_table() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    if std::env::var_os("WASKET_WRITE").is_some() {
        fs::write(&page, wasket_config::reference()).unwrap();
    }
    let written = fs::read_to_string(&page).unwrap();
    assert!(
        written == wasket_config::reference(),
        "docs/settings.md is not what the table says; write it anew with WASKET_WRITE=1"
    );
}
