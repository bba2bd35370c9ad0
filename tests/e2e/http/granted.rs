//! What else than connections is granted to components of plain HTTP.

use super::Served;
use crate::host::write_file;

// hardening H29
#[test]
fn a_component_of_plain_http_has_what_its_own_table_grants() {
    let file = write_file("a.txt", "hello");
    let folder = file.parent().unwrap().display();
    let served = Served::new(&format!(
        "environment = {{ OF = \"http\" }}\ndirectories = [{{ path = \"/data\", directory = \"{folder}\" }}]"
    ));
    let said = |text: &str| (200, text.to_owned());
    assert_eq!(served.text("/env"), said("[(\"OF\", \"http\")]"));
    assert_eq!(served.text("/file?path=/data/a.txt"), said("hello"));

    let served = Served::new("");
    assert_eq!(served.text("/env"), said("[]"));
    let (_, told) = served.text("/file?path=/data/a.txt");
    assert!(told.starts_with("failed: "), "{told}");
}
