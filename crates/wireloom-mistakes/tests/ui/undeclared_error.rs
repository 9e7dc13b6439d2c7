//! A handler returns the errors that its message declares.

pub mod protocol {
    include!("../../../../generated/protocol.rs");
}

use wireloom::{Ctx, On, on};

async fn start(_cx: Ctx<()>, _message: protocol::AgentStart) -> Result<protocol::AgentStarted, String> {
    Err("it broke".to_owned())
}

fn main() {
    let _handler: On<(), protocol::AgentStart> = on(start);
}
