//! One look at an HTTP endpoint, every phase timed, every failure classed.
