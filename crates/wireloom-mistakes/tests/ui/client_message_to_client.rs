//! Only messages of the server can be sent to a client.

pub mod protocol {
    include!("../../../../generated/protocol.rs");
}

fn greet(client: &wireloom::Client, message: protocol::AgentMessage) {
    let _sent = client.send(message);
}

fn main() {}
