//! Signing in: by account, as a guest, or with the token of a device that was here before.

use std::net::IpAddr;
use std::time::Duration;

use registrar::{Aor, DisplayName};
use sip::flow::FlowId;
use sip::uri::Host;

use super::admission::{FailureLimits, admits_guest};
use super::denial::{Denial, MAX_GUEST_NAME};
use super::end::EndReason;
use super::io::Output;
use super::people::{Device, DeviceId, DeviceKind, Line, Page, User};
use super::switch::{FlowLine, Stage, Switch};
use super::time::Now;
use super::view::Notice;
use crate::wcs::message::{AuthToken, Connection, UserData};

/// Who somebody proved to be.
struct Identity {
    user: Aor,
    display_name: String,
    guest: bool,
}

impl Switch {
    pub(super) fn on_connect(&mut self, now: Now, flow: FlowId, connection: Connection) {
        if let Err(denial) = self.connect(now, flow, connection) {
            let refusal = denial.refusal();
            match denial {
                // Whoever tries on and on does not fill the log.
                Denial::TooManyAttempts(_) => tracing::debug!(%flow, "sign-in refused unseen"),
                _ => tracing::info!(%flow, code = refusal.code, "sign-in refused"),
            }
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
            .is_some_and(|open| admits_guest(self.guests_of(user.domain()), &open.peer));
        let has_account = self.config.accounts.get(&user).is_some();
        if has_account || !guest_allowed {
            self.blocked(now, flow, &user)?;
            let account = self.config.accounts.verify_password(&user, password);
            let Some(account) = account else {
                self.note_failure(now, flow, &user);
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
            self.meet(now, flow, &user);
            return Ok(Identity {
                user,
                display_name,
                guest: false,
            });
        }
        if user.user().chars().count() > MAX_GUEST_NAME {
            return Err(Denial::BadName);
        }
        if self
            .people
            .devices_of(&user)
            .any(|(_, device)| device.is_here())
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
        self.free_display_name(connection.display_name.as_deref(), user)
    }

    /// The name for people that somebody asks for, unless it is the name of somebody else.
    pub(super) fn free_display_name(&self, wanted: Option<&str>, user: &Aor) -> String {
        let wanted = wanted.and_then(DisplayName::clean);
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
        let (binding, ghost) = self.bind(now, flow, &user)?;
        let token = self.pool.token();
        let device = Device {
            user: user.clone(),
            kind: DeviceKind::Page(Box::new(Page {
                // A token is never empty.
                token: AuthToken::new(&token).ok_or(Denial::Full)?,
                keep_alive: connection.keep_alive,
                register: connection.register_required,
                echo: connection.echo,
                line: Line::Open(flow),
            })),
            binding,
            since: now,
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
        if let Some(ghost) = ghost {
            self.device_gone(now, ghost, EndReason::ConnectionLost);
        }
        Ok(())
    }

    pub(super) fn welcome(&mut self, flow: FlowId, id: DeviceId) {
        let Some(device) = self.people.device(id) else {
            return;
        };
        let Some(page) = device.page() else { return };
        let data = UserData {
            echo: page.echo.clone(),
            auth_token: page.token.clone(),
            sip_login: device.user.user().into(),
            sip_domain: Some(device.user.domain().to_string().into()),
        };
        let register = page.register;
        if let Some(open) = self.flows.get_mut(&flow) {
            open.line = FlowLine::Device(id);
        }
        self.with_session(id, |session| {
            session.accept(data);
            if register {
                session.registered();
            }
        });
        self.outputs.push(Output::Trust {
            flow,
            trusted: true,
        });
        self.board.mark_stale();
    }

    pub(super) fn announce_sign_in(&mut self, id: DeviceId, resumed: bool) {
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

    fn blocked(&mut self, now: Now, flow: FlowId, user: &Aor) -> Result<(), Denial> {
        let Some(address) = self.address_of(flow) else {
            return Ok(());
        };
        match self.blocked_at(now, address, user) {
            Some(wait) => Err(Denial::TooManyAttempts(wait)),
            None => Ok(()),
        }
    }

    fn note_failure(&mut self, now: Now, flow: FlowId, user: &Aor) {
        if let Some(address) = self.address_of(flow) {
            self.note_failure_at(now, address, user);
        }
    }

    /// An account's owner is known from now on where he signed in.
    fn meet(&mut self, now: Now, flow: FlowId, user: &Aor) {
        if let Some(address) = self.address_of(flow) {
            self.meet_at(now, address, user);
        }
    }

    fn address_of(&self, flow: FlowId) -> Option<IpAddr> {
        Some(self.flows.get(&flow)?.peer.address.ip())
    }

    /// How long a user has to wait at an address with as many failed attempts as it may have.
    pub(super) fn blocked_at(&mut self, now: Now, at: IpAddr, user: &Aor) -> Option<Duration> {
        let limits = self.failure_limits();
        self.failures.blocked(now.mono, at, user, limits)
    }

    pub(super) fn note_failure_at(&mut self, now: Now, at: IpAddr, user: &Aor) {
        let limits = self.failure_limits();
        self.failures.note(now.mono, at, user, limits);
    }

    pub(super) fn meet_at(&mut self, now: Now, at: IpAddr, user: &Aor) {
        let limits = self.failure_limits();
        self.failures.meet(now.mono, at, user, limits);
    }

    fn failure_limits(&self) -> FailureLimits {
        FailureLimits {
            failures: self.config.limits.sign_in_failures,
            window: self.config.timing.sign_in_window,
            capacity: self.config.limits.sign_in_addresses,
        }
    }
}
