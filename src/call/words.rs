//! The sentences people read when a call ends: what happened, and what they can do.

use media::event::{Failure, SilenceCause};

use super::end::{EndReason, Names, Side};

/// What `side` is told about `reason`.
pub(super) fn sentence(reason: &EndReason, side: Side, names: Names<'_>) -> String {
    let other = names.of(side.other());
    let callee = names.callee;
    let caller = names.caller;
    match reason {
        EndReason::HungUp(who) if *who == side => "You hung up.".to_owned(),
        EndReason::HungUp(_) => format!("{other} hung up."),
        EndReason::Cancelled => match side {
            Side::Caller => "You cancelled the call.".to_owned(),
            Side::Callee => format!("{caller} gave up before you answered."),
        },
        EndReason::AnsweredElsewhere => "You answered on another device.".to_owned(),
        EndReason::RingsAnew => "Your page came back; the call rings there.".to_owned(),
        EndReason::Transferred { to } => format!("{other} now talks to {to}; you left the call."),
        EndReason::Rejected => match side {
            Side::Caller => format!("{callee} declined the call."),
            Side::Callee => "You declined the call.".to_owned(),
        },
        EndReason::Busy { calling_back } => busy(side, names, *calling_back),
        EndReason::Refused { status } => match side {
            Side::Caller => format!("The telephone of {callee} refused the call (SIP {status})."),
            Side::Callee => format!("Your telephone refused a call from {caller} (SIP {status})."),
        },
        EndReason::RefusedKeys { status } => {
            let refused = match side {
                Side::Caller => format!("The telephone of {callee} refused the call"),
                Side::Callee => format!("Your telephone refused a call from {caller}"),
            };
            format!(
                "{refused} (SIP {status}). It was offered encrypted media alone: turn SRTP on there, \
                 or have the operator allow plain media (sip.srtp)."
            )
        }
        EndReason::SentAway { to } => match side {
            Side::Caller => format!(
                "The telephone of {callee} sends calls on to somebody whom this server cannot call."
            ),
            Side::Callee => format!(
                "Your telephone sent a call from {caller} on to {to}, whom this server cannot call."
            ),
        },
        EndReason::Loop => format!(
            "The call goes round in circles: telephones send calls for {callee} on to each other."
        ),
        EndReason::NoAnswer => match side {
            Side::Caller => format!("{callee} did not answer. Try again later."),
            Side::Callee => format!("You missed a call from {caller}."),
        },
        EndReason::NotSignedIn => match side {
            Side::Caller => {
                format!("{callee} is not signed in. Call again when {callee} is here.")
            }
            Side::Callee => format!("You missed a call from {caller}: you were not signed in."),
        },
        EndReason::NotKnown => {
            format!("{callee} is not known here. Check the spelling of the name.")
        }
        EndReason::BadNumber => {
            "That is no name and no SIP address. Type a name, or name@domain.".to_owned()
        }
        EndReason::NoTrunk { domain } => {
            format!("No trunk leads to {domain}: only people of this server can be called.")
        }
        EndReason::NoTrunkForNumber => {
            "No trunk leads to telephones: only people of this server can be called.".to_owned()
        }
        EndReason::CalledSelf => {
            "You called yourself, and no other device of yours is signed in.".to_owned()
        }
        EndReason::Left(who) if *who == side => "You closed the page during the call.".to_owned(),
        EndReason::Left(_) => format!("{other} closed the page."),
        EndReason::ConnectionLost(who) if *who == side => {
            "Your connection to the server was lost for too long.".to_owned()
        }
        EndReason::ConnectionLost(_) => {
            format!("The connection of {other} was lost and did not come back.")
        }
        EndReason::Reloaded(who) if *who == side => {
            "The call ended because your page was loaded anew. Call again.".to_owned()
        }
        EndReason::Reloaded(_) => {
            format!("The call ended because {other} loaded the page anew. Call again.")
        }
        EndReason::MediaClosed(who) if *who == side => {
            "Your browser closed the call's sound and picture.".to_owned()
        }
        EndReason::MediaClosed(_) => {
            format!("The browser of {other} closed the call's sound and picture.")
        }
        EndReason::Media(who, failure) => media(failure, &device(*who, *who == side, names)),
        EndReason::NoCommonCodec {
            caller: ours,
            callee: theirs,
        } => format!(
            "{caller} and {callee} have no codec in common: {caller} has {ours}, \
             {callee} has {theirs}. Another browser, or other codec settings, would help."
        ),
        EndReason::TranscodingOff {
            caller: ours,
            callee: theirs,
        } => format!(
            "Transcoding required, but disabled: {caller} has {ours}, {callee} has {theirs}. \
             The operator can turn it on (media.transcoding)."
        ),
        EndReason::TranscodingLimit => {
            "The two sides have no codec in common, and the server transcodes as many calls as it \
             may. Try again later."
                .to_owned()
        }
        EndReason::BadDescription(who, what) => {
            let whose = if *who == side {
                "Your device".to_owned()
            } else {
                format!("{other}'s device")
            };
            format!("{whose} described its media in a way the server cannot use: {what}")
        }
        EndReason::CallLimit => {
            "The server carries as many calls as it may. Try again later.".to_owned()
        }
        EndReason::UserCallLimit => {
            "You have as many calls as one person may. End one of them first.".to_owned()
        }
        EndReason::AccountGone => {
            "Your account was removed from this server, so that you cannot call.".to_owned()
        }
        EndReason::CallRate => {
            "Calls come in faster than the server takes them. Try again in a moment.".to_owned()
        }
        EndReason::ShuttingDown => {
            "The server is going down. Try again when it is back.".to_owned()
        }
        EndReason::Operator => "An operator ended the call.".to_owned(),
    }
}

