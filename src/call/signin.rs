//! Signing in: by account, as a guest, or with the token of a device that was here before.

use std::time::Duration;

use registrar::{Aor, BindError, DisplayName, NewBinding};
use sip::flow::FlowId;
use sip::uri::Host;

use super::admission::admits_guest;
use super::end::EndReason;
use super::people::{Device, DeviceId, Line, User};
use super::switch::{FlowLine, Stage, Switch};
use super::time::Now;
use super::timer::Timer;
use super::view::Notice;
use crate::wcs::message::{AuthToken, Connection, UserData};
use crate::wcs::session::Refusal;

/// The longest name of a guest, in characters.
const MAX_GUEST_NAME: usize = 32;

/// Who somebody proved to be.
struct Identity {
    user: Aor,
    display_name: String,
    guest: bool,
}

/// Why somebody is not let in.
enum Denial {
    ShuttingDown,
    Expired,
    NoName,
    BadName,
    ForeignDomain(Host),
    WrongPassword,
    PasswordNeeded(String),
    NoGuests,
    NameTaken(String),
    TooManyAttempts(Duration),
    TooManyDevices,
    Full,
}

impl Switch {
    pub(super) fn on_connect(&mut self, now: Now, flow: FlowId, connection: Connection) {
        if let Err(denial) = self.connect(now, flow, connection) {
            let refusal = denial.refusal();
            tracing::info!(code = refusal.code, "sign-in refused");
            self.outputs.notify(Notice::SignInRefused {
                code: refusal.code,
                sentence: refusal.sentence.clone().into_owned(),
            });
            if let Some(open) = self.flows.get_mut(&flow) {
                open.session.refuse(refusal);
                self.touch(flow);
            }
        }
    }

    fn connect(&mut self, now: Now, flow: FlowId, connection: Connection) -> Result<(), Denial> {
        if self.stage != Stage::Running {
            return Err(Denial::ShuttingDown);
        }
        let kept = connection
            .auth_token
            .as_ref()
            .map(|token| self.people.by_token(token));
        match kept {
            Some(Some(device)) => {
                self.resume(now, flow, device, &connection);
                return Ok(());
            }
            // Whoever gives a name as well can still sign in by it. It is no guess that would
            // count: after a restart every page comes with such a token.
            Some(None) if connection.sip_login.is_none() => return Err(Denial::Expired),
            Some(None) | None => {}
        }
        let identity = self.identify(now, flow, &connection)?;
        self.admit(now, flow, identity, connection)
    }

    fn identify(
        &mut self,
        now: Now,
        flow: FlowId,
        connection: &Connection,
    ) -> Result<Identity, Denial> {
        let user = self.claimed(connection)?;
        let password = connection
            .sip_password
            .as_ref()
            .map_or("", |password| password.expose());
        let guest_allowed = self
            .flows
            .get(&flow)
            .is_some_and(|open| admits_guest(self.config.guests, &open.peer));
        let has_account = self.config.accounts.get(&user).is_some();
        if has_account || !guest_allowed {
            self.blocked(now, flow)?;
            let account = self.config.accounts.verify_password(&user, password);
            let Some(account) = account else {
                self.note_failure(now, flow);
                return Err(match (password.is_empty(), guest_allowed) {
                    (true, true) => Denial::PasswordNeeded(user.user().to_owned()),
                    (true, false) => Denial::NoGuests,
                    (false, _) => Denial::WrongPassword,
                });
            };
            let user = account.aor.clone();
            let display_name = match &account.display_name {
                Some(name) => name.to_string(),
                None => self.display_name(connection, &user),
            };
            return Ok(Identity {
                user,
                display_name,
                guest: false,
            });
        }
        if user.domain() != &self.config.domain {
            return Err(Denial::ForeignDomain(user.domain().clone()));
        }
        if user.user().chars().count() > MAX_GUEST_NAME {
            return Err(Denial::BadName);
        }
        if self
            .people
            .devices_of(&user)
            .any(|(_, device)| device.flow().is_some())
        {
            return Err(Denial::NameTaken(user.user().to_owned()));
        }
        let display_name = self.display_name(connection, &user);
        Ok(Identity {
            user,
            display_name,
            guest: true,
        })
    }

