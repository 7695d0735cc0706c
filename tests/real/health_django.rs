//! django-health-check, both generations.

use std::process::Command;

use expect_test::{Expect, expect};

use crate::servers::{Server, beside, installed, line};

fn start(generation: &str) -> Option<Server> {
    let folder = installed(&format!("django{generation}"))?;
    let mut command = Command::new(folder.join("bin/python"));
    command.arg(beside("django_app.py")).arg(generation);
    Some(Server::that_says_its_port(&mut command))
}

async fn expect_states(generation: &str, critical: &str, expected: [Expect; 4]) {
    let Some(server) = start(generation) else {
        return;
    };
    for (state, expected) in ["ok", "down", "warning", "crash"].into_iter().zip(expected) {
        server.look(&format!("/set/{state}/")).await;
        expected.assert_eq(&line(&server.look("/health/").await));
    }
    server.look("/set/down/").await;
    let reading = server.look_with_critical("/health/", &["broker"]).await;
    assert!(line(&reading).starts_with("unhealthy [django] explicit critical_component"));
    let reading = server.look_with_critical("/health/", &[critical]).await;
    assert!(line(&reading).starts_with("degraded [django] component"));
    // Where there is nothing at all.
    let reading = server.look("/healthz").await;
    assert_eq!(
        line(&reading),
        "unhealthy [-] refused not_found: HTTP 404, there is nothing at this path"
    );
}

#[tokio::test]
async fn django_health_check_4() {
    expect_states(
        "4",
        "cache",
        [
            expect!["healthy [django]"],
            expect!["unhealthy [django] explicit says_down: HTTP 500, Broker() is down (1 of 3 components not up): Unavailable: cannot reach amqp://***@queue:5672/"],
            expect!["degraded [django] component: Broker() is warning (1 of 3 components not up): Warning: 91 % of the queue is used"],
            expect!["unhealthy [django] explicit says_down: HTTP 500, Broker() is down (1 of 3 components not up): Unknown Error: unknown error"],
        ],
    )
    .await;
}

#[tokio::test]
async fn django_health_check_3() {
    expect_states(
        "3",
        "cache backend",
        [
            expect!["healthy [django]"],
            expect!["unhealthy [django] explicit says_down: HTTP 500, Broker is down (1 of 2 components not up): unavailable: cannot reach amqp://***@queue:5672/"],
            expect!["degraded [django] component: Broker is warning (1 of 2 components not up): warning: 91 % of the queue is used"],
            expect!["unhealthy [code_only] refused server_error: HTTP 500"],
        ],
    )
    .await;
}
