//! What is around that a first file can be made of: files in this folder and variables. Nothing is asked and nothing is run.

use std::{env, fs, path::Path};

use serde_yaml::Value;

use super::Answers;

/// The largest file that is looked at, in bytes.
const BYTES_MAX: u64 = 1024 * 1024;
/// The most targets that are taken from a file of containers.
const TARGETS_MAX: usize = 10;
/// Where hekate answers for itself.
const OWN: &str = "http://127.0.0.1:8080/healthz";

/// What was found.
#[derive(Clone, Default, Debug)]
pub(super) struct Around {
    /// Services of a `compose.yaml` with a port of this machine.
    pub(super) services: Vec<(String, String)>,
    /// Files of other monitors: the program and the file.
    pub(super) others: Vec<(&'static str, String)>,
    /// Whether Docker is here.
    pub(super) has_docker: bool,
    /// Whether this is a pod.
    pub(super) has_kubernetes: bool,
    /// The zone of this machine, if it says one.
    pub(super) timezone: Option<String>,
    /// A variable that may hold a webhook.
    pub(super) variable: Option<String>,
}

impl Around {
    /// Looks at a folder and at the environment.
    pub(super) fn look(folder: &Path) -> Self {
        let mut out = Self {
            has_docker: Path::new("/var/run/docker.sock").exists(),
            has_kubernetes: env::var_os("KUBERNETES_SERVICE_HOST").is_some(),
            timezone: timezone(),
            variable: env::vars_os()
                .filter_map(|(name, _)| name.into_string().ok())
                .filter(|name| name.starts_with("SLACK_WEBHOOK"))
                .min(),
            ..Self::default()
        };
        for name in [
            "compose.yaml",
            "compose.yml",
            "docker-compose.yaml",
            "docker-compose.yml",
        ] {
            if let Some(tree) = yaml(&folder.join(name)) {
                out.services = services(&tree);
                break;
            }
        }
        for (program, name, key) in [
            ("gatus", "config.yaml", "endpoints"),
            ("gatus", "gatus.yaml", "endpoints"),
            ("prometheus", "prometheus.yml", "scrape_configs"),
            ("blackbox", "blackbox.yml", "modules"),
        ] {
            let tree = yaml(&folder.join(name));
            if tree.is_some_and(|tree| tree.get(key).is_some()) {
                out.others.push((program, name.to_owned()));
            }
        }
        out
    }

    /// What a first file says if nobody says otherwise.
    pub(super) fn answers(&self) -> Answers {
        let targets = if self.services.is_empty() {
            vec![(String::from("hekate"), String::from(OWN))]
        } else {
            self.services.clone()
        };
        Answers {
            targets,
            variable: self
                .variable
                .clone()
                .unwrap_or_else(|| String::from("SLACK_WEBHOOK_URL")),
            timezone: self.timezone.clone().unwrap_or_else(|| String::from("UTC")),
            listen: String::from("127.0.0.1:8080"),
        }
    }

    /// Whether hekate itself is there.
    pub(super) fn is_own(&self, url: &str) -> bool {
        self.services.is_empty() && url == OWN
    }
}

fn yaml(path: &Path) -> Option<Value> {
    let is_small =
        fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= BYTES_MAX);
    if !is_small {
        return None;
    }
    serde_yaml::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// Services with a published port: `"8081:80"`, `"127.0.0.1:8081:80/tcp"`, or in the long form.
fn services(tree: &Value) -> Vec<(String, String)> {
    let Some(services) = tree.get("services").and_then(Value::as_mapping) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for (name, service) in services {
        let ports = service.get("ports").and_then(Value::as_sequence);
        let first = ports.and_then(|ports| ports.iter().find_map(published));
        if let (Some(name), Some(port)) = (name.as_str(), first) {
            let is_name = !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
            if is_name && name.len() <= 64 && out.len() < TARGETS_MAX {
                out.push((name.to_owned(), format!("http://127.0.0.1:{port}/health")));
            }
        }
    }
    out
}

fn published(port: &Value) -> Option<u16> {
    if let Some(long) = port.get("published") {
        let text = long.as_str().map(str::to_owned);
        return text
            .or_else(|| Some(long.as_u64()?.to_string()))?
            .parse()
            .ok();
    }
    let text = port.as_str()?.split('/').next()?;
    let mut parts = text.rsplit(':');
    let _inside = parts.next()?;
    parts.next()?.parse().ok()
}

/// The zone as the environment or the system names it.
fn timezone() -> Option<String> {
    let is_zone = |name: &String| name.parse::<chrono_tz::Tz>().is_ok();
    let named = env::var("TZ").ok().filter(is_zone);
    named
        .or_else(|| {
            let text = fs::read_to_string("/etc/timezone").ok()?;
            Some(text.trim().to_owned()).filter(is_zone)
        })
        .or_else(|| {
            let link = fs::read_link("/etc/localtime").ok()?;
            let (_, name) = link.to_str()?.split_once("zoneinfo/")?;
            Some(name.to_owned()).filter(is_zone)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_of_a_compose_file_and_files_of_others_are_found() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("compose.yaml"),
            "services:\n  web: { ports: [\"8081:80\"] }\n  api:\n    ports:\n      - { target: 80, published: \"9000\" }\n  \
             db: { ports: [\"127.0.0.1:5433:5432/tcp\"] }\n  quiet: {}\n  open: { ports: [80] }\n",
        )
        .unwrap();
        fs::write(folder.path().join("prometheus.yml"), "scrape_configs: []\n").unwrap();
        fs::write(folder.path().join("config.yaml"), "other: 1\n").unwrap();
        fs::write(folder.path().join("blackbox.yml"), "modules: [\n").unwrap();
        let around = Around::look(folder.path());
        let found: Vec<_> = around
            .services
            .iter()
            .map(|(name, url)| format!("{name} {url}"))
            .collect();
        assert_eq!(
            found,
            [
                "web http://127.0.0.1:8081/health",
                "api http://127.0.0.1:9000/health",
                "db http://127.0.0.1:5433/health",
            ]
        );
        assert_eq!(
            around.others,
            [("prometheus", String::from("prometheus.yml"))]
        );
        assert!(around.answers().targets.len() == 3 && !around.is_own(OWN));
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        let around = Around::look(Path::new("/no/such/folder"));
        assert!(around.services.is_empty() && around.others.is_empty());
        assert!(around.is_own(OWN));
    }
}
