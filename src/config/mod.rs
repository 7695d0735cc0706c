//! Reads `targets.yaml` and checks it: a plan, or every mistake with its place.
