//! `wasket check`: whether a configuration or a component would load, without serving it.

use crate::build::{self, Components};
use crate::certificates;
use crate::cli::Check;
use crate::exit::{FAILURE, USAGE, Usage};
use crate::login::{self, Logins};
use crate::serve::tokio_runtime;
use crate::stores::{self, Stores};
use crate::terminal;
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use wasket_config::plan::{Behavior, Files, Host, Native};
use wasket_config::{Plan, Problems};
use wasket_runtime::{Inspection, Need};
use wasket_session::IdSource;

mod granted;
mod report;

use granted::Granted;

/// Checks a file, and tells what is in it.
pub(crate) fn check(options: &Check) -> anyhow::Result<ExitCode> {
    let file = &options.file;
    if file
        .extension()
        .is_some_and(|extension| extension == "toml")
    {
        check_configuration(file, options.json)
    } else {
        check_component(file, options.json)
    }
}

fn check_configuration(file: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let plan = match certificates::load_plan(file) {
        Ok(plan) => plan,
        Err(problems) if json => {
            print(&Configuration::wrong(file, &problems))?;
            return Ok(ExitCode::from(USAGE));
        }
        Err(problems) => return Err(problems.into()),
    };
    let reports = tokio_runtime(plan.host.workers)?.block_on(reports(&plan));
    let (services, http, auths) = match reports {
        Err(error) if json && error.is::<Usage>() => {
            print(&Configuration::unusable(file, &error.to_string()))?;
            return Ok(ExitCode::from(USAGE));
        }
        reports => reports?,
    };
    let configuration = Configuration {
        file: file.display().to_string(),
        loads: auths.is_empty()
            && services.iter().all(|service| service.problem.is_none())
            && http.iter().all(|http| http.problem.is_none()),
        mistakes: Vec::new(),
        warnings: [
            certificates::warnings(&plan),
            login::warnings(&plan),
            stores::warnings(&plan),
        ]
        .concat(),
        services,
        http,
        files: plan.files.iter().map(FilesReport::new).collect(),
        auths,
    };
    if json {
        print(&configuration)?;
    } else {
        report::configuration(&configuration);
    }
    Ok(code(configuration.loads))
}

fn check_component(file: &Path, json: bool) -> anyhow::Result<ExitCode> {
    if !file.exists() {
        return Err(Usage(format!("{} does not exist", file.display())).into());
    }
    let host = Host {
        instances_max: 1,
        ..Host::default()
    };
    let runtime = build::runtime(&host)?;
    let inspected = tokio_runtime(1)?.block_on(runtime.inspect(file));
    match inspected {
        Ok(inspection) => {
            if json {
                print(&ComponentReport {
                    loads: inspection.loads(),
                    inspection: &inspection,
                })?;
            } else {
                report::component(&inspection);
            }
            Ok(code(inspection.loads()))
        }
        Err(error) if json => {
            print(&Unreadable {
                loads: false,
                path: file.display().to_string(),
                problems: [error.to_string()],
            })?;
            Ok(code(false))
        }
        Err(error) => Err(error.into()),
    }
}

type Reports = (Vec<ServiceReport>, Vec<HttpReport>, Vec<AuthReport>);

async fn reports(plan: &Plan) -> anyhow::Result<Reports> {
    let ids = Arc::new(IdSource::new(plan.host.node));
    let mut components = Components::new(&plan.host, ids, Stores::unopened(plan));
    let logins = Logins::new(plan, &mut components).await?;
    let built = build::everything(plan, &mut components).await?;
    let auths = logins.problems.iter().map(|(name, error)| AuthReport {
        name: name.to_string(),
        problem: error.to_string(),
    });
    let services = built
        .services
        .iter()
        .map(|built| ServiceReport::new(built, components.needs(built.plan)));
    let http = built.http.iter().map(HttpReport::new);
    Ok((services.collect(), http.collect(), auths.collect()))
}

fn code(loads: bool) -> ExitCode {
    if loads {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FAILURE)
    }
}

fn print(answer: &impl Serialize) -> serde_json::Result<()> {
    terminal::line(&serde_json::to_string_pretty(answer)?);
    Ok(())
}

/// What is told of a configuration.
#[derive(Serialize)]
struct Configuration {
    file: String,
    /// Whether all of it would serve.
    loads: bool,
    mistakes: Vec<MistakeReport>,
    /// What would serve and should not be so.
    warnings: Vec<String>,
    services: Vec<ServiceReport>,
    /// Components that would answer plain HTTP.
    http: Vec<HttpReport>,
    /// Directories whose files would be served.
    files: Vec<FilesReport>,
    /// Logins that would let nobody in.
    auths: Vec<AuthReport>,
}

