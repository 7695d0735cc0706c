//! Opens a connection: its address from Slack, then TCP, TLS and the upgrade.

use std::{sync::Arc, time::Duration};

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{ClientConfig, crypto::CryptoProvider};
use rustls_pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{client::IntoClientRequest as _, protocol::WebSocketConfig},
};
use tower_service::Service as _;
use url::Url;

use super::words;
use crate::{
    model::{Secret, Timestamp, text::clean},
    notify::sender::Sender,
    slack::api::{Base, CONNECTIONS_OPEN, Opened, opened},
    socket::switchboard::Loss,
};

/// Name, connection, TLS and upgrade together.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);
/// One address may take so long before the next one is tried.
const ADDRESS_WITHIN: Duration = Duration::from_secs(4);
/// The largest message that is taken: far above any of Slack's.
const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What TCP and TLS have in common.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// An upgraded connection.
pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Opens a connection with this token; Slack has not said hello yet.
///
/// # Errors
///
/// Why there is none.
pub(crate) async fn dial(
    sender: &Sender,
    base: &Base,
    token: &Secret,
    now: Timestamp,
) -> Result<Socket, Loss> {
    let said = sender
        .call(&base.method(CONNECTIONS_OPEN), token, now)
        .await
        .map_err(|why| broken(format!("Slack cannot be asked for a connection: {why}")))?;
    let address = match opened(said.status, said.after, &said.body) {
        Opened::Address(address) => address,
        Opened::Refused(why) => return Err(Loss::Refused(why)),
        Opened::Throttled { after } => return Err(Loss::Throttled(after)),
        Opened::Failed(why) => return Err(Loss::Broken(why)),
    };
    let url = base
        .connection(&address)
        .map_err(|_not_slack| broken("Slack gave an address that is not its own"))?;
    match timeout(CONNECTED_WITHIN, connect(&url)).await {
        Ok(connected) => connected.map_err(Loss::Broken),
        Err(_elapsed) => Err(broken(format!(
            "no connection within {} s",
            CONNECTED_WITHIN.as_secs()
        ))),
    }
}

fn broken(why: impl Into<String>) -> Loss {
    Loss::Broken(why.into())
}

async fn connect(url: &Url) -> Result<Socket, String> {
    let host = url.host_str().ok_or("the address has no host")?;
    let port = url
        .port_or_known_default()
        .ok_or("the address has no port")?;
    let stream = tcp(host, port).await?;
    let stream: Box<dyn Stream> = if url.scheme() == "wss" {
        Box::new(tls(host, stream).await?)
    } else {
        Box::new(stream)
    };
    let request = url
        .as_str()
        .into_client_request()
        .map_err(|error| words(&error))?;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    client_async_with_config(request, stream, Some(config))
        .await
        .map(|(socket, _answer)| socket)
        .map_err(|error| words(&error))
}

/// Tries all addresses of the name, both families side by side.
async fn tcp(host: &str, port: u16) -> Result<TcpStream, String> {
    let uri: Uri = format!("http://{host}:{port}")
        .parse()
        .map_err(|_error| String::from("the address cannot be used"))?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(ADDRESS_WITHIN));
    let connected = connector.call(uri).await;
    connected
        .map(hyper_util::rt::TokioIo::into_inner)
        .map_err(|error| format!("no connection: {}", clean(&error.to_string(), 100)))
}

async fn tls(
    host: &str,
    stream: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, String> {
    // The roots are read each time, so new ones hold without a restart; reading them is work for another thread.
    let config = tokio::task::spawn_blocking(config)
        .await
        .map_err(|_panic| String::from("a fault of hekate; its log says more"))??;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_error| String::from("the address has no name for a certificate"))?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| format!("TLS failed: {}", clean(&error.to_string(), 100)))
}

fn config() -> Result<ClientConfig, String> {
    let provider = CryptoProvider::get_default().map_or_else(
        || Arc::new(rustls::crypto::ring::default_provider()),
        Arc::clone,
    );
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| format!("TLS cannot be set up: {}", clean(&error.to_string(), 100)))?
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
