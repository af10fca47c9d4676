//! A tap next to the wire of an agent: it writes down what passes, and loses what it is told to.

use std::collections::VecDeque;
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, StreamInfo, TaggedPacket};
use rtc::sansio::Protocol;
use rtc::shared::error::Error;

use super::record::{Heard, Record};

/// Nearer to the wire than all that the crate puts in.
pub const PLACE: usize = 500;

pub struct Tap {
    record: Record,
    incoming: VecDeque<TaggedPacket>,
    outgoing: VecDeque<TaggedPacket>,
}

impl Tap {
    pub fn new(record: Record) -> Self {
        Self {
            record,
            incoming: VecDeque::new(),
            outgoing: VecDeque::new(),
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Tap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        let passes = self.record.change(|heard| match &message.message.packet {
            Packet::Rtp(packet) => {
                let lost = heard
                    .lose_incoming
                    .as_mut()
                    .is_some_and(|lose| lose(packet));
                let list = if lost {
                    &mut heard.lost
                } else {
                    &mut heard.wire
                };
                list.push(packet.clone());
                !lost
            }
            Packet::Rtcp(packets) => {
                heard.rtcp.extend(packets.iter().cloned());
                true
            }
            _ => true,
        });
        if passes {
            self.incoming.push_back(message);
        }
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.incoming.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        let passes = self.record.change(|heard| match &message.message.packet {
            Packet::Rtp(packet) => {
                let lost = heard
                    .lose_outgoing
                    .as_mut()
                    .is_some_and(|lose| lose(packet));
                let list = if lost {
                    &mut heard.lost
                } else {
                    &mut heard.sent
                };
                list.push(packet.clone());
                !lost
            }
            Packet::Rtcp(packets) => {
                write_down(heard, packets);
                true
            }
            _ => true,
        });
        if passes {
            self.outgoing.push_back(message);
        }
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outgoing.pop_front()
    }
}

fn write_down(heard: &mut Heard, packets: &[Box<dyn rtc::rtcp::Packet>]) {
    heard.rtcp_sent.extend(packets.iter().cloned());
}

impl Interceptor for Tap {
    fn bind_local_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_local_stream(&mut self, _info: &StreamInfo) {}
    fn bind_remote_stream(&mut self, _info: &StreamInfo) {}
    fn unbind_remote_stream(&mut self, _info: &StreamInfo) {}
}
