//! Prometheus: jobs that probe through a `blackbox_exporter`, and jobs whose targets are listed.
//!
//! Source: Prometheus' "Configuration" (`scrape_configs`) and the `README.md` of `blackbox_exporter` for how the two are joined: the
//! address becomes `__param_target` by a rule of `relabel_configs`, the module is in `params`.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value as Json, json};

use super::{
    Origin, Tree, Trouble, blackbox,
    draft::Draft,
    read::{self, Fields},
    request::Request,
    target::Target,
    words::{self, Statuses},
};

/// From one look to the next if the file says nothing.
const INTERVAL: Duration = Duration::from_mins(1);
/// What a look waits if the file says nothing.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Sections that say nothing of what is watched.
const OF_ITS_OWN: [(&str, &str); 9] = [
    (
        "rule_files",
        "rules are not read; hekate tells what fails for longer than `confirm:`",
    ),
    ("alerting", "who is told is `channels:` and `routes:`"),
    ("remote_write", "hekate gives its metrics at /metrics"),
    ("remote_read", "hekate keeps its own history"),
    ("storage", "hekate keeps its own store: `store:`"),
    ("tracing", "hekate has none"),
    ("otlp", "hekate takes none"),
    ("runtime", "it is about another program"),
    ("scrape_config_files", "give these files as well"),
];

/// What of a job is about metrics and not about whether something works.
const OF_METRICS: [&str; 17] = [
    "honor_labels",
    "honor_timestamps",
    "track_timestamps_staleness",
    "metric_relabel_configs",
    "sample_limit",
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
    "target_limit",
    "keep_dropped_targets",
    "body_size_limit",
    "scrape_protocols",
    "fallback_scrape_protocol",
    "enable_compression",
    "always_scrape_classic_histograms",
    "native_histogram_bucket_limit",
    "metric_name_validation_scheme",
];

/// Reads all files: each is one of the two.
///
/// # Errors
///
/// If one of them is neither.
pub(super) fn draft(origin: Origin, trees: &[Tree<'_>]) -> Result<Draft, Trouble> {
    let mut draft = Draft::default();
    let mut modules: BTreeMap<&str, &Json> = BTreeMap::new();
    let mut files = Vec::new();
    for tree in trees {
        if let Some(map) = tree.tree.get("modules").and_then(Json::as_object) {
            modules.extend(map.iter().map(|(name, module)| (name.as_str(), module)));
        } else if tree.tree.get("scrape_configs").is_some() {
            files.push(&tree.tree);
        } else {
            return Err(tree.is_not(match origin {
                Origin::Blackbox => {
                    "this is no configuration of blackbox_exporter: it has no `modules`"
                }
                Origin::Prometheus | Origin::Gatus | Origin::UptimeKuma | Origin::Healthchecks => {
                    "this is no configuration of Prometheus: it has no `scrape_configs`"
                }
            }));
        }
    }
    for file in &files {
        one(&mut draft, file, &modules);
    }
    if files.is_empty() {
        draft.nearly(
            "the addresses",
            "they are in prometheus.yml; give that file as well, or set the variables",
        );
        for (name, module) in modules {
            template(&mut draft, name, module);
        }
    }
    Ok(draft)
}

/// A module without anything to probe: its address has to be set.
fn template(draft: &mut Draft, name: &str, module: &Json) {
    let from = format!("module `{}`", words::shown(name));
    let mut target = draft.target(name, None, from);
    let timeout = module.get("timeout").and_then(read::text);
    let timeout = timeout.and_then(|text| words::duration(&text));
    target.rhythm(INTERVAL, Some(timeout.unwrap_or(TIMEOUT)));
    if blackbox::ask_later(draft, &mut target, module, name) {
        draft.targets.push(target);
    } else {
        draft.leave(
            &target.from,
            "what it probes is in prometheus.yml; give that file as well",
        );
    }
}

/// How a job looks.
struct Job<'a> {
    name: String,
    interval: Duration,
    timeout: Duration,
    /// Its module, if it probes.
    module: Option<String>,
    is_probe: bool,
    said: &'a Json,
    /// Put around addresses by a rule: `https://$1`.
    around: Option<String>,
}

