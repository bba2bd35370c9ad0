//! A component that answers plain requests.

use std::path::Path;
use std::sync::Arc;

use crate::error::{Digest, Error};
use crate::export::HandlerExports;
use crate::inspect::Need;
use crate::load::Parts;
use crate::{Runtime, imports};

/// A component that exports `wasi:http/incoming-handler`. Cloning it shares the compiled code.
#[derive(Clone, Debug)]
pub struct HttpComponent {
    pub(crate) parts: Arc<Parts<HandlerExports>>,
}

impl Runtime {
    /// Loads a component for its `wasi:http/incoming-handler`, whatever else it exports. As [`load`](Self::load)
    /// otherwise.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_http(
        &self,
        path: &Path,
        pin: Option<Digest>,
    ) -> Result<HttpComponent, Error> {
        let parts = self.load_parts(path, pin, HandlerExports::find).await?;
        Ok(parts.into())
    }

    /// The same for bytes that are at hand; `name` stands for the file in errors.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_http_bytes(
        &self,
        name: &Path,
        bytes: Vec<u8>,
    ) -> Result<HttpComponent, Error> {
        let parts = self.load_parts_of(name, bytes, HandlerExports::find);
        Ok(parts.await?.into())
    }
}

impl HttpComponent {
    /// What of its imports settings have to grant.
    #[must_use]
    pub fn needs(&self) -> Vec<Need> {
        imports::needs(self.parts.pre.component())
    }

    /// The file it came from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.parts.path
    }

    /// The SHA-256 of the file's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.parts.digest
    }
}

impl From<Parts<HandlerExports>> for HttpComponent {
    fn from(parts: Parts<HandlerExports>) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }
}
