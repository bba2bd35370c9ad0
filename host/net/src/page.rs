use bytes::Bytes;

/// A document that is served as it is, from memory.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its media type.
    pub content_type: &'static str,
    /// What browsers let it do (`content-security-policy`).
    pub security_policy: &'static str,
    /// Its bytes.
    pub body: Bytes,
}
