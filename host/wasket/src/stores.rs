//! Key-value stores: from the plan to what components are granted.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};
use wasket_config::plan::{self, Kept, Plan};
use wasket_config::{StoreName, show_size};
use wasket_runtime::Error;
use wasket_store::{Memory, Store};
use wasket_store_redb::FileStore;

/// The stores of a plan that somebody names, each opened once. A clone is the same stores.
#[derive(Clone, Default)]
pub(crate) struct Stores(HashMap<StoreName, Opened>);

/// A store, or why it cannot be used.
type Opened = Result<Arc<dyn Store>, String>;

impl Stores {
    /// Opens them. One that cannot be used keeps those from serving that name it, and nobody else.
    pub(crate) async fn open(plan: &Plan) -> Self {
        for warning in warnings(plan) {
            warn!("{warning}");
        }
        let used = plan.stores.iter();
        let used = used.filter(|store| is_used(plan, &store.name));
        // Each may wait for its disk, and for the repair of its file.
        let mut opening = JoinSet::new();
        for store in used.cloned() {
            opening.spawn(async move {
                let opened = open(&store).await;
                (store.name, opened)
            });
        }
        Self(opening.join_all().await.into_iter().collect())
    }

    /// Stands for them where nothing is served: a file may be open in the host that does serve.
    pub(crate) fn unopened(plan: &Plan) -> Self {
        let memory = |store: &plan::Store| -> (StoreName, Opened) {
            (store.name.clone(), Ok(Arc::new(Memory::new(0))))
        };
        Self(plan.stores.iter().map(memory).collect())
    }

    /// What a component may open.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub(crate) fn grants(
        &self,
        named: &[(String, StoreName)],
    ) -> Result<wasket_runtime::Stores, Error> {
        let mut stores = wasket_runtime::Stores::default();
        for (identifier, name) in named {
            let unusable = |what: &str| Error::Store {
                name: name.to_string(),
                what: what.to_owned(),
            };
            let opened = self.0.get(name).ok_or_else(|| unusable("is not open"))?;
            let store = opened.as_ref().map_err(|what| unusable(what))?;
            stores.grant(identifier, name.as_str(), Arc::clone(store));
        }
        Ok(stores)
    }

    /// Waits until what guests have written is in its files, and frees those.
    pub(crate) async fn close(&self) {
        let mut closing = JoinSet::new();
        for (name, store) in self.0.clone() {
            if let Ok(store) = store {
                closing.spawn(async move { close(&name, &*store).await });
            }
        }
        closing.join_all().await;
    }
}

async fn close(name: &StoreName, store: &dyn Store) {
    let store_name = name.as_str();
    match timeout(CLOSED_WITHIN, store.close()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(store = store_name, %error, "not closed as it should be"),
        Err(_) => warn!(store = store_name, "not closed: its disk does not answer"),
    }
}

async fn open(plan: &plan::Store) -> Opened {
    let file = match &plan.kept {
        Kept::Memory => return Ok(Arc::new(Memory::new(plan.bytes_max))),
        Kept::File(file) => file.clone(),
    };
    let (path, bytes_max) = (file.clone(), plan.bytes_max);
    let (store, told) = (plan.name.clone(), file.clone());
    let repairing = move || {
        let (store, file) = (store.as_str(), told.display());
        info!(store, %file, "the file was not closed: repairing it, for which all of it is read");
    };
    let open = move || FileStore::open_telling(&path, bytes_max, repairing);
    let opened = tokio::task::spawn_blocking(open).await;
    let opened = opened.map_err(|ended| format!("cannot be opened: {ended}"));
    let opened = opened.and_then(|opened| opened.map_err(|error| error.to_string()));
    let store = opened.map_err(|what| format!("{} {what}", file.display()))?;
    opened_at(plan, &file);
    Ok(Arc::new(store))
}

fn opened_at(plan: &plan::Store, file: &Path) {
    let (store, file) = (plan.name.as_str(), file.display());
    let bytes_max = show_size(plan.bytes_max);
    info!(store, %file, bytes_max, "store opened");
}

/// What is not wrong and of no use, for people.
pub(crate) fn warnings(plan: &Plan) -> Vec<String> {
    let unused = plan
        .stores
        .iter()
        .filter(|store| !is_used(plan, &store.name));
    let warning = |store: &plan::Store| {
        let name = &store.name;
        format!(
            "nothing opens [store.{name}]: name it in `stores` of a [service.NAME] or [http.NAME]"
        )
    };
    unused.map(warning).collect()
}

fn is_used(plan: &Plan, name: &StoreName) -> bool {
    let services = plan.services.iter().map(|service| &service.stores);
    let http = plan.http.iter().map(|http| &http.stores);
    let mut named = services.chain(http).flatten();
    named.any(|(_, store)| store == name)
}

/// A disk that takes longer does not answer any more.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);
