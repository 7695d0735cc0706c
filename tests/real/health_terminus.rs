//! The terminus module of `NestJS`.

use std::process::Command;

use expect_test::expect;
use hekate::model::Outcome;

use crate::servers::{Server, beside, installed, line, program};

#[tokio::test]
async fn terminus_up_down_and_stopping() {
    let Some((node, packages)) = program("node").zip(installed("terminus")) else {
        return;
    };
    let mut command = Command::new(node);
    command.arg(beside("terminus_app.mjs")).arg(packages);
    let server = Server::that_says_its_port(&mut command);

    let reading = server.look("/health").await;
    expect!["healthy [terminus]"].assert_eq(&line(&reading));
    assert_eq!(reading.detail, None);

    server.look("/set?to=down").await;
    let reading = server.look("/health").await;
    expect!["unhealthy [terminus] explicit says_down: HTTP 503, the body says error: queue connect ECONNREFUSED 10.0.0.7:5672"].assert_eq(&line(&reading));
    let detail = reading.detail.expect("a bad answer has a detail");
    assert_eq!((detail.components.len(), detail.components_total), (1, 2));
    assert_eq!(detail.excerpt, None);

    server.look("/set?to=stopping").await;
    let reading = server
        .look_until("/health", |reading| reading.outcome != Outcome::Healthy)
        .await;
    expect![
        "unhealthy [terminus] explicit says_down: HTTP 503, the body says shutting_down (planned)"
    ]
    .assert_eq(&line(&reading));
}
