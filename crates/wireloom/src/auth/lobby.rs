//! From a handshake to a connection: who may come in at all, and who must say first who it is.
//!
//! Who has not authenticated where that is needed is nobody to the engine: it has no client id, no outbox and no room,
//! and gets no broadcast. It is greeted when it is in.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::http::header::ORIGIN;
use axum::http::request::Parts;
use compact_str::CompactString;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message as WsMessage;

use super::badge::Guest;
use super::credentials::{self, Shown};
use super::{Identity, Peer, Secret};
use crate::address;
use crate::close::CloseCode;
use crate::diagnose::diagnose;
use crate::driver::close_code;
use crate::engine::{Core, Engine, Shared};
use crate::envelope::Frame;
use crate::handler::Finished;
use crate::limits::Slot;
use crate::message::Message;
use crate::messages::ConnectionAuthenticate;
use crate::origin;
use crate::reject::{Internal, Reject, code};
use crate::serve::Arrival;
use crate::transport::WebSocket;
use crate::upgrade::status;

/// Longest path that is remembered, in bytes.
const MAX_PATH: usize = 2048;

/// Longest origin, in bytes: a host name has 253 at most.
const MAX_ORIGIN: usize = 512;

/// Frames that a client may send before it has authenticated.
const MAX_FRAMES: usize = 16;

/// A handshake that may go on.
#[derive(Debug)]
pub(crate) struct Visit {
    peer: Peer,
    shown: Shown,
    slot: Slot,
}

/// A handshake that may not.
#[derive(Debug)]
pub(crate) struct Turned {
    pub(crate) code: CloseCode,
    /// The place for saying so; `None` if too many are refused at the moment.
    pub(crate) slot: Option<Slot>,
}

/// Decides what can be decided at once. `versioned` says whether a subprotocol was selected. Cheapest first.
pub(crate) fn arrive(core: &Core, request: &Parts, versioned: bool) -> Result<Visit, Turned> {
    let address = address_of(core, request);
    let visit = || {
        core.access.door.knock(address)?;
        let headers = &request.headers;
        let path = request.uri.path();
        let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok());
        if path.len() > MAX_PATH || origin.is_some_and(|origin| origin.len() > MAX_ORIGIN) {
            return Err(CloseCode::Forbidden);
        }
        let arrival = Arrival::of(request);
        if !origin::allowed(headers, &core.settings.origins, arrival) {
            tracing::info!(
                address = address.map(tracing::field::display),
                origin,
                "origin refused"
            );
            return Err(CloseCode::Forbidden);
        }
        if !versioned && credentials::offered(headers).next().is_some() {
            return Err(CloseCode::NoCommonVersion);
        }
        if core.draining() {
            return Err(CloseCode::ServiceRestart);
        }
        let shown = credentials::shown(headers);
        if core.access.judges() && !matches!(shown, Shown::Nothing) && !core.access.door.may_try(address) {
            return Err(CloseCode::RateExceeded);
        }
        Ok(Visit {
            slot: core.access.door.enter(address)?,
            shown,
            peer: Peer {
                address,
                origin: origin.map(Into::into),
                path: path.into(),
            },
        })
    };
    visit().map_err(|code| {
        let slot = core.access.door.refuse(address);
        core.access.count_refused(code);
        tracing::debug!(
            address = address.map(tracing::field::display),
            code = code.code(),
            "handshake refused"
        );
        Turned { code, slot }
    })
}

fn address_of(core: &Core, request: &Parts) -> Option<IpAddr> {
    let ConnectInfo(socket) = request.extensions.get::<ConnectInfo<SocketAddr>>()?;
    let trusted = &core.settings.admission.trusted_proxies;
    Some(address::client(socket.ip(), &request.headers, trusted))
}

impl<S: Send + Sync + 'static> Engine<S> {
    /// Who sends an HTTP request, by its `Authorization: Bearer`: for routes that not everyone may see. `None` for
    /// somebody anonymous where that is allowed.
    ///
    /// # Errors
    ///
    /// The status to answer with, where the WebSocket would not let the sender in either.
    pub async fn identify(&self, request: &Parts) -> Result<Option<Arc<Identity>>, StatusCode> {
        let core = &self.shared.core;
        if !core.access.judges() {
            return Ok(None);
        }
        let peer = Peer {
            address: address_of(core, request),
            origin: None,
            path: request.uri.path().into(),
        };
        match credentials::shown(&request.headers) {
            Shown::Token(token) => match core.access.identify(&token, &peer).await {
                Ok(identity) => Ok(Some(identity)),
                Err(denial) => Err(status(denial.close_code())),
            },
            Shown::Nothing if !core.access.required() => Ok(None),
            Shown::Nothing | Shown::Unclear => Err(StatusCode::UNAUTHORIZED),
        }
    }
}

