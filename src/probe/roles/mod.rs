//! Reading who of a group is active: each source that is asked, at the same time, within one limit.
//!
//! A reading never fails: what a source could not say is data in its [`Opinion`]. What the opinions mean is decided
//! elsewhere. Each source has a file: how it is asked, and a plain function from what came back to the active members.

mod dns;
mod envoy;
#[cfg(any(test, feature = "fuzz"))]
pub(super) mod fuzz;
mod haproxy;
mod kubernetes;
mod local;
mod named;
pub(super) mod own;
mod traefik;
mod web;

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};

use crate::{
    clock::Clock,
    model::{
        Extra, Outcome, Timestamp,
        logs::HttpStore,
        roles::{Opinion, RoleSource, Roles, RolesAnswer},
        text::{clean, span},
    },
};

use super::{
    http::Findings,
    logs::web::{Tls, Web},
};

/// More of an answer is not read from a socket, a file or a program.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Of the words of a trouble so many characters are kept.
const WORDS_MAX: usize = 200;

/// What a source came to: positions of members, or why it cannot say.
type Said = Result<Vec<u16>, String>;

/// Reads roles; clients are kept for as long as their address is in the plan.
pub(super) struct Reader {
    clock: Clock,
    tls: Tls,
    open: Mutex<HashMap<usize, Opened>>,
}

/// A client and the address it was made for; the place of an address in memory is not given to another one while the weak
/// reference is here.
type Opened = (Weak<HttpStore>, Arc<Web>);

impl Reader {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            tls: Tls::new(),
            open: Mutex::new(HashMap::new()),
        }
    }

    /// One reading, over within `limit`; in a box, because every look would have to make room for it.
    pub(super) fn read<'a>(&'a self, roles: &'a Roles, limit: Duration) -> BoxFuture<'a, Findings> {
        Box::pin(self.read_all(roles, limit))
    }

    async fn read_all(&self, roles: &Roles, limit: Duration) -> Findings {
        let now = self.clock.now().at;
        let asking = roles.sources.iter().filter_map(|source| {
            let asked = self.ask(roles, source, now)?;
            let from = source.as_str();
            Some(async move {
                let said = tokio::time::timeout(limit, asked)
                    .await
                    .unwrap_or_else(|_late| Err(format!("no answer within {}", span(limit))));
                Opinion {
                    from,
                    active: said.map_err(|words| clean(&words, WORDS_MAX)),
                }
            })
        });
        let opinions = join_all(asking).await;
        let mut findings = Findings::of(Outcome::Healthy);
        findings.extra = Some(Box::new(Extra::Roles(RolesAnswer { opinions })));
        findings
    }

    /// How a source is asked; absent for those that are answered elsewhere.
    fn ask<'a>(
        &'a self,
        roles: &'a Roles,
        source: &'a RoleSource,
        now: Timestamp,
    ) -> Option<BoxFuture<'a, Said>> {
        let members = &roles.members[..];
        Some(match source {
            RoleSource::Always | RoleSource::HealthField(_) | RoleSource::Push { .. } => {
                return None;
            }
            RoleSource::Header { request, name } => {
                Box::pin(async move { web::header(&*self.web(request)?, name, members, now).await })
            }
            RoleSource::Body { request, pointer } => {
                Box::pin(
                    async move { web::body(&*self.web(request)?, pointer, members, now).await },
                )
            }
            RoleSource::Redirect { request } => {
                Box::pin(async move { web::redirect(&*self.web(request)?, members, now).await })
            }
            RoleSource::HaproxyCsv { request, backend } => Box::pin(async move {
                haproxy::over_http(&*self.web(request)?, backend, members, now).await
            }),
            RoleSource::HaproxySocket { address, backend } => {
                Box::pin(haproxy::over_socket(address, backend, members))
            }
            RoleSource::Traefik { request, service } => {
                Box::pin(
                    async move { traefik::ask(&*self.web(request)?, service, members, now).await },
                )
            }
            RoleSource::Envoy { request, cluster } => {
                Box::pin(
                    async move { envoy::ask(&*self.web(request)?, cluster, members, now).await },
                )
            }
            RoleSource::KubernetesService {
                request,
                namespace,
                service,
                label,
            } => Box::pin(async move {
                let place = (namespace.as_str(), service.as_str());
                kubernetes::service(&*self.web(request)?, place, label, members, now).await
            }),
            RoleSource::KubernetesEndpoints {
                request,
                namespace,
                service,
            } => Box::pin(async move {
                let place = (namespace.as_str(), service.as_str());
                kubernetes::endpoints(&*self.web(request)?, place, members, now).await
            }),
            RoleSource::Dns { name } => Box::pin(dns::ask(name, members)),
            RoleSource::File { path } => Box::pin(local::file(path, members)),
            RoleSource::Command { argv } => Box::pin(local::command(argv, members)),
        })
    }

    fn web(&self, request: &Arc<HttpStore>) -> Result<Arc<Web>, String> {
        let key = Arc::as_ptr(request).addr();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, (request, _)| request.strong_count() > 0);
        if let Some((_, web)) = open.get(&key) {
            return Ok(Arc::clone(web));
        }
        let web = Web::open(request, &self.tls).map_err(|fault| fault.words)?;
        let web = Arc::new(web);
        open.insert(key, (Arc::downgrade(request), Arc::clone(&web)));
        Ok(web)
    }
}
