//! `mark`: what an incident was worth that is over.

use super::{Heard, Question, Reply, lookup};
use crate::model::{
    IncidentId,
    incident::Worth,
    text::{FOREIGN_MAX, clean},
};

/// What somebody says of an incident.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opinion {
    /// Which.
    pub incident: IncidentId,
    /// What it was worth.
    pub worth: Worth,
    /// Why; cleaned.
    pub why: String,
}

/// `mark k7f2 false-alarm because nightly backup`
pub(super) fn answer(question: &Question<'_>) -> Heard {
    read(question.words).map_or_else(
        |understood| {
            Heard::Reply(Reply::Problem {
                understood: understood.to_owned(),
                nearest: Vec::new(),
                hint: format!(
                    "say it as `{} mark k7f2 false-alarm because nightly backup`, or `useful` instead",
                    question.command
                ),
                choices: None,
            })
        },
        Heard::Opinion,
    )
}

fn read(words: &str) -> Result<Opinion, &'static str> {
    let (first, rest) = words.split_once(' ').unwrap_or((words, ""));
    if first.is_empty() {
        return Err("it is not said which incident");
    }
    let incident = lookup::incident_asked(first).ok_or("that is no id of an incident")?;
    let rest: Vec<&str> = rest.split(' ').collect();
    let end = rest
        .iter()
        .position(|word| ["because", "--reason"].contains(&word.to_lowercase().as_str()));
    let (worth, why) = rest.split_at(end.unwrap_or(rest.len()));
    let worth = Worth::from_word(&worth.join(" ")).ok_or("it is not said what it was worth")?;
    let why = clean(&why.get(1..).unwrap_or_default().join(" "), FOREIGN_MAX);
    if why.is_empty() {
        return Err("it is not said why");
    }
    Ok(Opinion {
        incident,
        worth,
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opinion_is_an_incident_a_worth_and_a_reason() {
        let id = IncidentId::from_number(7);
        for (words, worth, why) in [
            (
                "false-alarm because a backup",
                Worth::FalseAlarm,
                "a backup",
            ),
            ("false alarm because because", Worth::FalseAlarm, "because"),
            ("useful --reason it was real", Worth::Useful, "it was real"),
        ] {
            let read = read(&format!("#{id} {words}"));
            assert_eq!(
                read,
                Ok(Opinion {
                    incident: id.clone(),
                    worth,
                    why: why.to_owned()
                })
            );
        }
        for (words, problem) in [
            (String::new(), "it is not said which incident"),
            (
                String::from("blue false-alarm"),
                "that is no id of an incident",
            ),
            (format!("{id}"), "it is not said what it was worth"),
            (
                format!("{id} fine because x"),
                "it is not said what it was worth",
            ),
            (format!("{id} useful"), "it is not said why"),
            (format!("{id} useful because"), "it is not said why"),
        ] {
            assert_eq!(read(&words), Err(problem), "{words}");
        }
    }
}
