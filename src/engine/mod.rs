//! Event in, actions out: the heart, pure and synchronous.
