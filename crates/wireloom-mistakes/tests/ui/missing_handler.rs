//! Forgetting a handler does not compile.

pub mod protocol {
    include!("../../../../generated/protocol.rs");
}

use wireloom::{Ctx, on};

async fn start(_cx: Ctx<()>, _message: protocol::AgentStart) -> Result<protocol::AgentStarted, protocol::AgentStartError> {
    Err(protocol::AgentStartError::too_many_sessions())
}

async fn cancel(_cx: Ctx<()>, _message: protocol::AgentCancel) -> Result<protocol::AgentCancelled, protocol::AgentCancelError> {
    Err(protocol::AgentCancelError::session_not_found())
}

fn main() {
    let _handlers = protocol::Handlers {
        agent_start: on(start),
        agent_cancel: on(cancel),
    };
}
