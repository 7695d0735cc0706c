//! Looks at servers on this machine that misbehave in every way there is: each has its class and its words.

mod answers;
mod certificates;
mod children;
mod failures;
mod http_check;
mod kept;
mod names;
mod stage;
mod tls;