/// A login that does not load.
#[derive(Serialize)]
struct AuthReport {
    name: String,
    problem: String,
}

/// One mistake of a configuration.
#[derive(Serialize)]
struct MistakeReport {
    /// From 1; absent when it is about the file as a whole.
    line: Option<usize>,
    /// In characters, from 1.
    column: Option<usize>,
    mistake: String,
    expected: Option<String>,
    help: Option<String>,
}

/// What became of a service.
#[derive(Serialize)]
struct ServiceReport {
    name: String,
    path: String,
    /// The component's file; absent for a native behavior.
    component: Option<String>,
    native: Option<&'static str>,
    /// Whether the component answers plain requests on its path as well.
    answers_http: bool,
    #[serde(flatten)]
    granted: Granted,
    /// Why it would not serve.
    problem: Option<String>,
}

/// What became of a component that answers plain HTTP.
#[derive(Serialize)]
struct HttpReport {
    name: String,
    path: String,
    /// Its file.
    component: String,
    /// The service whose sessions it sees, if the file names one.
    publishes_to: Option<String>,
    #[serde(flatten)]
    granted: Granted,
    /// Why it would not answer.
    problem: Option<String>,
}

/// A directory, and where its files stand.
#[derive(Serialize)]
struct FilesReport {
    name: String,
    path: String,
    directory: String,
}

/// What is told of a component.
#[derive(Serialize)]
struct ComponentReport<'a> {
    loads: bool,
    #[serde(flatten)]
    inspection: &'a Inspection,
}

/// A component of which nothing can be told.
#[derive(Serialize)]
struct Unreadable {
    loads: bool,
    path: String,
    problems: [String; 1],
}

impl Configuration {
    fn wrong(file: &Path, problems: &Problems) -> Self {
        let mistakes = problems.mistakes().iter().map(|mistake| {
            let position = problems.position(mistake);
            MistakeReport {
                line: position.map(|position| position.line),
                column: position.map(|position| position.column),
                mistake: mistake.title().to_owned(),
                expected: mistake.label().map(str::to_owned),
                help: mistake.help().map(str::to_owned),
            }
        });
        Self {
            file: file.display().to_string(),
            loads: false,
            mistakes: mistakes.collect(),
            warnings: Vec::new(),
            services: Vec::new(),
            http: Vec::new(),
            files: Vec::new(),
            auths: Vec::new(),
        }
    }

    /// A file that the configuration names has a mistake.
    fn unusable(file: &Path, mistake: &str) -> Self {
        Self {
            file: file.display().to_string(),
            loads: false,
            mistakes: vec![MistakeReport {
                line: None,
                column: None,
                mistake: mistake.to_owned(),
                expected: None,
                help: None,
            }],
            warnings: Vec::new(),
            services: Vec::new(),
            http: Vec::new(),
            files: Vec::new(),
            auths: Vec::new(),
        }
    }
}

impl FilesReport {
    fn new(plan: &Files) -> Self {
        Self {
            name: plan.name.to_string(),
            path: plan.route.to_string(),
            directory: plan.directory.display().to_string(),
        }
    }
}

impl HttpReport {
    fn new(built: &build::BuiltHttp<'_>) -> Self {
        let plan = built.plan;
        let guest = built.service.as_ref().ok();
        let needs = guest.map(|guest| guest.component().needs());
        Self {
            name: plan.name.to_string(),
            path: plan.route.to_string(),
            component: plan.component.display().to_string(),
            publishes_to: plan.publishes_to.as_ref().map(ToString::to_string),
            granted: Granted::new(
                &plan.connect,
                &plan.stores,
                &plan.capabilities,
                needs.unwrap_or_default(),
            ),
            problem: built.service.as_ref().err().map(ToString::to_string),
        }
    }
}

impl ServiceReport {
    fn new(built: &build::Built<'_>, needs: Vec<Need>) -> Self {
        let plan = built.plan;
        let (component, native) = match &plan.behavior {
            Behavior::Component { file, .. } => (Some(file.display().to_string()), None),
            Behavior::Native(Native::Echo) => (None, Some("echo")),
        };
        Self {
            name: plan.name.to_string(),
            path: plan.route.to_string(),
            component,
            native,
            answers_http: built.answers_http(),
            granted: Granted::new(&plan.connect, &plan.stores, &plan.capabilities, needs),
            problem: built.service.as_ref().err().map(ToString::to_string),
        }
    }
}