/// Waits until a visitor has shown who it is, if it must. The code to close with otherwise; `None` when it is gone.
pub(crate) async fn admit<S>(
    shared: &Shared<S>,
    socket: &mut WebSocket,
    visit: Visit,
) -> Result<(Guest, Slot), Option<CloseCode>> {
    let admitted = judge(shared, socket, visit).await;
    if let Err(Some(code)) = admitted {
        shared.core.access.count_refused(code);
    }
    admitted
}

async fn judge<S>(
    shared: &Shared<S>,
    socket: &mut WebSocket,
    visit: Visit,
) -> Result<(Guest, Slot), Option<CloseCode>> {
    let access = &shared.core.access;
    let Visit { peer, shown, slot } = visit;
    let mut guest = Guest {
        peer,
        ..Guest::default()
    };
    match shown {
        Shown::Token(token) if access.judges() => {
            let judged = access.identify(&token, &guest.peer).await;
            guest.identity = Some(judged.map_err(|denial| denial.close_code())?);
        }
        Shown::Unclear if access.judges() => return Err(Some(CloseCode::Unauthorized)),
        _ if access.required() => {
            let told = tokio::time::timeout(access.timeout, first_message(shared, socket));
            let (token, correlation_id) = tokio::select! {
                biased;
                () = access.closing.cancelled() => return Err(Some(CloseCode::GoingAway)),
                told = told => told.map_err(|_late| CloseCode::Timeout)??,
            };
            match access.identify(&token, &guest.peer).await {
                Ok(identity) => guest.identity = Some(identity),
                Err(denial) => {
                    answer(shared, socket, denial.reject(), correlation_id.as_deref()).await?;
                    return Err(Some(denial.close_code()));
                }
            }
            guest.by_message = Some(correlation_id);
        }
        _ => {}
    }
    Ok((guest, slot))
}

/// The first `connection:authenticate`. Everything else is refused.
async fn first_message<S>(
    shared: &Shared<S>,
    socket: &mut WebSocket,
) -> Result<(Secret, Option<CompactString>), Option<CloseCode>> {
    for _ in 0..MAX_FRAMES {
        let text = match socket.next().await {
            Some(Ok(WsMessage::Text(text))) => text,
            Some(Ok(WsMessage::Ping(_) | WsMessage::Pong(_))) => continue,
            Some(Ok(WsMessage::Binary(_))) => return Err(Some(CloseCode::UnsupportedData)),
            Some(Ok(WsMessage::Close(_) | WsMessage::Frame(_))) | None => return Err(None),
            Some(Err(error)) => return Err(close_code(&error)),
        };
        match read(shared, &text) {
            Ok(told) => return Ok(told),
            Err((reject, correlation_id)) => {
                answer(shared, socket, reject, correlation_id.as_deref()).await?;
            }
        }
    }
    Err(Some(CloseCode::ProtocolViolations))
}

type Told = (Secret, Option<CompactString>);

fn read<S>(shared: &Shared<S>, text: &str) -> Result<Told, (Reject, Option<CompactString>)> {
    let core = &shared.core;
    let depth = core.settings.depth;
    let told = || {
        let mut frame = Frame::open(text, depth)?;
        if frame.name() == Some(<ConnectionAuthenticate as Message>::TYPE) {
            let ConnectionAuthenticate { token } = frame.payload(false)?;
            return Ok((
                Some(Secret::new(token)),
                frame.correlation_id().map(CompactString::from),
            ));
        }
        frame.finish()?;
        Ok((None, frame.correlation_id().map(CompactString::from)))
    };
    match told() {
        Ok((Some(token), correlation_id)) => Ok((token, correlation_id)),
        Ok((None, correlation_id)) => {
            let message = "authenticate first: send connection:authenticate";
            Err((Reject::engine(code::UNAUTHORIZED, message), correlation_id))
        }
        Err(fault) => Err(match diagnose(text, depth, &shared.table, &core.protocol) {
            Some(diagnosis) => (diagnosis.reject, diagnosis.correlation_id.map(Into::into)),
            None => {
                let fault: crate::json::Fault = fault;
                let cause = format!("a message was refused that its schema accepts: {}", fault.kind);
                (Reject::internal(Internal::new(cause)), None)
            }
        }),
    }
}

/// Answers before there is a connection. The deadline is for peers that do not read.
async fn answer<S>(
    shared: &Shared<S>,
    socket: &mut WebSocket,
    reject: Reject,
    correlation_id: Option<&str>,
) -> Result<(), Option<CloseCode>> {
    let frame = Finished::rejected(reject, correlation_id).frame;
    let Some(frame) = frame else { return Ok(()) };
    let written = socket.send(WsMessage::Text(frame.keep()));
    tokio::time::timeout(shared.core.settings.write_timeout, written)
        .await
        .map_err(|_stuck| CloseCode::TooSlow)?
        .map_err(|error| close_code(&error))
}
