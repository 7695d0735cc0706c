//! `hekate run --slack preview`: real targets, and nothing that the file says of Slack.

use super::{
    Place,
    stage::{Stage, Tier},
    surroundings::Surroundings,
};
use crate::{
    app::{self, Failure, Options, Running, Staging},
    clock::Clock,
    model::Plan,
};

/// Within the folder of the file: what is told to a page was told to nobody else.
const FOLDER: &str = "preview";

/// Starts hekate with real targets and the pretend Slack.
///
/// # Errors
///
/// As [`app::start`], and if the preview's port is taken.
pub async fn preview(mut options: Options, place: Place) -> Result<Running, Failure> {
    let address = place.address();
    let around = Surroundings::new(Clock::start());
    let stage = Stage::open(address, &[Tier::File], &around)
        .await
        .map_err(|source| Failure::Listen { address, source })?;
    let staging = stage.clone();
    options.staging = Staging::new(move |mut plan| {
        staging.take_over(Tier::File, &mut plan);
        set_apart(&mut plan);
        plan
    });
    let running = app::start(options).await?;
    stage.connect(Tier::File, running.address);
    let url = format!("http://{}/", stage.address);
    tracing::info!(event = "preview", %url, "messages go to the preview page only");
    Ok(running)
}

/// Leaves alone what counts for the real thing: what it remembers of what it told, and who is told that it lives.
fn set_apart(plan: &mut Plan) {
    plan.store.path = plan.store.path.join(FOLDER);
    plan.dead_man = None;
}
