//! Looks at servers on this machine that misbehave in every way there is: each has its class and its words.

mod answers;
mod certificates;
mod children;
#[cfg(feature = "dns")]
mod dns;
mod ends;
mod everywhere;
mod failures;
mod grpc;
mod hostile;
mod hostility;
mod http_check;
#[cfg(feature = "icmp")]
mod icmp;
mod kept;
mod metrics;
mod names;
mod scenarios;
mod stage;
mod tcp;
mod tls;
#[cfg(feature = "websocket")]
mod websocket;
