//! End to end: the built binary on port 0, real components, a foreign client.
