//! The status page as files: from a running hekate, and from the store of one that was stopped.

use std::{fs, path::Path, process::Output};

use super::{
    home::Home,
    receiver::Receiver,
    targets::{Mood, Targets},
};

fn words(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    format!("{out}{err}")
}

/// What strangers may see of an outage, and nothing else.
fn tells_the_outage(folder: &Path, host: &str) {
    let read = |name: &str| {
        fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    for (name, said) in [
        ("index.html", "master blue is down"),
        ("index.html", "This is a copy of"),
        ("index.html", "down: 1 day ("),
        ("index.en.html", "master blue is down"),
        ("index.cs.html", "master blue neběží"),
        ("page.txt", "master blue"),
        ("page.css", "path.down"),
        ("feed.rss", "<title>master blue: down</title>"),
        ("feed.atom", "<title>master blue: down</title>"),
        ("feed.json", "master blue: down"),
        ("badge/all.svg", "down"),
        ("badge/master.svg", "master blue: down"),
    ] {
        let text = read(name);
        assert!(text.contains(said), "{name}, {said}: {text}");
        assert!(!text.contains(host), "{name}: {text}");
        assert!(
            !text.contains("HTTP 503") && !text.contains("<script"),
            "{name}: {text}"
        );
        // It names only what lies beside it.
        for elsewhere in ["href=\"/", "src=\"/", "/targets/"] {
            assert!(
                name.starts_with("feed") || !text.contains(elsewhere),
                "{name}: {text}"
            );
        }
    }
    let names = fs::read_dir(folder).expect("it is a folder");
    let names = names.map(|entry| entry.expect("it can be read").file_name());
    let rest: Vec<_> = names
        .filter(|name| name.to_string_lossy().ends_with("new"))
        .collect();
    assert!(rest.is_empty(), "{rest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_for_strangers_is_written_whether_hekate_runs_or_not() {
    let (receiver, targets) = (Receiver::start().await, Targets::start().await);
    let home = Home::new(&receiver, &["ops"]);
    let url = targets.url("blue");
    home.write(&format!(
        "page: {{ language: en }}\ngroups: {{ master: {{}} }}\n\
         targets: [{{ name: blue, group: master, health: \"{url}\" }}]\n"
    ));
    let folder = home.path().join("copy");
    let to = folder.to_str().expect("a name");
    let export = ["page", "export", "--to", to];
    let nothing = home.run(&export).await;
    assert_eq!(nothing.status.code(), Some(69), "{}", words(&nothing));
    assert!(!folder.exists());

    let hekate = home.start().await;
    hekate.shows("master/blue", "operational").await;
    targets.set("blue", Mood::Down);
    hekate.shows("master/blue", "down").await;
    let server = format!("http://{}", hekate.address);
    let asked = [&export[..], &["--server", &server]].concat();
    let written = home.run(&asked).await;
    assert!(written.status.success(), "{}", words(&written));
    let host = url.split('/').nth(2).expect("a host");
    tells_the_outage(&folder, host);
    // The store is in use, and nobody answers where the file says.
    let busy = home.run(&export).await;
    assert_eq!(busy.status.code(), Some(74), "{}", words(&busy));
    assert!(words(&busy).contains("--server"), "{}", words(&busy));
    hekate.stop().await;

    fs::remove_dir_all(&folder).expect("it is there");
    let written = home.run(&export).await;
    assert!(written.status.success(), "{}", words(&written));
    assert!(
        words(&written).contains("no hekate is running"),
        "{}",
        words(&written)
    );
    tells_the_outage(&folder, host);
    let blocked = home.file();
    let blocked = ["page", "export", "--to", blocked.to_str().expect("a name")];
    let refused = home.run(&blocked).await;
    assert_eq!(refused.status.code(), Some(74), "{}", words(&refused));
}
