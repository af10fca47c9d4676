#![allow(clippy::unwrap_used, clippy::panic)]

mod client;
mod server;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn parse(frame: &Value) -> ClientMessage {
    ClientMessage::parse(&frame.to_string()).unwrap()
}

fn say(message: &str, argument: Value) -> ClientMessage {
    parse(&json!({ "message": message, "data": [argument] }))
}

fn malformed(message: &str, argument: Value) -> &'static str {
    match say(message, argument) {
        ClientMessage::Malformed {
            message: named,
            field,
            ..
        } if named == message => field,
        other => panic!("{message} is {other:?}"),
    }
}

fn connection(argument: Value) -> Connection {
    match say("connection", argument) {
        ClientMessage::Connection(connection) => *connection,
        other => panic!("{other:?}"),
    }
}

fn id(text: &str) -> WcsCallId {
    WcsCallId::new(text).unwrap()
}
