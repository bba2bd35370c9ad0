use std::path::Path;

use wasket_config::{Problems, parse_address, parse_size, parse_time, show_size, show_time};

/// A configuration, and the text as a single value: it is a plan or has mistakes that can be shown.
pub fn config(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    match wasket_config::parse(text, "wasket.toml", Path::new("")) {
        Ok(plan) => assert!(
            !plan.listeners.is_empty() && !plan.services.is_empty(),
            "{plan:?}"
        ),
        Err(problems) => check_problems(text, &problems),
    }
    check_value(text);
}

// hardening H30
fn check_problems(text: &str, problems: &Problems) {
    assert!(!problems.mistakes().is_empty());
    let shown = problems.to_string();
    for mistake in problems.mistakes() {
        assert!(
            !mistake.title().is_empty() && !mistake.title().contains('\n'),
            "{mistake:?}"
        );
        assert!(shown.contains("error: "), "{shown}");
        if let Some(position) = problems.position(mistake) {
            let lines = text.matches('\n').count() + 1;
            assert!(
                (1..=lines).contains(&position.line),
                "{mistake:?} of {lines} lines"
            );
            assert!(
                (1..=text.len() + 1).contains(&position.column),
                "{mistake:?}"
            );
        }
    }
    // hardening H31
    let controls = |c: char| c.is_control() && c != '\n';
    assert!(!shown.contains(controls), "{shown:?}");
    assert!(!problems.coloured().is_empty());
}

/// What is shown of a value reads as the same value.
fn check_value(text: &str) {
    if let Ok(bytes) = parse_size(text) {
        assert_eq!(parse_size(&show_size(bytes)), Ok(bytes), "{text}");
    }
    if let Ok(time) = parse_time(text) {
        assert_eq!(parse_time(&show_time(time)), Ok(time), "{text}");
    }
    if let Ok(address) = parse_address(text) {
        assert_eq!(parse_address(&address.to_string()), Ok(address), "{text}");
    }
}
