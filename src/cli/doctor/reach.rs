//! Whether Slack can be reached from here: its name, the way, the certificate, and whether the two clocks agree.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use reqwest::{Client, redirect};
use rustls_platform_verifier::Verifier;
use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};
use url::Url;

use super::line::{Line, State, Subject};
use crate::{
    cli::ask::innermost,
    clock::Clock,
    model::{Plan, Timestamp, plan::Destination},
};

/// How long a name, a connection or an answer is waited for.
const LIMIT: Duration = Duration::from_secs(5);
/// Below this two clocks agree: answers tell whole seconds, and take their time.
const AGREE_SECONDS: i64 = 5;
/// Slack, and hekate, refuse what was signed longer ago.
///
/// Source: Slack, "Verifying requests from Slack".
const SIGNED_SECONDS_MAX: i64 = 300;

/// Where Slack is for this file: of its methods if there is a bot or a connection, else of a webhook.
pub(super) fn address(plan: &Plan) -> Option<Url> {
    let is_asked = plan.slack.bot_token.is_some() || plan.slack.app_token.is_some();
    let mut webhooks = plan.channels.values().filter_map(|channel| {
        let (Destination::SlackWebhook { url }
        | Destination::SlackBot {
            spare: Some(url), ..
        }) = &channel.destination
        else {
            return None;
        };
        // The rest of the address is the permission to post.
        let mut url = Url::parse(url.expose()).ok()?;
        url.set_path("/");
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    });
    if is_asked {
        let base = Url::parse(&plan.slack.base_url).ok()?;
        return base.join("/api/api.test").ok();
    }
    webhooks.next()
}

/// What was seen on the way.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    host: String,
    /// What the resolver said, and how long it took.
    addresses: Result<(Vec<IpAddr>, Duration), String>,
    /// The first address of each family, and whether it could be connected to.
    families: Vec<(IpAddr, Result<Duration, String>)>,
    /// Whether the machine has any certificate that it trusts.
    roots: Result<(), String>,
    is_https: bool,
    /// How much later Slack's clock is than ours, in seconds; absent if it does not say.
    answer: Result<Option<i64>, String>,
}

impl Seen {
    /// Looks; nothing is posted.
    pub(super) async fn of(url: &Url, clock: &Clock) -> Self {
        let host = url.host_str().unwrap_or_default().to_owned();
        let port = url.port_or_known_default().unwrap_or(443);
        let begun = clock.now().tick;
        let found = match timeout(LIMIT, lookup_host((bare(&host), port))).await {
            Ok(Ok(found)) => Ok(found.collect::<Vec<_>>()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_late) => Err(format!("no answer within {} s", LIMIT.as_secs())),
        };
        let took = clock.now().tick.since(begun);
        let mut families = Vec::new();
        for is_wanted in [SocketAddr::is_ipv4, SocketAddr::is_ipv6] {
            let addresses = found.as_deref().unwrap_or_default();
            if let Some(address) = addresses.iter().find(|address| is_wanted(address)) {
                families.push((address.ip(), connected(*address, clock).await));
            }
        }
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let answer = if families.iter().any(|(_, connected)| connected.is_ok()) {
            asked(url, clock).await
        } else {
            Err(String::from("nobody could be connected to"))
        };
        Self {
            host,
            addresses: found.map(|found| (found.iter().map(SocketAddr::ip).collect(), took)),
            families,
            roots: Verifier::new(provider)
                .map(drop)
                .map_err(|error| error.to_string()),
            is_https: url.scheme() == "https",
            answer,
        }
    }
}

/// An address of version 6 without its brackets.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

async fn connected(address: SocketAddr, clock: &Clock) -> Result<Duration, String> {
    let begun = clock.now().tick;
    match timeout(LIMIT, TcpStream::connect(address)).await {
        Ok(Ok(_stream)) => Ok(clock.now().tick.since(begun)),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_late) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

/// Asks for nothing in particular; whatever is answered has the time in it.
async fn asked(url: &Url, clock: &Clock) -> Result<Option<i64>, String> {
    let client = client()?;
    let begun = clock.now().at;
    let answer = client.get(url.clone()).send().await;
    let answer = answer.map_err(innermost)?;
    let ended = clock.now().at;
    let date = answer.headers().get(reqwest::header::DATE);
    Ok(date
        .and_then(|date| date.to_str().ok())
        .and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok())
        .map(|date| offset(date.timestamp(), begun, ended)))
}

fn client() -> Result<Client, String> {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(LIMIT)
        .build()
        .map_err(|error| error.without_url().to_string())
}

/// Whether a hekate answers below this address, as Slack would call it.
pub(super) async fn healthz(public_url: &str) -> Result<(), String> {
    let url = format!("{}/healthz", public_url.trim_end_matches('/'));
    let answer = client()?.get(url).send().await.map_err(innermost)?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("HTTP {}", status.as_u16())),
    }
}

/// How much later their clock is, if it is outside of what can be when the question and the answer took their time.
fn offset(theirs_seconds: i64, begun: Timestamp, ended: Timestamp) -> i64 {
    let (earliest, latest) = (begun.as_seconds() - 1, ended.as_seconds() + 1);
    if theirs_seconds > latest {
        theirs_seconds - latest
    } else {
        (theirs_seconds - earliest).min(0)
    }
}

