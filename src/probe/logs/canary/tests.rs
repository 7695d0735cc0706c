use std::{fs, path::PathBuf};

use expect_test::expect;
use proptest::prelude::*;
use tokio::{io::AsyncReadExt as _, net::TcpListener};

use super::*;
use crate::{
    clock::Clock,
    model::{
        Extra,
        logs::{LogAsk, LogStoreQuestion, Reading, StoreCredentials},
        secret::Secret,
    },
    probe::logs::{
        Stores, marks,
        stage::{Asked, Does, NOW, StandIn, mark, says, source, subject},
        web,
    },
};

/// A canary that was sent 123 ms after ten o'clock.
fn canary() -> CanaryMark {
    CanaryMark {
        number: 41,
        sent_at: NOW + Duration::from_millis(123),
    }
}

async fn send(store: LogStore, via: CanaryPath) -> Result<(), LogFault> {
    let source = source(store, Some(via));
    Sender::open(&source, &Tls::new())
        .send("home", canary())
        .await
}

/// What a canary looks like that is sent so to this server.
async fn sent(server: &StandIn, store: LogStore, via: CanaryPath) -> Asked {
    assert_eq!(send(store, via).await, Ok(()));
    server.asked().pop().unwrap()
}

async fn accepting(status: u16) -> StandIn {
    StandIn::with(move |_| Does::Says(status, String::new())).await
}

fn at(server: &StandIn, path: &str) -> Url {
    server.url.join(path).unwrap()
}

fn graylog(server: &StandIn) -> LogStore {
    LogStore::Graylog(server.http("/", None))
}

fn elastic(server: &StandIn) -> LogStore {
    LogStore::Elasticsearch {
        http: server.http("/", Some(StoreCredentials::Token(Secret::new("aWQ6a2V5")))),
        index: String::from("logs-*"),
        time_field: String::from("@timestamp"),
        ingest_field: None,
    }
}

fn metrics(server: &StandIn) -> LogStore {
    LogStore::Prometheus {
        http: server.http("/", None),
        is_victoria: true,
    }
}

#[tokio::test]
async fn gelf_over_http() {
    let server = accepting(202).await;
    for path in ["/gelf", "/", "/gelf/"] {
        let asked = sent(
            &server,
            graylog(&server),
            CanaryPath::GelfHttp(at(&server, path)),
        )
        .await;
        assert_eq!(asked.line, "POST /gelf");
        expect![[r#"{"_hekate_canary":"home-41","host":"hekate","level":6,"short_message":"hekate canary hekate_canary=home-41 number=41 sent_ns=1787392800123000000","timestamp":1787392800.123,"version":"1.1"}"#]].assert_eq(&asked.body);
    }
}

#[tokio::test]
async fn gelf_over_tcp_ends_with_a_zero_byte() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut got = Vec::new();
        stream.read_to_end(&mut got).await.unwrap();
        got
    });
    let nowhere = StandIn::with(|_| Does::Hangs).await;
    assert_eq!(
        send(graylog(&nowhere), CanaryPath::GelfTcp(address.clone())).await,
        Ok(())
    );
    let got = server.await.unwrap();
    assert_eq!(got.last(), Some(&0));
    let said: Value = serde_json::from_slice(&got[..got.len() - 1]).unwrap();
    assert_eq!(said, gelf("home", canary()));
    // Nobody listens there any more.
    let fault = send(graylog(&nowhere), CanaryPath::GelfTcp(address))
        .await
        .unwrap_err();
    assert_eq!(fault.kind, LogFaultKind::Unreachable);
}

#[tokio::test]
async fn a_server_of_gelf_that_drops_the_connection_took_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        // Closed with something unread in it, the connection is reset.
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read_u8().await;
    });
    let nowhere = StandIn::with(|_| Does::Hangs).await;
    let fault = send(graylog(&nowhere), CanaryPath::GelfTcp(address))
        .await
        .unwrap_err();
    assert_eq!(fault.kind, LogFaultKind::Unreachable);
}

