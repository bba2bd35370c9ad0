//! `wasket run`: one component, without a configuration.

use crate::cli::Run;
use crate::exit::Usage;
use crate::serve::{self, Unloadable};
use crate::telemetry;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use wasket_config::plan::{Behavior, Log, Service};
use wasket_config::{Plan, ServiceName};

/// Serves the component.
pub(crate) fn run(options: &Run) -> anyhow::Result<ExitCode> {
    let plan = plan(options)?;
    telemetry::start(&options.log, &Log::default())?;
    serve::host(&plan, Unloadable::EndsTheHost, None)
}

fn plan(options: &Run) -> anyhow::Result<Plan> {
    let file = &options.component;
    if !fs::metadata(file).is_ok_and(|metadata| metadata.is_file()) {
        let what = if file.exists() {
            "is not a file"
        } else {
            "does not exist"
        };
        return Err(Usage(format!("the component {} {what}", file.display())).into());
    }
    let behavior = Behavior::Component {
        file: file.clone(),
        sha256: None,
    };
    let name = options.name.clone().map_or_else(|| name_after(file), Ok)?;
    let mut service = Service::new(name, options.path.clone(), behavior);
    for (key, value) in &options.config {
        if service.config.iter().any(|(other, _)| other == key) {
            return Err(Usage(format!("--config {key} is given twice")).into());
        }
        service.config.push((key.clone(), value.clone()));
    }
    let mut plan = Plan::single(service, options.listen);
    for listener in &mut plan.listeners {
        listener.try_page = true;
    }
    Ok(plan)
}

/// A service name made of a file's: `My Chat.wasm` becomes `my-chat`.
fn name_after(file: &Path) -> Result<ServiceName, Usage> {
    let stem = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let fitting = |c: char| {
        if matches!(c, 'a'..='z' | '0'..='9' | '-' | '_') {
            c
        } else {
            '-'
        }
    };
    let name: String = stem.chars().map(fitting).take(64).collect();
    name.parse()
        .map_err(|_| Usage("name the service with --name".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_named_after_their_file() {
        let long = format!("{}.wasm", "x".repeat(100));
        for (file, name) in [
            ("chat.wasm", "chat"),
            ("a/b/My Chat_2.wasm", "my-chat_2"),
            ("k\u{e4}se.wasm", "k-se"),
            ("a.b.wasm", "a-b"),
            (&long, &"x".repeat(64)),
        ] {
            assert_eq!(
                name_after(Path::new(file))
                    .map(|name| name.to_string())
                    .ok()
                    .as_deref(),
                Some(name)
            );
        }
        assert!(name_after(Path::new("/")).is_err());
    }
}