/// What is said of the clock, the network and TLS.
pub(super) fn judge(seen: Option<&Seen>, is_synchronised: bool) -> [Line; 3] {
    let Some(seen) = seen else {
        let nobody = "the file names no Slack to be asked";
        return [Subject::Clock, Subject::Network, Subject::Tls]
            .map(|subject| Line::unseen(subject, nobody));
    };
    [clock(seen, is_synchronised), network(seen), tls(seen)]
}

fn clock(seen: &Seen, is_synchronised: bool) -> Line {
    let kept = if is_synchronised {
        ", kept by systemd-timesyncd"
    } else {
        ""
    };
    let fix = "keep the clock by NTP: `timedatectl set-ntp true`";
    match &seen.answer {
        Err(_) | Ok(None) => Line::new(
            Subject::Clock,
            if is_synchronised {
                State::Fine
            } else {
                State::Unseen
            },
            format!("{} did not say what time it is{kept}", seen.host),
        ),
        Ok(Some(offset)) if offset.abs() <= AGREE_SECONDS => {
            Line::fine(Subject::Clock, format!("agrees with {}{kept}", seen.host))
        }
        Ok(Some(offset)) => {
            let side = if *offset > 0 { "behind" } else { "ahead of" };
            let apart = offset.abs();
            let (state, words) = if apart >= SIGNED_SECONDS_MAX {
                (State::Problem, "so nothing that Slack signs is believed")
            } else {
                (
                    State::Warning,
                    "from 5 min on nothing that Slack signs is believed",
                )
            };
            let words = format!("is {apart} s {side} that of {}; {words}", seen.host);
            Line::new(Subject::Clock, state, words).fix(fix)
        }
    }
}

fn network(seen: &Seen) -> Line {
    let milliseconds = |took: &Duration| format!("{:.0} ms", took.as_secs_f64() * 1_000.0);
    let (_, took) = match &seen.addresses {
        Ok(found) => found,
        Err(why) => {
            let words = format!("the name {} is not resolved: {why}", seen.host);
            return Line::new(Subject::Network, State::Problem, words)
                .fix("look at /etc/resolv.conf, and whether this machine may ask its resolver");
        }
    };
    let mut words = format!("{} resolved in {}", seen.host, milliseconds(took));
    for (address, connected) in &seen.families {
        let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
        words.extend([match connected {
            Ok(took) => format!(" \u{b7} {family} connected in {}", milliseconds(took)),
            Err(why) => format!(" \u{b7} {family} not: {why}"),
        }]);
    }
    let reached = seen.families.iter().filter(|(_, one)| one.is_ok()).count();
    if reached == 0 {
        return Line::new(Subject::Network, State::Problem, words).fix(format!(
            "let this machine out to {} port 443; no proxy of the environment is used",
            seen.host
        ));
    }
    let line = Line::fine(Subject::Network, words);
    // Without the newer protocol there is the older one; the other way round an address may be missing that all others have.
    let is_half = seen
        .families
        .iter()
        .any(|(address, connected)| address.is_ipv4() && connected.is_err());
    if is_half {
        line.at_least(State::Warning)
            .fix("every connection tries both kinds of addresses; what fails costs time")
    } else {
        line
    }
}