#[tokio::test]
async fn a_push_names_its_monitor_and_its_tenant() {
    let server = accepting(204).await;
    let loki = |tenant: Option<&str>| LogStore::Loki {
        http: server.http("/", None),
        tenant: tenant.map(str::to_owned),
    };
    let via = || CanaryPath::LokiPush(at(&server, "/loki/api/v1/push"));
    let asked = sent(&server, loki(Some("team")), via()).await;
    assert_eq!(asked.line, "POST /loki/api/v1/push");
    assert_eq!(asked.header("x-scope-orgid"), "team");
    expect![[r#"{"streams":[{"stream":{"app":"hekate","hekate_monitor":"home"},"values":[["1787392800123000000","hekate canary hekate_canary=home-41 number=41 sent_ns=1787392800123000000"]]}]}"#]].assert_eq(&asked.body);
    assert_eq!(
        sent(&server, loki(None), via())
            .await
            .header("x-scope-orgid"),
        ""
    );

    let victoria = LogStore::VictoriaLogs {
        http: server.http("/", None),
        tenant: Some((7, 8)),
    };
    let url = at(&server, "/?_stream_fields=app,hekate_monitor");
    let asked = sent(&server, victoria, CanaryPath::LokiPush(url)).await;
    assert_eq!(
        asked.line,
        "POST /insert/loki/api/v1/push?_stream_fields=app,hekate_monitor"
    );
    assert_eq!(
        (asked.header("accountid"), asked.header("projectid")),
        ("7", "8")
    );
}

#[tokio::test]
async fn a_document_has_an_id_of_its_own_and_is_never_replaced() {
    for status in [201, 200, 409] {
        let server = accepting(status).await;
        let via = CanaryPath::ElasticIndex(String::from("hekate-canary"));
        let asked = sent(&server, elastic(&server), via).await;
        assert_eq!(asked.line, "PUT /hekate-canary/_doc/home-41?op_type=create");
        assert_eq!(asked.header("authorization"), "ApiKey aWQ6a2V5");
        expect![[r#"{"@timestamp":"2026-08-22T10:00:00.123Z","hekate_canary":"home-41","host":"hekate","message":"hekate canary hekate_canary=home-41 number=41 sent_ns=1787392800123000000"}"#]].assert_eq(&asked.body);
    }
    let server = accepting(204).await;
    let via = CanaryPath::ElasticIndex(String::from("x"));
    let fault = send(graylog(&server), via).await.unwrap_err();
    assert_eq!(fault.kind, LogFaultKind::Own);
}

#[tokio::test]
async fn an_import_is_text_or_json_as_its_path_says() {
    let server = accepting(204).await;
    let import = async |path: &str| {
        let via = CanaryPath::Import(at(&server, path));
        let asked = sent(&server, metrics(&server), via).await;
        format!("{}\n{}", asked.line, asked.body)
    };
    let text = "POST /api/v1/import/prometheus\nhekate_canary_sent_timestamp_seconds{monitor=\"home\"} 1787392800.123\n";
    assert_eq!(import("/").await, text);
    assert_eq!(import("/api/v1/import/prometheus").await, text);
    expect![[r#"
        POST /insert/0/prometheus/api/v1/import
        {"metric":{"__name__":"hekate_canary_sent_timestamp_seconds","monitor":"home"},"timestamps":[1787392800123],"values":[1787392800.123]}"#]].assert_eq(&import("/insert/0/prometheus/api/v1/import").await);
}

#[tokio::test]
async fn what_an_intake_says_against_a_canary() {
    let cases = [
        (400, "{\"message\":\"no\"}", LogFaultKind::BadQuery),
        (401, "", LogFaultKind::Auth),
        (403, "", LogFaultKind::Auth),
        (404, "", LogFaultKind::NotFound),
        (405, "", LogFaultKind::BadQuery),
        (413, "", LogFaultKind::BadQuery),
        (429, "", LogFaultKind::Overloaded),
        (500, "", LogFaultKind::Unreachable),
        (503, "", LogFaultKind::Unreachable),
        (302, "", LogFaultKind::Unreachable),
    ];
    for (status, body, kind) in cases {
        let server = StandIn::with(move |_| Does::Says(status, body.to_owned())).await;
        let ways = [
            (graylog(&server), CanaryPath::GelfHttp(at(&server, "/gelf"))),
            (graylog(&server), CanaryPath::LokiPush(at(&server, "/"))),
            (metrics(&server), CanaryPath::Import(at(&server, "/"))),
            (
                elastic(&server),
                CanaryPath::ElasticIndex(String::from("x")),
            ),
        ];
        for (store, via) in ways {
            let fault = send(store, via.clone()).await.unwrap_err();
            assert_eq!(fault.kind, kind, "{status} {via:?}");
        }
    }
}

#[tokio::test]
async fn what_the_store_is_logged_in_to_with_goes_to_no_other_server() {
    let server = accepting(202).await;
    let other = accepting(202).await;
    let token = StoreCredentials::Common(crate::model::plan::Credentials::Bearer(Secret::new(
        "s3cret",
    )));
    let mut http = server.http("/api", Some(token));
    http.headers
        .push((String::from("X-Own"), Secret::new("header")));
    let store = LogStore::Graylog(http);
    let asked = sent(
        &server,
        store.clone(),
        CanaryPath::GelfHttp(at(&server, "/gelf")),
    )
    .await;
    assert_eq!(
        (asked.header("authorization"), asked.header("x-own")),
        ("Bearer s3cret", "header")
    );
    let asked = sent(&other, store, CanaryPath::GelfHttp(at(&other, "/gelf"))).await;
    assert_eq!(
        (asked.header("authorization"), asked.header("x-own")),
        ("", "")
    );
}

fn nobody() -> LogStore {
    LogStore::File {
        timezone: chrono_tz::UTC,
        rotation_grace: Duration::from_mins(1),
    }
}

#[tokio::test]
async fn a_line_is_appended_to_a_file_that_may_be_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("canary.log");
    let source = source(nobody(), Some(CanaryPath::File(path.clone())));
    let sender = Sender::open(&source, &Tls::new());
    let line = r#"{"hekate_canary":"home-41","host":"hekate","message":"hekate canary hekate_canary=home-41 number=41 sent_ns=1787392800123000000","time":"2026-08-22T10:00:00.123Z"}"#;
    fs::write(&path, "before\n").unwrap();
    assert_eq!(sender.send("home", canary()).await, Ok(()));
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        format!("before\n{line}\n")
    );
    fs::rename(&path, folder.path().join("canary.log.1")).unwrap();
    assert_eq!(sender.send("home", canary()).await, Ok(()));
    assert_eq!(sender.send("home", canary()).await, Ok(()));
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        format!("{line}\n{line}\n")
    );
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_and_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let fault = |path: PathBuf| async { send(nobody(), CanaryPath::File(path)).await.unwrap_err() };
    let missing = fault(folder.path().join("no/such/folder")).await;
    assert_eq!(missing.kind, LogFaultKind::NotFound);
    let a_folder = fault(folder.path().to_owned()).await;
    assert_eq!(a_folder.kind, LogFaultKind::Own);
    let full = fault(PathBuf::from("/dev/full")).await;
    assert_eq!(full.kind, LogFaultKind::Own);
    expect!["the canary's file: No space left on device (os error 28)"].assert_eq(&full.words);
    // A pipe that nobody reads would hold whoever opens it.
    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    assert_eq!(fault(pipe).await.kind, LogFaultKind::Own);
}

#[test]
fn what_this_machine_lacks_is_no_fault_of_the_store() {
    let lack = |number| {
        let error = std::io::Error::from_raw_os_error(number);
        web::own_lack(&error).map(|fault| (fault.kind, fault.words))
    };
    // EMFILE, then ECONNREFUSED.
    let words = String::from("this process has no file descriptors left");
    assert_eq!(lack(24), Some((LogFaultKind::Own, words)));
    assert_eq!(lack(111), None);
}

#[tokio::test]
async fn an_accepted_canary_is_not_a_found_one_and_a_dead_intake_says_nothing_of_the_search() {
    for (intake, sent) in [(202, Ok(())), (503, Err(LogFaultKind::Unreachable))] {
        let server = StandIn::with(move |asked| match &*asked.line {
            "GET /api/" => says(r#"{"version":"6.1.0","node_id":"n","cluster_id":"c"}"#),
            "POST /gelf" => Does::Says(intake, String::new()),
            "POST /api/search/messages" => says(r#"{"schema":[],"datarows":[]}"#),
            _ => Does::Says(404, String::new()),
        })
        .await;
        let via = CanaryPath::GelfHttp(at(&server, "/gelf"));
        let question = LogStoreQuestion {
            source: Arc::new(source(graylog(&server), Some(via))),
            subjects: vec![subject("*", &[])],
        };
        let ask = LogAsk {
            monitor: String::from("home"),
            send: Some(canary()),
            unseen: vec![mark(40, 30)],
        };
        let stores = Stores::new(Clock::start());
        let limit = Duration::from_secs(20);
        let findings = stores.round(&question, &ask, limit).await;
        let Some(Extra::Logs(answer)) = findings.extra.as_deref() else {
            panic!("no answer of a store");
        };
        let became = answer.sent.clone().unwrap();
        assert_eq!(became.map_err(|fault| fault.kind), sent);
        assert_eq!(answer.seen, Some(Ok(vec![])));
        assert_eq!(answer.readings, [Ok(Reading::default())]);
        assert_eq!(answer.statement, None);
    }
}

#[test]
fn a_line_is_about_150_bytes_and_says_its_id() {
    let line = line("home", canary());
    assert_eq!(marks::number(&line, "home"), Some(41));
    let document = document("@timestamp", "home", canary()).to_string();
    assert!((120..200).contains(&document.len()), "{}", document.len());
}

#[test]
fn ids_of_others_are_not_ours() {
    let unseen = [7, 8, 9].map(|number| mark(number, 60));
    let ids = [
        "home-7",
        "home-08",
        "home-9x",
        "homes-8",
        "my-home-8",
        "home-",
        "",
    ];
    let lines = [
        "a hekate_canary=home-9, b",
        "hekate_canary=home-8-1",
        "home-8",
        "",
    ];
    assert_eq!(seen(&ids, &lines, "home", &unseen), [7, 9]);
    assert_eq!(seen(&[], &[], "home", &unseen), [0; 0]);
}

proptest! {
    #[test]
    fn every_canary_comes_back_from_its_line(monitor in "[a-z0-9.é-]{1,12}", number: u64, before in "[^=]{0,20}", after in "[ ,;\"\n].{0,20}") {
        let mark = CanaryMark { number, ..mark(0, 60) };
        let text = format!("{before}{}{after}", line(&monitor, mark));
        prop_assert_eq!(seen(&[], &[&text], &monitor, &[mark]), [number]);
        prop_assert_eq!(seen(&[&id(&monitor, number)], &[], &monitor, &[mark]), [number]);
    }
}