fn one(draft: &mut Draft, file: &Json, modules: &BTreeMap<&str, &Json>) {
    let mut fields = Fields::of(file);
    let global = fields.any("global").cloned().unwrap_or(Json::Null);
    let mut global = Fields::of(&global);
    let length = |fields: &mut Fields<'_>, key: &str| {
        fields.text(key).and_then(|text| words::duration(&text))
    };
    let interval = length(&mut global, "scrape_interval").unwrap_or(INTERVAL);
    let timeout = length(&mut global, "scrape_timeout").unwrap_or(TIMEOUT);
    for said in fields.list("scrape_configs") {
        let mut own = Fields::of(said);
        let name = own.text("job_name").unwrap_or_else(|| String::from("job"));
        let from = format!("job `{}`", words::shown(&name));
        let mut job = Job {
            name,
            interval: length(&mut own, "scrape_interval").unwrap_or(interval),
            timeout: length(&mut own, "scrape_timeout").unwrap_or(timeout),
            module: None,
            is_probe: false,
            said,
            around: None,
        };
        probed(draft, &mut own, &mut job, &from);
        targets(draft, &mut own, &job, &from, modules);
    }
    for (key, why) in OF_ITS_OWN {
        if fields.any(key).is_some() {
            draft.leave(format!("`{key}`"), why);
        }
    }
    draft.leave_keys("the file", &fields.rest());
}

/// The targets of a job, and what of it was not understood.
fn targets(
    draft: &mut Draft,
    own: &mut Fields<'_>,
    job: &Job<'_>,
    from: &str,
    modules: &BTreeMap<&str, &Json>,
) {
    let configs = own.list("static_configs");
    for config in configs {
        addresses(draft, job, config, modules);
    }
    for key in own.keys() {
        if key.ends_with("_sd_configs") {
            own.ignore(key);
            let what = format!(
                "`{key}`: `discovery:` takes lists of others (file_sd, http_sd, dns_srv, docker, kubernetes)"
            );
            draft.leave(from, what);
        }
    }
    if !job.is_probe {
        own.ignore("follow_redirects");
        own.ignore("enable_http2");
        if !configs.is_empty() {
            draft.nearly(from, "what `up` says: whether its page of metrics answers");
        }
    }
    // Of a job that probes they are about the exporter itself.
    for key in [
        "scheme",
        "basic_auth",
        "authorization",
        "tls_config",
        "bearer_token",
    ] {
        own.ignore(key);
    }
    for key in OF_METRICS {
        own.ignore(key);
    }
    draft.leave_keys(from, &own.rest());
}

/// Whether and how a job probes, from its path, its parameters and its rules.
fn probed(draft: &mut Draft, own: &mut Fields<'_>, job: &mut Job<'_>, from: &str) {
    let path = own.text("metrics_path").unwrap_or_default();
    job.is_probe = path.ends_with("/probe");
    if let Some(mut params) = own.section("params") {
        job.module = params.list("module").iter().find_map(read::text);
        job.is_probe |= job.module.is_some();
        params.ignore("target");
        if job.is_probe {
            draft.leave_keys(&format!("{from}, `params`"), &params.rest());
        }
    }
    for rule in own.list("relabel_configs") {
        let mut rule = Fields::of(rule);
        let to = rule.text("target_label").unwrap_or_default();
        let replacement = rule
            .text("replacement")
            .unwrap_or_else(|| String::from("$1"));
        let is_whole = rule
            .text("regex")
            .is_none_or(|regex| regex == "(.*)" || regex == "(.+)");
        match to.as_str() {
            "__param_target" => {
                job.is_probe = true;
                let has_part = replacement.contains("$1") || replacement.contains("${1}");
                if !is_whole || !has_part {
                    draft.leave(from, "the rule of `relabel_configs` that makes `__param_target`; addresses are taken as they are");
                } else if replacement != "$1" && replacement != "${1}" {
                    job.around = Some(replacement.replace("${1}", "$1"));
                }
            }
            "__param_module" if !rule.list("source_labels").is_empty() => {}
            "instance" | "__address__" if job.is_probe || is_whole => {}
            other => {
                let what = format!(
                    "the rule of `relabel_configs` for `{}`",
                    words::shown(other)
                );
                draft.leave(from, what);
            }
        }
    }
}

