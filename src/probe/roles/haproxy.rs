//! `HAProxy`'s table of servers, over its statistics page or its socket; both give the same CSV.

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
};

use crate::{
    model::{Timestamp, roles::Member},
    probe::logs::web::Web,
};

use super::{ANSWER_BYTES_MAX, Said, named, web};

pub(super) async fn over_http(
    web: &Web,
    backend: &str,
    members: &[Member],
    now: Timestamp,
) -> Said {
    let answer = web::get(web, now).await?;
    web::whole(&answer)?;
    active(&String::from_utf8_lossy(&answer.body), backend, members)
}

pub(super) async fn over_socket(address: &str, backend: &str, members: &[Member]) -> Said {
    let asked = if address.starts_with('/') {
        ask(UnixStream::connect(address).await).await
    } else {
        ask(TcpStream::connect(address).await).await
    };
    let table = asked?;
    // An empty line ends the table; without its header it is no table, which is said better below.
    if table.starts_with("# ") && !table.ends_with("\n\n") {
        return Err(String::from("its table breaks off"));
    }
    active(&table, backend, members)
}

async fn ask(
    connected: std::io::Result<impl AsyncRead + AsyncWrite + Unpin>,
) -> Result<String, String> {
    let said = |error: std::io::Error| error.to_string();
    let mut stream = connected.map_err(said)?;
    stream.write_all(b"show stat\n").await.map_err(said)?;
    let mut answer = Vec::new();
    // It closes the connection after its answer.
    let limit = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX);
    stream
        .take(limit + 1)
        .read_to_end(&mut answer)
        .await
        .map_err(said)?;
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(format!(
            "its table is larger than {} KiB",
            ANSWER_BYTES_MAX / 1024
        ));
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A line of the table.
struct Server {
    name: String,
    address: String,
    weight: u32,
    is_up: bool,
    is_backup: bool,
}

/// Who of a backend gets requests: `status` begins with UP (or nobody checks), `weight` is above 0, and it is no backup,
/// or no other is up. Its weight is what tells: a server with weight 0 is UP and gets nothing, one in DRAIN keeps its
/// weight. Of several backups only the first is used, unless `option allbackups` is set; the weight of the backend, which
/// is that of the servers in use, shows which of both holds.
pub(super) fn active(csv: &str, backend: &str, members: &[Member]) -> Said {
    let mut lines = csv.lines().filter(|line| !line.trim().is_empty());
    let header = lines.next().and_then(|line| line.strip_prefix("# "));
    let Some(header) = header else {
        return Err(String::from("its answer is not HAProxy's table of servers"));
    };
    let titles = fields(header);
    let column = |title: &str| {
        titles
            .iter()
            .position(|known| known == title)
            .ok_or_else(|| format!("its table has no column `{title}`"))
    };
    let (proxy, name, status) = (column("pxname")?, column("svname")?, column("status")?);
    let (weight, act, bck) = (column("weight")?, column("act")?, column("bck")?);
    let address = column("addr").ok();
    let mut servers = Vec::new();
    let mut in_use = None;
    let mut is_there = false;
    for line in lines {
        let line = fields(line);
        let at = |column: usize| line.get(column).map_or("", String::as_str);
        if at(proxy) != backend {
            continue;
        }
        is_there = true;
        let weight = at(weight).parse::<u32>().unwrap_or(0);
        match at(name) {
            "FRONTEND" => continue,
            "BACKEND" => {
                in_use = Some(weight);
                continue;
            }
            _ => {}
        }
        let is_alive = at(status).starts_with("UP") || at(status) == "no check";
        let (is_active, is_backup) = (at(act) == "1", at(bck) == "1");
        servers.push(Server {
            name: at(name).to_owned(),
            address: address.map(at).unwrap_or_default().to_owned(),
            weight,
            is_up: is_alive && weight > 0 && (is_active || is_backup),
            is_backup,
        });
    }
    if !is_there {
        return Err(format!("there is no backend `{backend}`"));
    }
    used(&servers, in_use)
        .map(|server| {
            named::by_name(members, &server.name)
                .or_else(|| named::by_any(members, &server.address))
                .ok_or_else(|| named::nobody(&server.name))
        })
        .collect()
}

/// Those that get requests, of a backend with this weight.
fn used(servers: &[Server], in_use: Option<u32>) -> impl Iterator<Item = &Server> {
    let is_up_backup = |server: &&Server| server.is_up && server.is_backup;
    let has_active = servers
        .iter()
        .any(|server| server.is_up && !server.is_backup);
    let first = servers.iter().find(is_up_backup);
    let is_first_alone = first.is_some_and(|first| in_use == Some(first.weight));
    let backups = match (has_active, is_first_alone) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => usize::MAX,
    };
    let active = servers
        .iter()
        .filter(|server| server.is_up && !server.is_backup);
    active.chain(servers.iter().filter(is_up_backup).take(backups))
}

/// The fields of a line of CSV; quotes are doubled inside of quotes.
fn fields(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut field = String::new();
    let mut is_quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                field.push('"');
                let _ = characters.next();
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => out.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    out.push(field);
    out
}
