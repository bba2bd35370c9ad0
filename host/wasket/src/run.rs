//! `wasket run`: one component, without a configuration.

use crate::cli::Run;
use crate::exit::Usage;
use crate::serve::{self, Unloadable};
use crate::telemetry;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use wasket_config::plan::{Behavior, Http, Log, Service};
use wasket_config::{Plan, Route, ServiceName};
use wasket_runtime::Purpose;

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
    // What cannot be read or is no component does not load either, and then the host says why.
    let purpose = fs::read(file).map(|bytes| Purpose::of(&bytes));
    Ok(plan_for(purpose.unwrap_or_default(), options)?)
}

fn plan_for(purpose: Purpose, options: &Run) -> Result<Plan, Usage> {
    let file = &options.component;
    let name = options.name.clone().map_or_else(|| name_after(file), Ok)?;
    let config = config(options)?;
    let mut plan = Plan::empty(options.listen);
    let route = if purpose.requests && !purpose.sessions {
        let route = options.path.clone().unwrap_or_else(Route::all);
        plan.http.push(Http {
            config,
            ..Http::new(name, route.clone(), file.clone())
        });
        route
    } else {
        let route = options.path.clone().unwrap_or_else(Route::root);
        let behavior = Behavior::Component {
            file: file.clone(),
            sha256: None,
        };
        plan.services.push(Service {
            config,
            ..Service::new(name, route.clone(), behavior)
        });
        route
    };
    // Where the component answers `/` itself, that is what people want to see.
    let own = purpose.requests && (route == Route::root() || route == Route::all());
    for listener in &mut plan.listeners {
        listener.try_page = !own;
    }
    Ok(plan)
}

fn config(options: &Run) -> Result<Vec<(String, String)>, Usage> {
    let mut config: Vec<(String, String)> = Vec::with_capacity(options.config.len());
    for (key, value) in &options.config {
        if config.iter().any(|(other, _)| other == key) {
            return Err(Usage(format!("--config {key} is given twice")));
        }
        config.push((key.clone(), value.clone()));
    }
    Ok(config)
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
    use clap::Parser as _;

    /// The routes of services and of plain HTTP, and whether there is a page.
    fn planned(sessions: bool, requests: bool, typed: &str) -> (Vec<String>, Vec<String>, bool) {
        let options = Parsed::parse_from(
            ["run", "a.wasm"]
                .into_iter()
                .chain(typed.split_terminator(' ')),
        );
        let plan = plan_for(Purpose { sessions, requests }, &options.run).unwrap();
        let services = plan.services.iter().map(|it| it.route.to_string());
        let http = plan.http.iter().map(|it| it.route.to_string());
        let page = plan.listeners[0].try_page;
        (services.collect(), http.collect(), page)
    }

    #[derive(clap::Parser)]
    struct Parsed {
        #[command(flatten)]
        run: Run,
    }

    // parity H2, H3, H4
    #[test]
    fn a_component_is_put_where_it_belongs() {
        let at = |route: &str| vec![route.to_owned()];
        let none = Vec::new;
        assert_eq!(planned(true, false, ""), (at("/"), none(), true));
        assert_eq!(planned(true, false, "--path /*"), (at("/*"), none(), true));
        assert_eq!(planned(false, true, ""), (none(), at("/*"), false));
        assert_eq!(planned(false, true, "--path /"), (none(), at("/"), false));
        assert_eq!(
            planned(false, true, "--path /a/*"),
            (none(), at("/a/*"), true)
        );
        assert_eq!(planned(true, true, ""), (at("/"), none(), false));
        assert_eq!(planned(true, true, "--path /a"), (at("/a"), none(), true));
        // What is for nothing is a service that does not load.
        assert_eq!(planned(false, false, ""), (at("/"), none(), true));
    }

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
