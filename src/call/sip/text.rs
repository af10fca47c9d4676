//! Texts (RFC 3428): a MESSAGE reaches every page and telephone of whom it is for, and so does
//! what pages write.

use registrar::Aor;
use sip::dialog::MAX_FORWARDS;
use sip::flow::FlowId;
use sip::message::{
    HeaderName, Method, Rejection, Request, RequestBuilder, ResponseBuilder, Status,
};
use sip::transaction::ServerId;

use super::identity::Identity;
use super::inviting::address;
use crate::call::people::{DeviceId, Party};
use crate::call::switch::Switch;
use crate::call::time::Now;
use crate::wcs::message::TextMessage;

/// The type of a text that names none.
const PLAIN: &str = "text/plain";

impl Switch {
    pub(super) fn on_message(
        &mut self,
        now: Now,
        server: ServerId,
        flow: FlowId,
        request: &Request,
    ) {
        let from = request.from();
        let Some(Identity { party, .. }) = self.identify_sender(now, server, flow, request, &from)
        else {
            return;
        };
        match self.pass_on(now, flow, &party, request) {
            Ok(()) => self.respond(now, server, ResponseBuilder::new(request, Status::OK)),
            Err(rejection) => self.reject(now, server, request, &rejection),
        }
    }

    fn pass_on(
        &mut self,
        now: Now,
        flow: FlowId,
        from: &Party,
        request: &Request,
    ) -> Result<(), Rejection> {
        let refused = |status, reason: &'static str| Rejection::new(status, reason);
        let body = std::str::from_utf8(request.body())
            .map_err(|_| refused(Status::UNSUPPORTED_MEDIA_TYPE, "only texts are passed on"))?;
        let content_type = request.headers().text(HeaderName::ContentType);
        let to = self.dialled_by(request);
        let party = self
            .resolve(&to)
            .map_err(|_| refused(Status::NOT_FOUND, "nobody of that name is known here"))?;
        let text = TextMessage {
            to,
            body: body.to_owned(),
            content_type: content_type.unwrap_or(PLAIN).into(),
        };
        let sender = self.phone_on(flow, &from.user);
        let gruu = self.gruu(&text.to);
        let only = gruu.map(|gruu| self.device_of_gruu(now, &gruu).ok());
        let meant = |device| Some(device) != sender && only.is_none_or(|it| it == Some(device));
        match self.deliver_text(now, from, &party.user, meant, &text) {
            0 => Err(refused(
                Status::TEMPORARILY_UNAVAILABLE,
                "whom it is for is not signed in",
            )),
            _ => Ok(()),
        }
    }

    /// Gives a text to everything that its receiver is here with and that is `meant`; to how many.
    pub(in crate::call) fn deliver_text(
        &mut self,
        now: Now,
        from: &Party,
        to: &Aor,
        meant: impl Fn(DeviceId) -> bool,
        text: &TextMessage,
    ) -> usize {
        let here = self.people.devices_of(to);
        let here = here.filter(|(id, device)| meant(*id) && device.is_here());
        let here: Vec<(DeviceId, bool)> = here
            .map(|(id, device)| (id, device.page().is_some()))
            .collect();
        let payload = text.to_receiver(&from.user.shown_in(&self.config.domain));
        let id = self.pool.token();
        let mut reached = 0;
        for (device, is_page) in here {
            let done = match is_page {
                true => {
                    let (id, payload) = (id.clone(), payload.clone());
                    self.with_session(device, |session| session.data(id, payload))
                }
                false => self.send_message(now, device, from, to, text),
            };
            reached += usize::from(done.is_some());
        }
        reached
    }

    fn send_message(
        &mut self,
        now: Now,
        device: DeviceId,
        from: &Party,
        to: &Aor,
        text: &TextMessage,
    ) -> Option<()> {
        let (flow, uri, path) = self.way_to(device)?;
        let to = self.people.party(to)?;
        let (tag, call_id) = (self.pool.token(), self.pool.token());
        let builder = RequestBuilder::new(Method::Message, &uri)
            .max_forwards(MAX_FORWARDS)
            .from(&address(from)?.tag(&tag))
            .to(&address(&to)?)
            .call_id(&call_id)
            .cseq(1)
            .body(&text.content_type, text.body.clone());
        let builder = path.iter().fold(builder, |it, hop| {
            it.value(HeaderName::Route, hop.as_bytes())
        });
        self.send_in_dialog(now, flow, builder);
        tracing::debug!(device = device.0, "a text is passed on");
        Some(())
    }
}
