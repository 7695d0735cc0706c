//! What is understood.
