//! `hekate store compact` and `migrate`.

use super::{
    super::{Exit, arguments::Format, file::count, terminal::Terminal},
    copies::{kib, refused},
    progress::Bar,
};
use crate::{
    model::{Timestamp, plan::StoreSettings},
    store,
};

pub(super) fn compact(settings: &StoreSettings, now: Timestamp, terminal: Terminal) -> Exit {
    let mut bar = Bar::new("compacting", terminal);
    let made = store::compact(settings, now, &mut |done, about| bar.tell(done, about));
    bar.end();
    let made = match made {
        Ok(made) => made,
        Err(error) => return refused(&error, terminal),
    };
    if terminal.format == Format::Json {
        terminal.say_json(&serde_json::json!({
            "sled_bytes_before": made.before_bytes,
            "sled_bytes": made.after_bytes,
            "records": made.records,
            "removed": {
                "transitions": made.removed.transitions,
                "incidents": made.removed.incidents,
                "planned": made.removed.plans,
            },
        }));
        return Exit::Done;
    }
    let removed = made.removed.transitions + made.removed.incidents + made.removed.plans;
    terminal.say(&format!(
        "the history in {} takes {} in place of {}: {} records, and {} older than `store.retention` {} taken away\n",
        settings.path.display(),
        kib(made.after_bytes),
        kib(made.before_bytes),
        made.records,
        count(removed, "record"),
        if removed == 1 { "was" } else { "were" },
    ));
    Exit::Done
}

pub(super) fn migrate(settings: &StoreSettings, now: Timestamp, terminal: Terminal) -> Exit {
    let mut bar = Bar::new("reading", terminal);
    let made = store::migrate(settings, now, &mut |done, about| bar.tell(done, about));
    bar.end();
    let made = match made {
        Ok(made) => made,
        Err(error) => return refused(&error, terminal),
    };
    if terminal.format == Format::Json {
        terminal.say_json(&serde_json::json!({ "format": made.format, "records": made.records }));
        return Exit::Done;
    }
    terminal.say(&format!(
        "the store in {} has format {}, the newest that this hekate knows; all of its {} records can be read\n",
        settings.path.display(),
        made.format,
        made.records,
    ));
    Exit::Done
}