    /// Who the connection says it is.
    fn claimed(&self, connection: &Connection) -> Result<Aor, Denial> {
        let login = connection
            .sip_login
            .as_deref()
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let login = login.ok_or(Denial::NoName)?;
        let domain = match connection.sip_domain.as_deref().map(str::trim) {
            None | Some("") => self.config.domain.clone(),
            Some(domain) => Host::parse(domain).map_err(|_| Denial::BadName)?,
        };
        let user = Aor::parse(login, &domain).map_err(|_| Denial::BadName)?;
        let user = self.at_home(user);
        if !self.domains.contains(user.domain()) {
            return Err(Denial::ForeignDomain(user.domain().clone()));
        }
        Ok(user)
    }

    /// The name for people that the page asks for, unless it is the name of somebody else.
    fn display_name(&self, connection: &Connection, user: &Aor) -> String {
        let wanted = connection
            .display_name
            .as_deref()
            .and_then(DisplayName::clean);
        let of_another = |wanted: &str| {
            let other = Aor::parse(wanted, &self.config.domain).map(|aor| self.at_home(aor));
            other.is_ok_and(|other| {
                other != *user
                    && (self.config.accounts.get(&other).is_some()
                        || self.people.user(&other).is_some())
            })
        };
        match wanted {
            Some(name) if !of_another(name.as_str()) => name.to_string(),
            _ => user.user().to_owned(),
        }
    }

    fn admit(
        &mut self,
        now: Now,
        flow: FlowId,
        identity: Identity,
        connection: Connection,
    ) -> Result<(), Denial> {
        let Identity {
            user,
            display_name,
            guest,
        } = identity;
        if self.people.len() >= self.config.limits.sessions {
            return Err(Denial::Full);
        }
        let binding = self
            .location
            .bind(now.mono, NewBinding::wcs(user.clone(), flow));
        let binding = match binding {
            Ok(binding) => binding,
            Err(BindError::TooManyForAor) => self.bind_over_ghost(now, flow, &user)?,
            Err(BindError::Full) => return Err(Denial::Full),
        };
        let token = self.pool.token();
        let device = Device {
            user: user.clone(),
            // A token is never empty.
            token: AuthToken::new(&token).ok_or(Denial::Full)?,
            keep_alive: connection.keep_alive,
            register: connection.register_required,
            echo: connection.echo,
            line: Line::Open(flow),
            binding,
            legs: Default::default(),
        };
        let id = self.people.next_id();
        self.people
            .add(id, device, User::new(display_name, guest, now.mono));
        self.welcome(flow, id);
        self.announce_sign_in(id, false);
        self.ring_also(now, id);
        if guest {
            // What else bears the name are ghosts, devices whose flow broke: most often it is he
            // himself who comes back with a reloaded page.
            self.lay_ghosts(now, &user, id);
        }
        Ok(())
    }

    /// The owner of a token is back. His old flow, should it still be open, is closed. The page
    /// has no memory of its calls: those that were answered end, those that ring ring anew.
    fn resume(&mut self, now: Now, flow: FlowId, id: DeviceId, connection: &Connection) {
        let Some(device) = self.people.device(id) else {
            return;
        };
        let (old, legs, binding) = (device.flow(), device.legs.clone(), device.binding);
        for leg in legs {
            if !self.set_aside(leg) {
                self.on_leg_gone(now, leg, EndReason::Reloaded);
            }
        }
        if let Some(old) = old {
            self.close_flow(old, 1000, "signed in again elsewhere");
        }
        let Some(device) = self.people.device_mut(id) else {
            return;
        };
        device.line = Line::Open(flow);
        device.keep_alive = connection.keep_alive;
        if let Err(error) = self.location.resume(binding, flow) {
            tracing::error!(%error, device = id.0, "a device without its binding");
        }
        self.timers.disarm(Timer::Parked(id));
        self.timers.disarm(Timer::Grace(id));
        self.welcome(flow, id);
        self.announce_sign_in(id, true);
        self.ring_also(now, id);
    }

    fn welcome(&mut self, flow: FlowId, id: DeviceId) {
        let Some(device) = self.people.device(id) else {
            return;
        };
        let data = UserData {
            echo: device.echo.clone(),
            auth_token: device.token.clone(),
            sip_login: device.user.user().into(),
            sip_domain: Some(device.user.domain().to_string().into()),
        };
        let register = device.register;
        if let Some(open) = self.flows.get_mut(&flow) {
            open.line = FlowLine::Device(id);
        }
        self.with_session(id, |session| {
            session.accept(data);
            if register {
                session.registered();
            }
        });
        self.board.mark_stale();
    }

