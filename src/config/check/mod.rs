//! From the sections as typed to the plan.

mod actions;
mod aliases;
mod channels;
mod discovery;
mod endpoint;
mod health;
mod heartbeat;
mod http;
mod jobs;
mod logs;
mod maintenance;
mod metrics;
mod page;
mod parents;
mod places;
mod references;
mod releases;
mod replies;
mod roles;
mod rota;
mod routes;
mod rules;
pub(super) mod script;
mod settings;
mod slos;
mod steps;
mod targets;
mod timing;
mod values;
mod waiting;
mod wire;
mod witnesses;

use std::{path::Path, sync::Arc};

pub(super) use self::discovery::Discovered;
use super::{
    code::Code,
    decode::{At, Named},
    environment::Environment,
    files::Contents,
    findings::Findings,
    raw,
    report::Problem,
    source::{Source, Span},
};
use crate::model::Plan;

/// What the checks work with.
struct Check<'a> {
    sources: &'a [Arc<Source>],
    /// What paths in the file are relative to.
    folder: &'a Path,
    environment: &'a Environment,
    findings: &'a Findings,
    /// Files that were read on the way.
    contents: &'a mut Contents,
}

/// A checked value that was typed: where, and what, unless it was wrong and reported.
#[derive(Clone, Copy, Debug)]
struct Typed<T> {
    span: Span,
    value: Option<T>,
}

/// What is watched, as typed: the whole file, targets, and where others are found.
type WhatIsWatched = (
    Span,
    Option<At<Vec<At<raw::Target>>>>,
    Option<At<Named<raw::discovery::Discovery>>>,
);

/// Checks everything; the plan is only meant to be used if no error was found.
pub(super) fn check(
    file: At<raw::File>,
    sources: &[Arc<Source>],
    folder: &Path,
    environment: &Environment,
    findings: &Findings,
    contents: &mut Contents,
    discovered: &mut Discovered<'_>,
) -> Option<Plan> {
    let mut check = Check {
        sources,
        folder,
        environment,
        findings,
        contents,
    };
    let (whole, file) = (file.span, file.value?);
    check.version(file.version.as_ref());
    let (server, store) = (check.server(file.server), check.store(file.store));
    let (slack, bot) = check.slack(file.slack);
    let mut channels = check.channels(file.channels, whole, &bot);
    let mut on_call = check.on_call(file.on_call, whole, server.timezone);
    let defaults = check.defaults(file.defaults);
    let mut groups = check.groups(file.groups, whole);
    let has_others = file.jobs.is_some() || file.discovery.is_some();
    let names = (&mut channels, &mut on_call, &mut groups);
    let jobs = check.jobs(file.jobs, &server, &defaults, names);
    let mut sources = check.log_sources(file.log_sources, whole, &mut channels);
    let context = targets::Context {
        defaults: &defaults,
        zone: server.timezone,
        has_others,
        server_token: server.token.as_ref(),
    };
    let typed = (whole, file.targets, file.discovery);
    let known = (&mut groups, &mut sources);
    let targets = check.watched(typed, &context, known, discovered);
    let (slos, budgets) = check.slos(file.slos, store.retention, &mut groups, &targets);
    let mut routes = check.routes(
        file.routes,
        &mut channels,
        &mut on_call,
        &groups,
        &targets,
        whole,
    );
    check.aliases(&groups, &targets);
    let maintenance = check.maintenance(file.maintenance, server.timezone, &groups, &targets);
    let actions = check.actions(file.actions, &mut channels, &mut on_call, &groups, &bot);
    let replies = check.replies(file.replies, &mut channels, &slack, &bot);
    let releases = check.releases(file.releases, &mut channels, &groups, &targets);
    let stores = sources.finish(&check);
    let (mut groups, mut targets) = (groups.finish(&check), targets.into_plan());
    for others in [jobs, stores, budgets] {
        others.add_to(&mut targets, &mut groups, &mut routes);
    }
    let channels = channels.finish(&check);
    Some(Plan {
        witnesses: check.witnesses(file.witnesses, &channels, &targets),
        server,
        store,
        slack,
        page: check.page(file.page),
        dead_man: check.dead_man(file.dead_man),
        channels,
        on_call: on_call.finish(&check),
        groups,
        targets,
        routes,
        maintenance,
        slos,
        actions,
        replies,
        releases,
        damps_flapping: file.damp_flapping.and_then(|at| at.value) != Some(false),
        groups_incidents: file.group_incidents.and_then(|at| at.value) != Some(false),
    })
}

impl Check<'_> {
    /// Everything that is watched: what was typed, what was found, and the roles of groups.
    fn watched(
        &mut self,
        (whole, typed, discovery): WhatIsWatched,
        context: &targets::Context<'_>,
        (groups, sources): (&mut targets::Groups, &mut logs::Sources),
        discovered: &mut Discovered<'_>,
    ) -> targets::Targets {
        let mut targets = self.targets(typed, whole, context, groups, sources);
        let declared = targets.placed.len();
        self.discovery(discovery, context, groups, sources, discovered);
        self.found(context, groups, sources, &mut targets, discovered);
        self.parents(groups, &mut targets, declared);
        self.roles(std::mem::take(&mut groups.active), &mut targets);
        targets
    }

    fn version(&self, at: Option<&At<u32>>) {
        let Some(At {
            span,
            value: Some(version),
        }) = at
        else {
            return;
        };
        if *version != 1 {
            self.report(
                Problem::new(
                    Code::Version,
                    *span,
                    format!("version {version} of this file is not known"),
                )
                .label("this hekate reads version 1"),
            );
        }
    }

    fn report(&self, problem: Problem) {
        self.findings.report(problem);
    }

    /// The text of a place.
    fn slice(&self, span: Span) -> &str {
        self.sources
            .get(usize::from(span.file))
            .map_or("", |source| source.slice(span))
    }

    /// The place of a piece of a value, if the value is written as it reads; else the whole value.
    fn piece(&self, span: Span, piece: &str) -> Span {
        match self.slice(span).find(piece) {
            Some(at) if !piece.is_empty() => {
                let start = span.start as usize + at;
                span.with(start..start + piece.len())
            }
            Some(_) | None => span,
        }
    }

    /// The place of a value without the quotes around it.
    fn inner(&self, span: Span) -> Span {
        let text = self.slice(span);
        let is_quoted = text.len() >= 2
            && [('"', '"'), ('\'', '\'')]
                .iter()
                .any(|(open, close)| text.starts_with(*open) && text.ends_with(*close));
        if is_quoted {
            span.with(span.start as usize + 1..span.end as usize - 1)
        } else {
            span
        }
    }
}
