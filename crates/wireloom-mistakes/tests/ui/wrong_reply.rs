//! A handler returns the message that `reply` names.

pub mod protocol {
    include!("../../../../generated/protocol.rs");
}

use wireloom::{Ctx, On, on};

async fn start(_cx: Ctx<()>, _message: protocol::AgentStart) -> Result<protocol::AgentCancelled, protocol::AgentStartError> {
    Err(protocol::AgentStartError::too_many_sessions())
}

fn main() {
    let _handler: On<(), protocol::AgentStart> = on(start);
}
