//! Bad networks: whoever cannot be seen is not accused, and whoever can be is.

mod lab;

use std::{fmt::Write as _, time::Duration};

use self::lab::{HOSTS, Lab, within};
use super::home::Hekate;
use crate::wait::until;

/// For so long a network stays broken after hekate has noticed.
const BROKEN_FOR: Duration = Duration::from_secs(10);

fn section(urls: impl Iterator<Item = String>) -> String {
    let mut text = String::from("targets:\n");
    let mut names = Vec::new();
    for (number, url) in urls.enumerate() {
        let _ = writeln!(text, "  - {{ name: t{number}, health: \"{url}\" }}");
        names.push(format!("t{number}"));
    }
    let names = names.join(", ");
    text + &format!(
        "routes:\n  - {{ match: {{ target: [{names}] }}, to: alerts }}\n  - {{ to: ops }}\n"
    )
}

async fn loses_sight(hekate: &Hekate) {
    until("hekate knows that it is blind", async || {
        hekate.event("sight.lost")
    })
    .await;
}

/// Breaks the network in a way that hides everything, and mends it; nobody is accused, and `ops` hears once of it.
async fn go_blind(lab: &Lab, break_it: impl FnOnce(&Lab), says: &str) {
    let hekate = lab.home.start().await;
    lab.asked(4).await;
    break_it(lab);
    loses_sight(&hekate).await;
    tokio::time::sleep(BROKEN_FOR).await;
    lab.mend();
    let notice = lab
        .receiver
        .hear("ops", "that hekate was blind", |told| {
            told.text.contains("hekate was blind")
        })
        .await;
    assert!(notice.text.contains(" to "), "{}", notice.text);
    assert!(notice.text.contains(says), "{}", notice.text);
    lab.asked(6).await;
    let server = format!("http://{}", hekate.address);
    let status = lab.home.run(&["status", "--server", &server]).await;
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("hekate was blind from "), "{status}");
    hekate.stop().await;
    let told = lab.told();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn when_our_own_way_out_is_silent_nobody_is_accused() {
    within(
        "network::when_our_own_way_out_is_silent_nobody_is_accused",
        async |lab| {
            let urls = (0..HOSTS.len()).map(|index| lab.url(index));
            lab.home.write_grouped(&section(urls));
            go_blind(
                &lab,
                |lab| lab.drop_coming("ip protocol tcp"),
                "do not answer",
            )
            .await;
        },
    );
}

#[test]
fn when_our_cable_is_pulled_nobody_is_accused() {
    within(
        "network::when_our_cable_is_pulled_nobody_is_accused",
        async |lab| {
            let urls = (0..HOSTS.len()).map(|index| lab.url(index));
            lab.home.write_grouped(&section(urls));
            go_blind(&lab, Lab::pull, "do not answer").await;
        },
    );
}

#[test]
fn when_the_resolver_is_dead_it_is_named_and_no_target_is_accused() {
    within(
        "network::when_the_resolver_is_dead_it_is_named_and_no_target_is_accused",
        async |lab| {
            let urls = (0..HOSTS.len()).map(|index| lab.named_url(index));
            let witness = "witnesses: { intranet: { dns: host-10-9-0-1.test } }\n";
            lab.home
                .write_grouped(&(witness.to_owned() + &section(urls)));
            let says = "the resolver does not answer";
            go_blind(&lab, |lab| lab.drop_coming("udp dport 53"), says).await;
        },
    );
}

#[test]
fn one_network_that_is_cut_off_is_one_incident() {
    within(
        "network::one_network_that_is_cut_off_is_one_incident",
        async |lab| {
            let urls = (0..HOSTS.len()).map(|index| lab.url(index));
            lab.home.write_grouped(&section(urls));
            let hekate = lab.home.start().await;
            lab.asked(4).await;
            lab.drop_coming("ip daddr 10.1.0.0/24");
            let down = lab.receiver.hear_down("alerts").await;
            assert!(
                down.text.contains("3 of 3 in network 10.1.0.0/24"),
                "{}",
                down.text
            );
            lab.mend();
            lab.receiver.hear_up("alerts", down.id()).await;
            lab.asked(3).await;
            hekate.stop().await;
            let told = lab.told();
            assert_eq!(told.len(), 2, "{told:?}");
        },
    );
}

async fn lose(lab: &Lab, percent: u8) {
    // Long enough for what is lost once to be sent again, as the defaults are.
    let rhythm = "defaults: { interval: 3s, timeout: 2500ms, successes: 1 }\n";
    let urls = (0..HOSTS.len()).map(|index| lab.url(index));
    lab.home.write_with(rhythm, &section(urls.cycle().take(20)));
    let hekate = lab.home.start().await;
    let what = format!("numgen random mod 100 < {percent}");
    lab.drop_coming(&what);
    lab.drop_going(&what);
    // Four targets at each host, so ten rounds.
    lab.asked(40).await;
    lab.mend();
    lab.asked(8).await;
    hekate.stop().await;
    assert_eq!(lab.told(), Vec::<String>::new());
}

#[test]
fn one_lost_packet_in_a_hundred_tells_nobody() {
    within(
        "network::one_lost_packet_in_a_hundred_tells_nobody",
        async |lab| lose(&lab, 1).await,
    );
}

#[test]
fn five_lost_packets_in_a_hundred_tell_nobody() {
    within(
        "network::five_lost_packets_in_a_hundred_tell_nobody",
        async |lab| lose(&lab, 5).await,
    );
}
