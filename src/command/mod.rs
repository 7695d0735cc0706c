//! What people can ask, and the answers from memory.
