//! Prometheus and `VictoriaMetrics`, asked for the time of the newest line.

use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};

use expect_test::expect;
use hekate::{
    clock::Clock,
    model::{
        Extra, LookId, Slot, Timestamp,
        logs::{
            CanaryMark, HttpStore, LogAnswer, LogAsk, LogFault, LogSource, LogStore,
            LogStoreQuestion, Reading, Subject,
        },
        names::SourceName,
        plan::{Question, TlsSettings},
    },
    probe::{Freshness, Prober},
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use crate::servers::{Server, client, line, program};

const BLUE: &str = r#"last_log_seconds{color="blue"}"#;
const GREEN: &str = r#"last_log_seconds{color="green"}"#;
/// Good ones and bad ones.
const QUERIES: [&str; 10] = [
    BLUE,
    GREEN,
    "last_log_seconds",
    "not_yet",
    "last_log_ms",
    "scalar(last_log_seconds)",
    r#"last_log_seconds{color="red"}"#,
    "max(",
    "last_log_seconds[5m]",
    "\"words\"",
];
/// How long the right answer is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two rounds.
const ROUND_EVERY: Duration = Duration::from_millis(100);
/// As in a file that says nothing else.
const LIMIT: Duration = Duration::from_secs(5);

/// A prober and a store that it asks.
struct Asker {
    clock: Clock,
    prober: Prober,
    source: Arc<LogSource>,
}

impl Asker {
    fn of(server: &Server, is_victoria: bool) -> Self {
        let clock = Clock::start();
        let url = format!("http://127.0.0.1:{}", server.port);
        let store = LogStore::Prometheus {
            http: HttpStore {
                url: url.parse().expect("it is an address"),
                credentials: None,
                headers: Vec::new(),
                tls: TlsSettings::default(),
            },
            is_victoria,
        };
        let source = Arc::new(LogSource {
            name: SourceName::new("metrics"),
            store,
            canary: None,
            lag_limit: Duration::from_secs(if is_victoria { 120 } else { 90 }),
            reorder_margin: Duration::ZERO,
            channel: None,
            startup_grace: Duration::ZERO,
        });
        Self {
            prober: Prober::new(clock.clone()),
            clock,
            source,
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now().at
    }

    async fn round(&self, queries: &[&str], unseen: &[CanaryMark], limit: Duration) -> LogAnswer {
        let subjects = queries.iter().map(|query| Subject {
            query: (*query).to_owned(),
            streams: Vec::new(),
            lookback: Duration::from_mins(15),
        });
        let question = Question::LogStore(Arc::new(LogStoreQuestion {
            source: Arc::clone(&self.source),
            subjects: subjects.collect(),
        }));
        let ask = LogAsk {
            monitor: String::from("one"),
            send: None,
            unseen: unseen.to_vec(),
        };
        let look = LookId {
            slot: Slot(1),
            check: 0,
            number: 1,
        };
        let seen = self
            .prober
            .look_with(look, &question, limit, Freshness::AsConfigured, &ask)
            .await;
        match seen.extra.map(|extra| *extra) {
            Some(Extra::Logs(answer)) => answer,
            other => panic!("a round brings back an answer, not {other:?}"),
        }
    }

    /// Rounds until the answer is as wanted.
    async fn round_until(
        &self,
        queries: &[&str],
        unseen: &[CanaryMark],
        is_wanted: impl Fn(&LogAnswer) -> bool,
    ) -> LogAnswer {
        let mut last = None;
        let asking = async {
            loop {
                let answer = self.round(queries, unseen, LIMIT).await;
                if is_wanted(&answer) {
                    return answer;
                }
                last = Some(answer);
                tokio::time::sleep(ROUND_EVERY).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, asking).await;
        waited.unwrap_or_else(|_| panic!("the last answer was still {last:#?}"))
    }
}

/// What a reading says, with times as names.
fn told(reading: &Result<Reading, LogFault>, names: &[(Timestamp, &str)]) -> String {
    let reading = match reading {
        Ok(reading) => reading,
        Err(fault) => return format!("{}: {}", fault.kind.as_str(), fault.words),
    };
    let event = reading.event.map_or_else(
        || String::from("nothing"),
        |event| {
            let name = names.iter().find(|(at, _)| *at == event);
            name.map_or_else(|| event.to_string(), |(_, name)| (*name).to_owned())
        },
    );
    let partial = if reading.is_partial { ", partial" } else { "" };
    format!("{event}{partial}")
}

/// What all readings say, a line each; milliseconds of a named time get a name as well.
fn all_told(queries: &[&str], answer: &LogAnswer, names: &[(Timestamp, &str)]) -> String {
    let mut lines = String::new();
    for (query, reading) in queries.iter().zip(&answer.readings) {
        lines.extend([query, " -> ", &told(reading, names), "\n"]);
    }
    for (at, name) in names {
        lines = lines.replace(&at.as_millis().to_string(), name);
    }
    lines
}

/// An application that exports metrics, until this value ends.
struct Exporter {
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Exporter {
    async fn start(metrics: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{metrics}",
            metrics.len()
        );
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                // Whoever asks gets the same; a client that hangs up misses it.
                let _ = stream.read(&mut [0; 4_096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { port, task }
    }
}

fn prometheus(program: &Path, folder: &Path, exporter: &Exporter) -> Server {
    let config = folder.join("prometheus.yml");
    let text = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n- job_name: core\n  static_configs:\n  - targets: ['127.0.0.1:{}']\n",
        exporter.port
    );
    fs::write(&config, text).expect("the folder can be written");
    Server::on_a_port(folder, |port| {
        let mut command = Command::new(program);
        command
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ));
        command
    })
}

fn seconds(at: Timestamp) -> String {
    format!("{}.{:03}", at.as_seconds(), at.as_millis() % 1_000)
}

#[tokio::test]
async fn prometheus_and_an_exporter_that_dies() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let Some(program) = program("prometheus") else {
        return;
    };
    let now = Clock::start().now().at;
    let (recent, old) = (now - Duration::from_secs(10), now - Duration::from_hours(2));
    let exporter = Exporter::start(format!(
        "last_log_seconds{{color=\"blue\"}} {}\nlast_log_seconds{{color=\"green\"}} {}\nlast_log_ms {}\nnot_yet 0\n",
        seconds(recent),
        seconds(old),
        recent.as_millis()
    ))
    .await;
    let server = prometheus(&program, folder.path(), &exporter);
    let asker = Asker::of(&server, false);
    let fresh = asker
        .round_until(&[BLUE], &[], |answer| {
            matches!(&answer.readings[0], Ok(reading) if reading.event.is_some() && !reading.is_partial)
        })
        .await;
    let statement = fresh
        .statement
        .expect("it was scraped, so it says until when");
    assert!(statement.complete_until.is_some_and(|until| until >= now));
    let skew = fresh.skew_ms.expect("it says its date");
    assert!(skew.abs() < 6_000, "{skew} ms on the same machine");

    let names = [(recent, "recent"), (old, "old")];
    let answer = asker.round(&QUERIES, &[], LIMIT).await;
    expect![[r#"
        last_log_seconds{color="blue"} -> recent
        last_log_seconds{color="green"} -> old
        last_log_seconds -> recent
        not_yet -> nothing
        last_log_ms -> bad_query: it says recent, which are milliseconds since 1970, where seconds are wanted
        scalar(last_log_seconds) -> not_found: the query gives NaN: its scalar() finds no series, or more than one
        last_log_seconds{color="red"} -> not_found: the query finds nothing, neither now nor in the last 1 h: its selector is wrong, or it was never scraped
        max( -> bad_query: HTTP 400: invalid parameter "query": 1:5: parse error: unclosed left parenthesis
        last_log_seconds[5m] -> bad_query: the query gives no single number; one that gives the time of the newest line in seconds is wanted
        "words" -> bad_query: the query gives no single number; one that gives the time of the newest line in seconds is wanted
    "#]].assert_eq(&all_told(&QUERIES, &answer, &names));

    // A dead exporter: its series end at the next scrape. What it said last still holds, and proves life if it is recent;
    // but the answer is incomplete, so that it can never be silence of the log.
    drop(exporter);
    let gone = asker
        .round_until(&[BLUE, GREEN], &[], |answer| {
            let mut readings = answer.readings.iter();
            readings.all(|reading| matches!(reading, Ok(reading) if reading.is_partial))
        })
        .await;
    expect![[r#"
        last_log_seconds{color="blue"} -> recent, partial
        last_log_seconds{color="green"} -> old, partial
    "#]]
    .assert_eq(&all_told(&[BLUE, GREEN], &gone, &names));

    // A stopped process takes connections and never answers; it may finish what it was doing when it was told to stop.
    let pid = Pid::from_raw(server.process()).expect("a process has a number");
    kill_process(pid, Signal::STOP).expect("it is ours");
    let hung = asker
        .round_until(&[BLUE], &[], |answer| {
            answer.readings[0].is_err() && answer.statement.is_none()
        })
        .await;
    expect!["unreachable: no answer within 4s"].assert_eq(&told(&hung.readings[0], &names));
}

fn victoria_metrics(program: &Path, folder: &Path) -> Server {
    Server::on_a_port(folder, |port| {
        let mut command = Command::new(program);
        command
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .arg(format!(
                "-storageDataPath={}",
                folder.join("data").display()
            ));
        command
    })
}

async fn import(server: &Server, samples: String) {
    let url = format!("http://127.0.0.1:{}/api/v1/import/prometheus", server.port);
    let response = client().post(url).body(samples).send().await;
    let status = response.expect("the server answers").status();
    assert!(status.is_success(), "{status}");
}

/// It hides what is younger than 30 s from questions about now, so all that is known of it is that much older: silence
/// has to be measured against what is proved, and the canary proves exactly as much as can be seen.
#[tokio::test]
async fn victoria_metrics_hides_its_newest_half_minute() {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let Some(program) = program("victoria-metrics") else {
        return;
    };
    let server = victoria_metrics(&program, folder.path());
    expect!["healthy [word]"].assert_eq(&line(&server.look("/health").await));
    let asker = Asker::of(&server, true);
    let now = asker.now();
    let ago = |seconds| now - Duration::from_secs(seconds);
    let samples = [
        (
            "hekate_canary_sent_timestamp_seconds{monitor=\"one\"}",
            60,
            60,
        ),
        (
            "hekate_canary_sent_timestamp_seconds{monitor=\"one\"}",
            5,
            5,
        ),
        ("last_log_seconds{color=\"blue\"}", 65, 60),
        ("last_log_seconds{color=\"blue\"}", 7, 5),
        ("last_log_seconds{color=\"new\"}", 7, 5),
    ];
    let text = samples.map(|(series, value, taken)| {
        format!(
            "{series} {} {}\n",
            seconds(ago(value)),
            ago(taken).as_millis()
        )
    });
    import(&server, text.concat()).await;
    let unseen = [(1, 60), (2, 5)].map(|(number, sent)| CanaryMark {
        number,
        sent_at: ago(sent),
    });
    let queries = [
        r#"last_log_seconds{color="blue"}"#,
        r#"last_log_seconds{color="new"}"#,
        "max(",
    ];
    let names = [(ago(65), "65 s ago"), (ago(7), "7 s ago")];
    let first = asker
        .round_until(&queries, &unseen, |answer| {
            // Between two questions of one round it may become visible: then only the later one has found it.
            let whole = answer.readings[0].as_ref();
            whole.is_ok_and(|reading| !reading.is_partial) && answer.seen == Some(Ok(vec![1]))
        })
        .await;
    let lines: Vec<_> = first
        .readings
        .iter()
        .map(|reading| told(reading, &names))
        .collect();
    let lines = lines.join("\n");
    // The question is evaluated half a minute ago, which it says with a number that is never the same.
    let (before, after) = lines.split_once("time=").expect("it says its time");
    let (time, after) = after.split_once(',').expect("the time has an end");
    let asked_for: i64 = time.parse().expect("the time is a number");
    assert!(asked_for <= asker.now().as_millis() - 30_000);
    expect![[r#"
        65 s ago
        not_found: the query finds nothing, neither now nor in the last 1 h: its selector is wrong, or it was never scraped
        bad_query: HTTP 422: error when executing query="max(" for (time=THEN, step=300000): singleExpr: unexpected token ""; want "(", "{", "-", "+"; unparsed data: """#]].assert_eq(&format!("{before}time=THEN,{after}"));
    // The watermark that this gives is as old as the line is, and below the limit of its lag.
    assert!(asker.now().since(unseen[0].sent_at) < asker.source.lag_limit);

    let later = asker
        .round_until(&queries, &unseen, |answer| {
            answer.seen == Some(Ok(vec![1, 2]))
        })
        .await;
    // What was taken in together becomes visible together.
    assert_eq!(told(&later.readings[0], &names), "7 s ago");
    assert_eq!(told(&later.readings[1], &names), "7 s ago");
}
