//! `icmp:` echo requests to this machine.

use std::{fs, net::Ipv4Addr, sync::Arc};

use hekate::model::{
    plan::{IpFamily, Question},
    wire::IcmpQuestion,
};
use url::Host;

use super::stage::{PATIENT, look_with, prober, told};

/// Whether the system allows echo requests to this process: to all groups, or to none.
fn is_allowed() -> bool {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ping_group_range").unwrap_or_default();
    let mut numbers = range.split_whitespace().map(str::parse::<u64>);
    matches!((numbers.next(), numbers.next()), (Some(Ok(0)), Some(Ok(last))) if last > 65_535)
}

#[tokio::test]
async fn this_machine_answers_or_the_missing_permission_is_named() {
    let question = Question::Icmp(Arc::new(IcmpQuestion {
        host: Host::Ipv4(Ipv4Addr::LOCALHOST),
        ip: IpFamily::Auto,
        packets: 3,
        max_lost: 0,
    }));
    let seen = look_with(&prober(), &question, PATIENT).await;
    let expected = if is_allowed() {
        "healthy"
    } else {
        "gap own_resources: this process may not send echo requests; allow it with the sysctl net.ipv4.ping_group_range = \"0 2147483647\""
    };
    assert_eq!(told(&seen), expected);
    assert_eq!(seen.phases.first_byte_us.is_some(), is_allowed());
}
