//! Scripts of all kinds, and what comes of them.
