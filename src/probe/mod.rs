//! One look at one thing. A look never fails and never panics outward: what went wrong is data in the observation.

pub mod health;
pub mod http;
