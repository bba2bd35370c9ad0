//! What components may connect to: from the plan, with the files that it names.

use std::fs;
use std::path::Path;

use wasket_client::Tls;
use wasket_config::plan::{self, Password};
use wasket_runtime::{Error, Grant};

/// The grants of a service.
///
/// # Errors
/// When a file cannot be read, or is not what it should be.
pub(crate) fn grants(connect: &[plan::Connect]) -> Result<Vec<Grant>, Error> {
    let grant = |plan: &plan::Connect| {
        grant(plan).map_err(|what| Error::Connect {
            url: plan.url.to_string(),
            what,
        })
    };
    connect.iter().map(grant).collect()
}

fn grant(plan: &plan::Connect) -> Result<Grant, String> {
    let mut grant = Grant::new(plan.url.as_str())
        .map_err(|error| error.to_string())?
        .private(plan.private_addresses)
        .tls(tls(plan)?);
    if let Some(user) = &plan.user {
        let password = password(&plan.password)?;
        grant = grant
            .user(user, &password)
            .map_err(|error| error.to_string())?;
    }
    if let Some(proxy) = &plan.proxy {
        grant = grant.proxy(proxy).map_err(|error| error.to_string())?;
    }
    Ok(grant)
}

fn tls(plan: &plan::Connect) -> Result<Tls, String> {
    let mut tls = Tls::default();
    if let Some(file) = &plan.ca {
        let named = |error: wasket_client::Mistake| format!("{}: {error}", file.display());
        let authorities = tls.authorities(&read(file)?).map_err(named)?;
        tls = authorities.without_system_roots();
    }
    if let Some((chain, key)) = &plan.certificate {
        let named = |error: wasket_client::Mistake| format!("{}: {error}", chain.display());
        tls = tls
            .client_certificate(&read(chain)?, &read(key)?)
            .map_err(named)?;
    }
    Ok(tls)
}

/// Where the plan says: of a file the first line.
fn password(password: &Password) -> Result<String, String> {
    match password {
        Password::Empty => Ok(String::new()),
        Password::Environment(name) => {
            std::env::var(name).map_err(|error| format!("the environment variable {name}: {error}"))
        }
        Password::File(file) => {
            let text = String::from_utf8(read(file)?)
                .map_err(|_| format!("{}: is not text", file.display()))?;
            Ok(text.lines().next().unwrap_or_default().to_owned())
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{}: cannot be read: {error}", file.display()))
}
