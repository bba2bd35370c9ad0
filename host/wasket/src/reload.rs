//! SIGHUP: what is read anew while the host serves. Everything that can be is in one list.
//!
//! The file is read first. A mistake anywhere in it leaves all of the host as it was, and the log says which; so
//! does each part for itself when what it reads is wrong. What else has changed is named: it needs a restart.

use crate::{certificates, restart};
use std::path::PathBuf;
use tracing::{error, info, warn};
use wasket_config::Plan;

/// The configuration's file, and what follows it.
pub(crate) struct Reloads {
    file: PathBuf,
    /// What the host was started with.
    running: Plan,
    parts: Vec<Part>,
    /// What does not follow the file, and why.
    left: Vec<(&'static str, &'static str)>,
}

struct Part {
    what: &'static str,
    follow: Box<Follow>,
}

type Follow = dyn FnMut(&Plan) -> anyhow::Result<()> + Send;

impl Reloads {
    /// Nothing follows the file yet, which has said `running`.
    pub(crate) fn of(file: PathBuf, running: Plan) -> Self {
        Self {
            file,
            running,
            parts: Vec::new(),
            left: Vec::new(),
        }
    }

    /// Has `follow` take what the file says now, called `what` in the log. It changes all that it is about, or
    /// nothing. It may read files, and is not called while another is.
    pub(crate) fn add(
        &mut self,
        what: &'static str,
        follow: impl FnMut(&Plan) -> anyhow::Result<()> + Send + 'static,
    ) {
        self.parts.push(Part {
            what,
            follow: Box::new(follow),
        });
    }

    /// Has the log say each time that `what` stays as it is, and why.
    pub(crate) fn leave(&mut self, what: &'static str, why: &'static str) {
        self.left.push((what, why));
    }

    /// Reads the file and has every part follow it. Blocks.
    pub(crate) fn run(&mut self) {
        let file = self.file.display();
        let plan = match certificates::load_plan(&self.file) {
            Ok(plan) => plan,
            Err(problems) => {
                error!(%file, "not reloaded, everything stays as it was: {problems}");
                return;
            }
        };
        for Part { what, follow } in &mut self.parts {
            match follow(&plan) {
                Ok(()) => info!(%file, what, "reloaded"),
                Err(error) => error!(%file, what, "not reloaded, it stays as it was: {error:#}"),
            }
        }
        for (what, why) in &self.left {
            info!(%file, what, "stays as it is: {why}");
        }
        let changed = restart::needed(&self.running, &plan);
        if !changed.is_empty() {
            let changed = changed.join(", ");
            warn!(%file, "needs a restart, the host goes on as it was started: {changed}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const TEXT: &str = "[service.a]\npath = \"/\"\nnative = \"echo\"\n";

    // hardening H30
    #[test]
    fn a_broken_file_reaches_no_part_and_a_broken_part_no_other() {
        let file = std::env::temp_dir().join(format!("wasket-reload-{}.toml", std::process::id()));
        let followed = Arc::new(AtomicUsize::new(0));
        let running = wasket_config::parse(TEXT, "", Path::new("")).unwrap();
        let mut reloads = Reloads::of(file.clone(), running);
        reloads.add("one", |_| bail!("no"));
        let counted = Arc::clone(&followed);
        reloads.add("other", move |plan| {
            counted.fetch_add(plan.services.len(), Ordering::Relaxed);
            Ok(())
        });
        for (text, times) in [
            (TEXT, 1),
            ("[service.a]\npath = \"/\"\nnative = \"ohce\"\n", 1),
            ("[service.a]\npath = \"/b\"\nnative = \"echo\"\n", 2),
        ] {
            fs::write(&file, text).unwrap();
            reloads.run();
            assert_eq!(followed.load(Ordering::Relaxed), times, "{text}");
        }
        fs::remove_file(&file).unwrap();
        reloads.run();
        assert_eq!(followed.load(Ordering::Relaxed), 2);
    }
}
