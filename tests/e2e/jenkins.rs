//! A Jenkins that answers on loopback.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream};

use super::{
    wait::until,
    wire::{read_request, respond},
};

/// A Jenkins with one job, whose builds end when the test says so.
#[derive(Clone, Default)]
pub(crate) struct Jenkins {
    builds: Arc<Mutex<Vec<String>>>,
    is_done: Arc<Mutex<bool>>,
}

impl Jenkins {
    pub(crate) async fn start() -> (Self, String) {
        let jenkins = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has ports");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let serving = jenkins.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        (jenkins, url)
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some(request) = read_request(&mut stream).await else {
            return;
        };
        let json = "Content-Type: application/json\r\n";
        match request.path.as_str() {
            "/crumbIssuer/api/json" => {
                let crumb = r#"{"crumb":"c0ffee","crumbRequestField":"Jenkins-Crumb"}"#;
                respond(&mut stream, 200, json, crumb).await;
            }
            "/job/restart/buildWithParameters" => {
                assert_eq!(
                    request.header("Jenkins-Crumb"),
                    Some("c0ffee"),
                    "{}",
                    request.head
                );
                let body = String::from_utf8_lossy(&request.body).into_owned();
                self.builds
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(body);
                let place = "Location: http://jenkins.test/queue/item/3/\r\n";
                respond(&mut stream, 201, place, "").await;
            }
            "/queue/item/3/api/json" => {
                respond(&mut stream, 200, json, r#"{"executable":{"number":812}}"#).await;
            }
            "/job/restart/812/api/json" => {
                let is_done = *self.is_done.lock().unwrap_or_else(PoisonError::into_inner);
                let body = if is_done {
                    r#"{"building":false,"result":"SUCCESS"}"#
                } else {
                    r#"{"building":true,"result":null}"#
                };
                respond(&mut stream, 200, json, body).await;
            }
            _ => respond(&mut stream, 404, json, "{}").await,
        }
    }

    pub(crate) fn builds(&self) -> Vec<String> {
        self.builds
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn end_builds(&self) {
        *self.is_done.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    pub(crate) async fn has_built(&self) {
        until("Jenkins is asked", async || {
            (!self.builds().is_empty()).then_some(())
        })
        .await;
    }
}
