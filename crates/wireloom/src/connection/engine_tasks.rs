//! The messages that the engine answers itself.

use compact_str::CompactString;

use super::requests::{Answer, InFlight};
use super::{Connection, Refused};
use crate::close::CloseCode;
use crate::envelope::Frame;
use crate::handler::{Asker, Finished};
use crate::json::Encode;
use crate::message::Message;
use crate::messages::{
    ConnectionAck, ConnectionAuthenticate, ConnectionResume, ConnectionResumed, ConnectionResumedReason,
    Ping, Pong, RequestCancel,
};
use crate::reject::{Reject, code};
use crate::session::Session;
use crate::table::EngineTask;

impl<S: Send + Sync + 'static> Connection<S> {
    /// Does what one of them asks for.
    pub(super) fn engine_task(
        &mut self,
        task: EngineTask,
        frame: &mut Frame<'_>,
        at: usize,
        optional: bool,
    ) -> Result<Option<Answer>, Refused> {
        let finished = match task {
            EngineTask::Ping => {
                frame.payload::<Ping>(optional).map_err(Refused::Fault)?;
                let pong = Pong {
                    extra: Default::default(),
                };
                let asker = Asker {
                    link: &self.link,
                    correlation_id: frame.correlation_id(),
                };
                Finished::reply(asker, <Pong as Message>::TYPE, |out| pong.encode(out))
            }
            EngineTask::Ack => {
                let ack: ConnectionAck = frame.payload(optional).map_err(Refused::Fault)?;
                self.link.outbox.acknowledge(ack.seq);
                Finished::nothing()
            }
            EngineTask::Resume => {
                let resume: ConnectionResume = frame.payload(optional).map_err(Refused::Fault)?;
                self.resume(&resume, frame.correlation_id())
            }
            EngineTask::Authenticate => {
                frame
                    .payload::<ConnectionAuthenticate>(optional)
                    .map_err(Refused::Fault)?;
                let reject = Reject::engine(code::UNAUTHORIZED, "this server takes no credentials");
                Finished::rejected(reject, frame.correlation_id())
            }
            EngineTask::Cancel => {
                frame.payload::<RequestCancel>(optional).map_err(Refused::Fault)?;
                self.cancel(frame.correlation_id())
            }
        };
        let request = self.request(at, frame.correlation_id());
        let numbering = self.numbering(&request);
        let text = self.settle(finished, &request);
        Ok(text.map(|text| Answer { text, numbering }))
    }

    /// Has the session of a token taken up by its own task, to which the driver hands the socket. Else says why not.
    fn resume(&mut self, resume: &ConnectionResume, correlation_id: Option<&str>) -> Finished {
        let claim = if self.link.session.is_none() || !self.fresh {
            Err(ConnectionResumedReason::Unsupported)
        } else {
            let id = correlation_id.map(CompactString::from);
            let sessions = &self.core().sessions;
            sessions.claim(&self.link, &resume.resume_token, resume.last_seq, id)
        };
        if claim.as_ref().err() == Some(&ConnectionResumedReason::Unknown)
            && self.core().draining()
            && self.link.journal().is_some()
        {
            // It may have been left to the next process already, which knows it.
            self.link.outbox.close(CloseCode::GoingAway);
            return Finished::nothing();
        }
        self.core().metrics.resumes.count(&claim);
        match claim {
            Ok(claim) => {
                self.claim = Some(claim);
                Finished::nothing()
            }
            Err(reason) => {
                let resumed = ConnectionResumed {
                    client_id: self.link.id.to_string(),
                    resumed: false,
                    reason: Some(reason),
                    replayed: 0,
                    resume_token: self.link.session.as_ref().and_then(Session::token),
                    extra: Default::default(),
                };
                let name = <ConnectionResumed as Message>::TYPE;
                let asker = Asker {
                    link: &self.link,
                    correlation_id,
                };
                Finished::reply(asker, name, |out| resumed.encode(out))
            }
        }
    }

    /// Drops the request in flight with this correlation id. One that has ended already was answered: nothing to do.
    fn cancel(&mut self, correlation_id: Option<&str>) -> Finished {
        let Some(id) = correlation_id else {
            let message = "request:cancel names the request by its correlationId, which is missing";
            return Finished::rejected(Reject::engine(code::INVALID_ENVELOPE, message), None);
        };
        let known = |request: &InFlight| request.request.correlation_id.as_deref() == Some(id);
        let Some(at) = self.known.iter().position(known) else {
            return Finished::nothing();
        };
        let cancelled = self.known.swap_remove(at);
        let finished = cancelled.abort();
        self.count(code::CANCELLED, &cancelled.request);
        // The message that cancels has done what it was sent for.
        Finished {
            reject: None,
            ..finished
        }
    }
}