fn busy(side: Side, names: Names<'_>, calling_back: bool) -> String {
    let callee = names.callee;
    match side {
        Side::Caller if calling_back => {
            format!("{callee} is calling you right now: answer that call.")
        }
        Side::Caller => format!("{callee} is in another call. Try again later."),
        Side::Callee => format!("{} called while you were in another call.", names.caller),
    }
}

/// What `side`, or an operator, is told of a call in which `from` is not heard.
pub(super) fn one_way(
    cause: SilenceCause,
    from: Side,
    side: Option<Side>,
    names: Names<'_>,
) -> String {
    let own = side == Some(from);
    let what = match side {
        Some(_) if own => format!("{} does not hear you", names.of(from.other())),
        Some(_) => format!("You do not hear {}", names.of(from)),
        None => format!(
            "{} does not hear {}",
            names.of(from.other()),
            names.of(from)
        ),
    };
    let whose = device(from, own, names);
    let why = match cause {
        SilenceCause::NoPath => format!(
            "{whose} has not reached the server's media port. A firewall or the network may block \
             it"
        ),
        SilenceCause::NoKeys => format!(
            "the encrypted connection with {whose} is not set up. The network may be losing packets"
        ),
        SilenceCause::Undecryptable => {
            format!("what {whose} sends cannot be decrypted. It uses other keys than it announced")
        }
        SilenceCause::Foreign => format!(
            "the sound of {whose} comes from another address than it announced and is refused. \
             Check its NAT, or the public address set in it"
        ),
        SilenceCause::NotAgreed => {
            format!("{whose} sends a codec that was not agreed. Check its codec settings")
        }
        SilenceCause::Paused => format!("nobody speaks at {whose}"),
        SilenceCause::PictureOnly => format!(
            "a picture arrives from {whose}, but no sound. Its microphone may be off or in use by \
             another program"
        ),
        SilenceCause::NothingSent => {
            format!("{whose} is connected but sends no sound. Its microphone may be off")
        }
        SilenceCause::Stopped => format!(
            "the sound of {whose} has stopped. It may be muted, or its network may be broken"
        ),
        SilenceCause::Nothing => format!(
            "nothing arrives from {whose}. A firewall or NAT between it and the server may block \
             it, or the server's public address may be set wrong"
        ),
    };
    format!("{what}: {why}.")
}

/// `your browser`, `Ben's telephone`.
fn device(whose: Side, own: bool, names: Names<'_>) -> String {
    let device = names.device(whose).as_str();
    match own {
        true => format!("your {device}"),
        false => format!("{}'s {device}", names.of(whose)),
    }
}

fn media(failure: &Failure, whose: &str) -> String {
    // Names are written as people write them.
    let begins = match whose.strip_prefix("your ") {
        Some(device) => format!("Your {device}"),
        None => whose.to_owned(),
    };
    match failure {
        Failure::NeverReached => format!(
            "{begins} did not reach the server for sound and picture: its page gave up, or a \
             firewall blocks the server's media port. Allow that port, or try another network."
        ),
        Failure::DtlsTimeout => format!(
            "{begins} reached the server but the encrypted connection was not set up in time: the \
             network may be losing packets. Try again."
        ),
        Failure::FingerprintMismatch => format!(
            "{begins} showed another certificate than it had announced, so no media was \
             exchanged. Something on the way may be intercepting the call."
        ),
        Failure::Dtls(what) => {
            format!("{begins} and the server could not agree on encryption: {what}. Try again.")
        }
        Failure::ConsentLost => format!(
            "The network path for sound and picture to {whose} broke. Check the connection and \
             call again."
        ),
        Failure::Plan(what) => format!(
            "{begins} is all right, but the server could not carry its sound and picture: {what}. \
             Try again."
        ),
        Failure::RtpInactivity => format!(
            "No sound or picture came from {whose} for too long. Check microphone and network, \
             then call again."
        ),
    }
}
