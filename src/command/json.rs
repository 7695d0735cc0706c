//! Answers for programs.
