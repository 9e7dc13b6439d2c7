//! How requests ended: what answers them, how that is numbered, counted and logged.

use std::sync::atomic::Ordering;

use super::Connection;
use super::requests::{Answer, HOOK, Request};
use crate::envelope::Draft;
use crate::handler::Finished;
use crate::metrics::OK;
use crate::outbox::Numbering;
use crate::reject::{Kind, Reject};
use crate::replay::Asked;
use crate::table::{EngineTask, Task};

impl<S: Send + Sync + 'static> Connection<S> {
    /// How the message that answers a request for good is numbered.
    pub(super) fn numbering(&self, request: &Request) -> Numbering {
        match (&self.link.session, &request.correlation_id) {
            (None, _) => Numbering::None,
            _ if self.concerns_connection(request) => Numbering::None,
            (Some(_), None) => Numbering::Numbered,
            (Some(_), Some(id)) => Numbering::Answer(Box::new(Asked {
                correlation_id: id.clone(),
                hash: request.hash,
            })),
        }
    }

    /// Whether a message of the engine was for this connection only, and so is its answer.
    fn concerns_connection(&self, request: &Request) -> bool {
        let entry = self.shared.table.entry(request.entry);
        entry.is_some_and(|entry| matches!(entry.task, Task::Engine(task) if task != EngineTask::Cancel))
    }

    /// Answers, counts and logs what ended.
    pub(super) fn finish(&mut self, finished: Finished, request: Request) {
        let numbering = self.numbering(&request);
        let text = self.settle(finished, &request);
        let answer = self.answer(text, numbering);
        self.queue(answer);
    }

    /// What answers a request; where nothing does, that it ended is remembered.
    pub(super) fn answer(&mut self, text: Option<Draft>, numbering: Numbering) -> Option<Answer> {
        match (text, numbering) {
            (Some(text), numbering) => Some(Answer { text, numbering }),
            (None, Numbering::Answer(asked)) => {
                self.remember(*asked);
                None
            }
            (None, _) => None,
        }
    }

    /// Remembers a request that ended without an answer, for as long as its client may come back and say it again.
    fn remember(&mut self, asked: Asked) {
        let (now, settings) = (self.now, &self.shared.core.settings);
        let recorder = self.link.recorder();
        while let Some((oldest, ended)) = self.silent.front()
            && (now.saturating_duration_since(*ended) > settings.resume_window
                || self.silent.len() >= settings.resume_messages)
        {
            if let Some(recorder) = &recorder {
                recorder.ended(oldest.correlation_id.clone());
            }
            self.silent.pop_front();
        }
        if let Some(recorder) = &recorder {
            recorder.silent(asked.clone());
        }
        self.silent.push_back((asked, now));
    }

    /// Counts what ended. Those that were answered at once are counted together.
    pub(super) fn count(&mut self, outcome: &str, request: &Request) {
        if outcome == OK && request.started == self.now && request.entry == self.answered.0 {
            self.answered.1 += 1;
            return;
        }
        self.count_answered();
        if request.entry == HOOK {
            return;
        }
        if outcome == OK && request.started == self.now {
            self.answered = (request.entry, 1);
            return;
        }
        let entry = self.shared.table.entry(request.entry);
        let metrics = entry.map_or(&self.core().metrics.unknown, |entry| &entry.metrics);
        metrics.count(outcome, request.started.elapsed(), 1);
    }

    /// Counts what was answered at once since the task woke.
    pub(crate) fn count_answered(&mut self) {
        let (entry, answered) = self.answered;
        if answered > 0 {
            self.answered.1 = 0;
            if let Some(entry) = self.shared.table.entry(entry) {
                entry.metrics.count(OK, self.now.elapsed(), answered);
            }
        }
    }

    /// Counts and logs what ended. Returns what answers it.
    pub(super) fn settle(&mut self, finished: Finished, request: &Request) -> Option<Draft> {
        let Finished { frame, reject } = finished;
        self.count(reject.as_ref().map_or(OK, Reject::code), request);
        let entry = self.shared.table.entry(request.entry);
        match reject.as_ref().map(Reject::kind) {
            None => {
                let state = self.link.state.load(Ordering::Relaxed);
                if let Some(Ok(Some(next))) = entry.map(|entry| entry.transition(state)) {
                    self.link.state.store(next, Ordering::Relaxed);
                    if next != state {
                        self.link.record();
                    }
                }
            }
            Some(Kind::Internal(cause)) => {
                tracing::error!(
                    client_id = %self.link.id,
                    r#type = entry.map(|entry| entry.name.as_str()),
                    correlation_id = request.correlation_id.as_deref(),
                    "{}", cause.chain()
                );
            }
            Some(_) => {
                tracing::debug!(
                    client_id = %self.link.id,
                    r#type = entry.map(|entry| entry.name.as_str()),
                    correlation_id = request.correlation_id.as_deref(),
                    code = reject.as_ref().map(Reject::code),
                    "refused"
                );
            }
        }
        frame
    }
}
