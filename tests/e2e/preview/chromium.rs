//! A browser of the system, led by the `DevTools` protocol.
//!
//! Without one the tests say `SKIPPED, NOT TESTED`; with `HEKATE_REQUIRE_SERVERS=1` they fail instead.

use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use crate::wait::until;

/// What it is called, in the order of preference.
const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// What is written before the address at which it is led.
const LISTENING: &str = "DevTools listening on ";

/// A running browser with one tab; it ends with this value.
pub(crate) struct Browser {
    child: Child,
    socket: WebSocketStream<TcpStream>,
    /// The tab.
    session: Option<String>,
    calls: u64,
    /// What the page and the browser found wrong.
    complaints: Vec<String>,
    _folder: TempDir,
}

fn program() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    let places = PROGRAMS
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let mut places = places;
    places.find(|place| place.is_file())
}

impl Browser {
    /// Starts one, unless there is none.
    pub(crate) async fn start() -> Option<Self> {
        let Some(program) = program() else {
            assert!(
                env::var_os("HEKATE_REQUIRE_SERVERS").is_none_or(|value| value != "1"),
                "chromium is missing: run .ci/servers"
            );
            // Not `eprintln!`: the test runner would swallow it.
            let _ = writeln!(
                io::stderr(),
                "SKIPPED, NOT TESTED: chromium is missing, .ci/servers installs it"
            );
            return None;
        };
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let mut child = Command::new(program)
            // The sandbox does not work for the superuser; nothing but our own page is opened.
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args([
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--disable-extensions",
            ])
            .args([
                "--disable-background-networking",
                "--remote-debugging-port=0",
            ])
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .arg("about:blank")
            .env("TZ", "Europe/Prague")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the browser can be run");
        let words = BufReader::new(child.stderr.take().expect("it was asked for"));
        let reading = tokio::task::spawn_blocking(move || {
            let mut lines = words.lines().map_while(Result::ok);
            let address = lines.find_map(|line| Some(line.strip_prefix(LISTENING)?.to_owned()));
            // It writes more, and must not wait for a reader.
            std::thread::spawn(move || lines.for_each(drop));
            address
        });
        let address = reading.await.expect("reading does not panic");
        let address = address.expect("it says where it is led");
        let host = address.trim_start_matches("ws://").split('/').next();
        let stream = TcpStream::connect(host.expect("it has a host")).await;
        let stream = stream.expect("it listens there");
        let (socket, _answer) = client_async(address.as_str(), stream)
            .await
            .expect("it can be led");
        let mut browser = Self {
            child,
            socket,
            session: None,
            calls: 0,
            complaints: Vec::new(),
            _folder: folder,
        };
        browser.open_tab().await;
        Some(browser)
    }

    async fn open_tab(&mut self) {
        let tab = self
            .call("Target.createTarget", json!({ "url": "about:blank" }))
            .await;
        let attach = json!({ "targetId": tab["targetId"], "flatten": true });
        let attached = self.call("Target.attachToTarget", attach).await;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            let _nothing = self.call(&format!("{domain}.enable"), json!({})).await;
        }
    }

    /// Calls a method of the protocol; gives its result.
    pub(crate) async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.calls += 1;
        let id = self.calls;
        let mut call = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        let sent = self.socket.send(Message::text(call.to_string())).await;
        sent.expect("the browser listens");
        loop {
            let said = self.socket.next().await.expect("the browser is there");
            let Message::Text(text) = said.expect("the browser is there") else {
                continue;
            };
            let said: Value = serde_json::from_str(&text).expect("it speaks JSON");
            if said["id"] == id {
                assert!(said["error"].is_null(), "{method}: {said}");
                return said["result"].clone();
            }
            self.note(&said);
        }
    }

    /// Remembers what is wrong.
    fn note(&mut self, said: &Value) {
        let parameters = &said["params"];
        let is_wrong = match said["method"].as_str() {
            Some("Runtime.exceptionThrown") => true,
            Some("Runtime.consoleAPICalled") => parameters["type"] == "error",
            Some("Log.entryAdded") => parameters["entry"]["level"] == "error",
            Some(_) | None => false,
        };
        if is_wrong {
            self.complaints.push(parameters.to_string());
        }
    }

    /// What the page and the browser found wrong so far.
    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// Opens a page.
    pub(crate) async fn open(&mut self, url: &str) {
        let opened = self.call("Page.navigate", json!({ "url": url })).await;
        assert!(opened["errorText"].is_null(), "{opened}");
        until("the page is there", async || {
            let ready = format!(
                "document.readyState === 'complete' && location.href === {}",
                json!(url)
            );
            (self.evaluate(&ready).await == true).then_some(())
        })
        .await;
    }

    /// The value of an expression.
    pub(crate) async fn evaluate(&mut self, expression: &str) -> Value {
        let asked =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", asked).await;
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].clone()
    }

    /// Waits until these words can be read within what matches the selector.
    pub(crate) async fn reads(&mut self, selector: &str, words: &str) {
        let asked = format!(
            "[...document.querySelectorAll({})].some((part) => part.innerText.includes({}))",
            json!(selector),
            json!(words)
        );
        until(&format!("{selector} says {words}"), async || {
            (self.evaluate(&asked).await == true).then_some(())
        })
        .await;
    }

    /// Clicks on the last of those that match the selector and say this, as a mouse does.
    pub(crate) async fn click(&mut self, selector: &str, words: &str) {
        let asked = format!(
            "(() => {{ const part = [...document.querySelectorAll({})].filter((part) => part.innerText.includes({})).pop(); \
             if (!part) return null; part.scrollIntoView({{ block: 'center' }}); \
             const box = part.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()",
            json!(selector),
            json!(words)
        );
        let place = until(&format!("there is {selector} with {words}"), async || {
            let place = self.evaluate(&asked).await;
            place.is_array().then_some(place)
        })
        .await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
            let _nothing = self.call("Input.dispatchMouseEvent", event).await;
        }
    }

    /// Types into whatever has the focus.
    pub(crate) async fn types(&mut self, words: &str) {
        let _nothing = self
            .call("Input.insertText", json!({ "text": words }))
            .await;
    }

    /// Presses Enter.
    pub(crate) async fn enter(&mut self) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13 });
            if kind == "keyDown" {
                event["text"] = json!("\r");
            }
            let _nothing = self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Presses a key that writes nothing, such as `Tab`.
    pub(crate) async fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            let code = if key == "Tab" { 9 } else { 0 };
            let event =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            let _nothing = self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Looks through a window of this size, by day or by night.
    pub(crate) async fn look_through(&mut self, (width, height): (u32, u32), scheme: &str) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let _nothing = self.call("Emulation.setDeviceMetricsOverride", size).await;
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        let _nothing = self.call("Emulation.setEmulatedMedia", media).await;
    }

    /// Switches the scripts of pages that are opened from now on off.
    pub(crate) async fn without_scripts(&mut self) {
        let off = json!({ "value": true });
        let _nothing = self.call("Emulation.setScriptExecutionDisabled", off).await;
    }

    /// Writes what can be seen as a PNG.
    pub(crate) async fn picture(&mut self, path: &Path) {
        let taken = self
            .call("Page.captureScreenshot", json!({ "format": "png" }))
            .await;
        let data = taken["data"].as_str().expect("it is a picture");
        let bytes = STANDARD.decode(data).expect("it is written so");
        fs::write(path, bytes).expect("the folder takes files");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