fn tls(seen: &Seen) -> Line {
    if let Err(why) = &seen.roots {
        let words = format!("no certificate is trusted here: {why}");
        return Line::new(Subject::Tls, State::Problem, words)
            .fix("install the system's roots: `apt-get install ca-certificates`");
    }
    let roots = "the system's roots can be read";
    match (&seen.answer, seen.is_https) {
        (Ok(_), true) => Line::fine(
            Subject::Tls,
            format!("{roots}, and {} is trusted", seen.host),
        ),
        (Ok(_), false) => Line::fine(
            Subject::Tls,
            format!("{roots}; {} is asked without TLS", seen.host),
        ),
        (Err(_), _) if !seen.families.iter().any(|(_, one)| one.is_ok()) => Line::unseen(
            Subject::Tls,
            format!("{roots}; {} could not be connected to", seen.host),
        ),
        (Err(why), _) => {
            let words = format!("{} was connected to and did not answer: {why}", seen.host);
            Line::new(Subject::Tls, State::Problem, words).fix(
                "if somebody on the way opens TLS, their certificate has to be among the system's roots",
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::cli::doctor::line::text;

    fn seen() -> Seen {
        let v4 = IpAddr::from([192, 0, 2, 7]);
        Seen {
            host: String::from("slack.com"),
            addresses: Ok((vec![v4], Duration::from_millis(4))),
            families: vec![(v4, Ok(Duration::from_millis(11)))],
            roots: Ok(()),
            is_https: true,
            answer: Ok(Some(0)),
        }
    }

    fn refused() -> Result<Duration, String> {
        Err(String::from("Network is unreachable (os error 101)"))
    }

    #[test]
    #[expect(
        clippy::too_many_lines,
        reason = "one table of what is seen and what is said"
    )]
    fn what_is_said_of_every_way() {
        let v6 = IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7]);
        let v4 = IpAddr::from([192, 0, 2, 7]);
        let all = [
            seen(),
            Seen {
                answer: Ok(Some(-31)),
                families: vec![(v4, Ok(Duration::from_millis(11))), (v6, refused())],
                ..seen()
            },
            Seen {
                answer: Ok(Some(301)),
                families: vec![(v4, refused()), (v6, Ok(Duration::from_millis(11)))],
                ..seen()
            },
            Seen {
                addresses: Err(String::from("Temporary failure in name resolution")),
                families: Vec::new(),
                answer: Err(String::from("nobody could be connected to")),
                ..seen()
            },
            Seen {
                families: vec![(v4, refused())],
                answer: Err(String::from("nobody could be connected to")),
                ..seen()
            },
            Seen {
                answer: Err(String::from("invalid peer certificate: UnknownIssuer")),
                ..seen()
            },
            Seen {
                roots: Err(String::from(
                    "No CA certificates were loaded from the system",
                )),
                answer: Ok(None),
                is_https: false,
                ..seen()
            },
        ];
        let mut lines: Vec<_> = all
            .iter()
            .flat_map(|seen| judge(Some(seen), false))
            .collect();
        lines.extend(judge(None, true));
        expect![[r#"
             3 ✔ clock         agrees with slack.com
             4 ✔ network       slack.com resolved in 4 ms · IPv4 connected in 11 ms
             5 ✔ TLS           the system's roots can be read, and slack.com is trusted
             3 ! clock         is 31 s ahead of that of slack.com; from 5 min on nothing that Slack signs is believed
                               fix: keep the clock by NTP: `timedatectl set-ntp true`
             4 ✔ network       slack.com resolved in 4 ms · IPv4 connected in 11 ms · IPv6 not: Network is unreachable (os error 101)
             5 ✔ TLS           the system's roots can be read, and slack.com is trusted
             3 ✖ clock         is 301 s behind that of slack.com; so nothing that Slack signs is believed
                               fix: keep the clock by NTP: `timedatectl set-ntp true`
             4 ! network       slack.com resolved in 4 ms · IPv4 not: Network is unreachable (os error 101) · IPv6 connected in 11 ms
                               fix: every connection tries both kinds of addresses; what fails costs time
             5 ✔ TLS           the system's roots can be read, and slack.com is trusted
             3 · clock         slack.com did not say what time it is
             4 ✖ network       the name slack.com is not resolved: Temporary failure in name resolution
                               fix: look at /etc/resolv.conf, and whether this machine may ask its resolver
             5 · TLS           the system's roots can be read; slack.com could not be connected to
             3 · clock         slack.com did not say what time it is
             4 ✖ network       slack.com resolved in 4 ms · IPv4 not: Network is unreachable (os error 101)
                               fix: let this machine out to slack.com port 443; no proxy of the environment is used
             5 · TLS           the system's roots can be read; slack.com could not be connected to
             3 · clock         slack.com did not say what time it is
             4 ✔ network       slack.com resolved in 4 ms · IPv4 connected in 11 ms
             5 ✖ TLS           slack.com was connected to and did not answer: invalid peer certificate: UnknownIssuer
                               fix: if somebody on the way opens TLS, their certificate has to be among the system's roots
             3 · clock         slack.com did not say what time it is
             4 ✔ network       slack.com resolved in 4 ms · IPv4 connected in 11 ms
             5 ✖ TLS           no certificate is trusted here: No CA certificates were loaded from the system
                               fix: install the system's roots: `apt-get install ca-certificates`
             3 · clock         the file names no Slack to be asked
             4 · network       the file names no Slack to be asked
             5 · TLS           the file names no Slack to be asked
            8 fine, 2 warnings, 5 problems
        "#]].assert_eq(&text(&lines, false));
    }

    #[test]
    fn two_clocks_agree_as_far_as_can_be_told() {
        let at = |seconds: i64, millis: i64| Timestamp::from_millis(seconds * 1_000 + millis);
        // Whole seconds, and any moment between question and answer.
        for theirs in [999, 1_000, 1_003, 1_004] {
            assert_eq!(
                offset(theirs, at(1_000, 900), at(1_003, 100)),
                0,
                "{theirs}"
            );
        }
        assert_eq!(offset(1_010, at(1_000, 0), at(1_001, 0)), 8);
        assert_eq!(offset(900, at(1_000, 0), at(1_001, 0)), -99);
    }

    #[test]
    fn the_permission_in_an_address_of_a_webhook_is_not_asked_for() {
        let mut plan = crate::command::fixture::plan();
        plan.slack.bot_token = None;
        for channel in plan.channels.values_mut() {
            channel.destination = Destination::SlackWebhook {
                url: crate::model::Secret::new(
                    "https://hooks.slack.com/services/T0/B0/canary?x=canary#canary",
                ),
            };
        }
        assert!(!plan.channels.is_empty());
        assert_eq!(address(&plan).unwrap().as_str(), "https://hooks.slack.com/");
    }
}