    fn announce_sign_in(&mut self, id: DeviceId, resumed: bool) {
        let Some(device) = self.people.device(id) else {
            return;
        };
        let Some(user) = self.people.user(&device.user) else {
            return;
        };
        tracing::info!(device = id.0, guest = user.guest, resumed, "signed in");
        let user = self.people.view(&device.user, user);
        self.outputs.notify(Notice::SignedIn { user, resumed });
    }

    fn lay_ghosts(&mut self, now: Now, user: &Aor, except: DeviceId) {
        let ghosts: Vec<DeviceId> = self.ghosts(user).filter(|ghost| *ghost != except).collect();
        for ghost in ghosts {
            self.device_gone(now, ghost, EndReason::Reloaded);
        }
    }

    /// An account has as many devices as it may: one that is parked makes room.
    fn bind_over_ghost(
        &mut self,
        now: Now,
        flow: FlowId,
        user: &Aor,
    ) -> Result<registrar::BindingId, Denial> {
        let ghost = self.ghosts(user).next().ok_or(Denial::TooManyDevices)?;
        self.device_gone(now, ghost, EndReason::ConnectionLost);
        let binding = NewBinding::wcs(user.clone(), flow);
        self.location
            .bind(now.mono, binding)
            .map_err(|_| Denial::TooManyDevices)
    }

    /// Devices whose flow broke.
    fn ghosts(&self, user: &Aor) -> impl Iterator<Item = DeviceId> {
        let parked = self
            .people
            .devices_of(user)
            .filter(|(_, device)| device.flow().is_none());
        parked.map(|(id, _)| id)
    }

    fn blocked(&mut self, now: Now, flow: FlowId) -> Result<(), Denial> {
        let Some(open) = self.flows.get(&flow) else {
            return Ok(());
        };
        let (limits, window) = (&self.config.limits, self.config.timing.sign_in_window);
        let address = open.peer.address.ip();
        match self
            .failures
            .blocked(now.mono, address, limits.sign_in_failures, window)
        {
            Some(wait) => Err(Denial::TooManyAttempts(wait)),
            None => Ok(()),
        }
    }

    fn note_failure(&mut self, now: Now, flow: FlowId) {
        if let Some(open) = self.flows.get(&flow) {
            let capacity = self.config.limits.sign_in_addresses;
            self.failures
                .note(now.mono, open.peer.address.ip(), capacity);
        }
    }
}

impl Denial {
    fn refusal(&self) -> Refusal {
        let (info, code, sentence) = match self {
            Self::ShuttingDown => (
                "SIP 503 Service Unavailable",
                "shutting_down",
                "The server is going down. Try again when it is back.".into(),
            ),
            Self::Expired => (
                "SIP 401 Unauthorized",
                "session_expired",
                "Your session has expired. Sign in again.".into(),
            ),
            Self::NoName => (
                "SIP 400 Bad Request",
                "no_name",
                "Type a name to sign in with.".into(),
            ),
            Self::BadName => (
                "SIP 400 Bad Request",
                "bad_name",
                format!(
                    "That name cannot be used. A name has 1 to {MAX_GUEST_NAME} letters, digits, \
                     dots, dashes or underscores."
                ),
            ),
            Self::ForeignDomain(domain) => (
                "SIP 403 Forbidden",
                "foreign_domain",
                format!("This server does not serve {domain}. Leave the domain empty."),
            ),
            Self::WrongPassword => (
                "SIP 403 Forbidden",
                "wrong_password",
                "The name or the password is wrong.".into(),
            ),
            Self::PasswordNeeded(name) => (
                "SIP 403 Forbidden",
                "password_needed",
                format!("{name} has an account: give its password, or choose another name."),
            ),
            Self::NoGuests => (
                "SIP 403 Forbidden",
                "no_guests",
                "Signing in from here takes an account and its password.".into(),
            ),
            Self::NameTaken(name) => (
                "SIP 403 Forbidden",
                "name_taken",
                format!("Somebody is signed in as {name} already. Choose another name."),
            ),
            Self::TooManyAttempts(wait) => (
                "SIP 403 Forbidden",
                "too_many_attempts",
                format!(
                    "Too many failed sign-ins came from your address. Try again in {} seconds.",
                    wait.as_secs().max(1)
                ),
            ),
            Self::TooManyDevices => (
                "SIP 403 Forbidden",
                "too_many_devices",
                "You are signed in on as many pages as you may. Close one of them.".into(),
            ),
            Self::Full => (
                "SIP 503 Service Unavailable",
                "server_full",
                "The server has as many people as it may. Try again later.".into(),
            ),
        };
        Refusal {
            info: info.into(),
            code,
            sentence: sentence.into(),
        }
    }
}
