//! Answers for a terminal.
