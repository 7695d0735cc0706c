//! Understands what a health endpoint answered.
