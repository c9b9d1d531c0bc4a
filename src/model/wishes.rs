//! What an agent wishes to be told (API.md §3.6, `agent.notifications`): kinds of mail switched on or off, and how long
//! a burst on one ticket is gathered. What is not said is as the settings say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Audience, NotificationTemplate};

/// The one key that is no template's.
const BUNDLE_MINUTES: &str = "bundle_minutes";
/// Longest time a burst is gathered, minutes.
const MAX_BUNDLE_MINUTES: u32 = 60;

/// An agent's own settings: `{"agent_new_ticket": false, "bundle_minutes": 15}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Value", into = "Value")]
pub struct Wishes {
    /// Kinds they switched on or off.
    pub kinds: BTreeMap<NotificationTemplate, bool>,
    /// How long what follows the first message on a ticket is gathered; 0: each comes at once.
    pub bundle_minutes: Option<u32>,
}

/// A wish that can't be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwishable {
    /// Its key.
    pub key: String,
    /// A code of API.md §1.3.
    pub code: &'static str,
    /// What would be right.
    pub detail: String,
}

impl Wishes {
    /// Reads them from a caller's object: a merge patch over `self`, where null means "as the settings say".
    ///
    /// # Errors
    /// With every member that is none, or has no such value.
    pub fn patched(&self, members: &Map<String, Value>) -> Result<Self, Vec<Unwishable>> {
        let (mut wishes, mut wrong) = (self.clone(), Vec::new());
        for (key, value) in members {
            if let Err(problem) = wishes.put(key, value) {
                wrong.push(problem);
            }
        }
        if wrong.is_empty() { Ok(wishes) } else { Err(wrong) }
    }

    fn put(&mut self, key: &str, value: &Value) -> Result<(), Unwishable> {
        let wrong =
            |code, detail: String| Err(Unwishable { key: key.chars().take(100).collect(), code, detail });
        if key == BUNDLE_MINUTES {
            let minutes = value.as_u64().and_then(|minutes| u32::try_from(minutes).ok());
            if !value.is_null() && minutes.is_none_or(|minutes| minutes > MAX_BUNDLE_MINUTES) {
                return wrong("out_of_range", format!("0 to {MAX_BUNDLE_MINUTES} minutes"));
            }
            self.bundle_minutes = minutes;
            return Ok(());
        }
        let kind = NotificationTemplate::parse(key).filter(|kind| kind.audience() == Audience::Agent);
        let Some(kind) = kind else {
            return wrong("not_allowed", format!("is no mail to agents; there are {}", choices()));
        };
        match value {
            Value::Null => drop(self.kinds.remove(&kind)),
            Value::Bool(false) if !may_be_switched_off(kind) => {
                return wrong(
                    "not_allowed",
                    "tells what became of the agent's own mail: it can't be switched off".into(),
                );
            }
            Value::Bool(on) => drop(self.kinds.insert(kind, *on)),
            _ => return wrong("bad_type", "must be true or false".into()),
        }
        Ok(())
    }
}

/// Whether an agent may do without it: not what became of mail they sent, or that the desk sent for them.
pub fn may_be_switched_off(kind: NotificationTemplate) -> bool {
    use NotificationTemplate::{AgentCommandResult, AgentDeliveryFailed, AgentReplyRefused};
    kind.audience() == Audience::Agent
        && !matches!(kind, AgentCommandResult | AgentDeliveryFailed | AgentReplyRefused)
}

fn choices() -> String {
    let kinds = NotificationTemplate::ALL.iter().copied().filter(|kind| may_be_switched_off(*kind));
    kinds.map(NotificationTemplate::as_str).chain([BUNDLE_MINUTES]).collect::<Vec<_>>().join(", ")
}

impl From<Value> for Wishes {
    /// As they are kept: what a later version knows and this one doesn't is left out.
    fn from(kept: Value) -> Self {
        let mut wishes = Self::default();
        for (key, value) in kept.as_object().into_iter().flatten() {
            // What can't be wished for is not wished for.
            let _ = wishes.put(key, value);
        }
        wishes
    }
}

impl From<Wishes> for Value {
    fn from(wishes: Wishes) -> Self {
        let kinds = wishes.kinds.into_iter().map(|(kind, on)| (kind.as_str().to_owned(), Value::Bool(on)));
        let bundle = wishes.bundle_minutes.map(|minutes| (BUNDLE_MINUTES.to_owned(), minutes.into()));
        Self::Object(kinds.chain(bundle).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(start: Value, patch: Value) -> Result<Value, Vec<String>> {
        let patch = patch.as_object().expect("an object").clone();
        match Wishes::from(start).patched(&patch) {
            Ok(wishes) => Ok(wishes.into()),
            Err(wrong) => Err(wrong.into_iter().map(|one| format!("{} {}", one.key, one.code)).collect()),
        }
    }

    #[test]
    fn wishes_are_patched_key_by_key() {
        let start = || json!({"agent_new_ticket": false, "bundle_minutes": 15, "agent_of_tomorrow": true});
        for (patch, want) in [
            (json!({}), json!({"agent_new_ticket": false, "bundle_minutes": 15})),
            (
                json!({"agent_note": true}),
                json!({"agent_new_ticket": false, "agent_note": true, "bundle_minutes": 15}),
            ),
            (json!({"agent_new_ticket": null, "bundle_minutes": null}), json!({})),
            (json!({"bundle_minutes": 0}), json!({"agent_new_ticket": false, "bundle_minutes": 0})),
            (
                json!({"agent_command_result": true}),
                json!({"agent_command_result": true, "agent_new_ticket": false, "bundle_minutes": 15}),
            ),
        ] {
            assert_eq!(patched(start(), patch.clone()), Ok(want), "{patch}");
        }
    }

    #[test]
    fn what_cannot_be_wished_is_named() {
        for (patch, want) in [
            (json!({"ticket_received": false}), "ticket_received not_allowed"),
            (json!({"admin_queue_stuck": false}), "admin_queue_stuck not_allowed"),
            (json!({"agent_reply_refused": false}), "agent_reply_refused not_allowed"),
            (json!({"agent_note": "yes"}), "agent_note bad_type"),
            (json!({"bundle_minutes": 61}), "bundle_minutes out_of_range"),
            (json!({"bundle_minutes": -1}), "bundle_minutes out_of_range"),
            (json!({"hello": true}), "hello not_allowed"),
        ] {
            assert_eq!(patched(json!({}), patch.clone()), Err(vec![want.to_owned()]), "{patch}");
        }
    }
}