fn addresses(draft: &mut Draft, job: &Job<'_>, config: &Json, modules: &BTreeMap<&str, &Json>) {
    let mut config = Fields::of(config);
    let labels: BTreeMap<&str, String> = config.texts("labels").into_iter().collect();
    let list = config.words("targets");
    let is_only = list.len() == 1;
    let labelled = format!("job `{}`", words::shown(&job.name));
    draft.leave_keys(&labelled, &config.rest());
    for address in list {
        let plain = address.split("://").last().unwrap_or(&address);
        let plain = plain.rsplit_once('@').map_or(plain, |(_, host)| host);
        let plain = plain
            .split(['?', '#'])
            .next()
            .unwrap_or(plain)
            .trim_end_matches('/');
        let plain = words::without_random(plain);
        let own = ["name", "instance"]
            .iter()
            .find_map(|key| labels.get(key))
            .filter(|_| is_only);
        let name = own.map_or(plain.as_str(), String::as_str);
        let from = format!(
            "job `{}`, target `{}`",
            words::shown(&job.name),
            words::shown(&address)
        );
        let mut target = draft.target(name, Some(&job.name), from);
        // It had no name, only an address.
        target.near.clear();
        let address = match &job.around {
            Some(around) => around.replace("$1", &address),
            None => address,
        };
        if job.is_probe {
            let wanted = ["__param_module", "module"].iter();
            let wanted = wanted.copied().find_map(|key| labels.get(key));
            let wanted = wanted.or(job.module.as_ref());
            let wanted = wanted.map_or("http_2xx", String::as_str);
            probe(
                draft,
                target,
                job,
                &address,
                (wanted, modules.get(wanted).copied()),
            );
        } else {
            target.rhythm(job.interval, Some(job.timeout));
            page(draft, &mut target, job.said, &address);
            draft.targets.push(target);
        }
    }
}

/// One address, through a module; one that no file has is guessed.
fn probe(
    draft: &mut Draft,
    mut target: Target,
    job: &Job<'_>,
    address: &str,
    (name, module): (&str, Option<&Json>),
) {
    let guess = json!({ "prober": guessed(name) });
    if module.is_none() {
        target.near.push(format!(
            "the module `{}` is in none of the files (give blackbox.yml as well): taken as a plain one of the kind `{}`",
            words::shown(name),
            guessed(name)
        ));
    }
    let module = module.unwrap_or(&guess);
    let limit = module.get("timeout").and_then(read::text);
    let limit = limit.and_then(|text| words::duration(&text));
    let limit = limit.map_or(job.timeout, |limit| limit.min(job.timeout));
    target.rhythm(job.interval, Some(limit));
    if blackbox::ask(draft, &mut target, module, address) {
        draft.targets.push(target);
        return;
    }
    let prober = module.get("prober").and_then(read::text);
    let prober = prober.unwrap_or_default();
    let what = format!(
        "hekate has no check of the kind `{}`",
        words::shown(&prober)
    );
    draft.leave(&target.from, what);
}

/// What a module of this name most likely is.
fn guessed(module: &str) -> &'static str {
    let has = |part: &str| module.contains(part);
    match () {
        () if has("icmp") || has("ping") => "icmp",
        () if has("dns") => "dns",
        () if has("grpc") => "grpc",
        () if has("websocket") => "websocket",
        () if has("tcp") || has("ssh") || has("tls") => "tcp",
        () => "http",
    }
}

/// What `up` says: that a page of metrics answers.
fn page(draft: &mut Draft, target: &mut Target, said: &Json, address: &str) {
    let mut said = Fields::of(said);
    let scheme = said.text("scheme").unwrap_or_else(|| String::from("http"));
    let path = said
        .text("metrics_path")
        .unwrap_or_else(|| String::from("/metrics"));
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(mut params) = said.section("params") {
        for key in params.keys() {
            for value in params.list(key).iter().filter_map(read::text) {
                query.append_pair(key, &value);
            }
        }
    }
    let query = query.finish();
    let mark = if query.is_empty() { "" } else { "?" };
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut request = Request {
        url: format!("{scheme}://{address}{slash}{path}{mark}{query}"),
        redirects: if said.flag("follow_redirects") == Some(false) {
            0
        } else {
            10
        },
        statuses: Some(Statuses::which(|code| code / 100 == 2)),
        ..Request::default()
    };
    if let Some(mut tls) = said.section("tls_config") {
        request.is_insecure = tls.flag("insecure_skip_verify") == Some(true);
        for key in ["ca_file", "cert_file", "key_file", "server_name"] {
            if tls.text(key).is_some() {
                draft.leave(
                    &target.from,
                    format!("`{key}` of `tls_config`; say it in `http: {{ tls: … }}`"),
                );
            }
        }
    }
    blackbox::login(draft, target, &mut said, &mut request);
    draft.request(target, request);
}
