//! One person on several devices.

use super::*;

#[test]
fn all_devices_ring_and_the_first_answer_wins() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    let (desk, sofa) = (bench.account("bob"), bench.account("bob"));
    bench.call(ann, "bob");
    let (_, desk_offer) = bench.incoming(desk);
    let (sofa_id, sofa_offer) = bench.incoming(sofa);
    assert_ne!(
        desk_offer, sofa_offer,
        "each device has credentials of its own"
    );
    bench.answer(sofa, &sofa_id, &sofa_offer);
    assert_eq!(bench.status(sofa)["status"], "ESTABLISHED");
    let end = bench.status(desk);
    assert_eq!(end["status"], "FINISH");
    assert_eq!(end["sentence"], "You answered on another device.");
    assert_eq!(bench.last_status(ann)["status"], "ESTABLISHED");
    let status = bench.switch.status();
    assert_eq!((status.calls, status.legs), (1, 2));
}

#[test]
fn the_second_of_two_answers_that_cross_is_told_so() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    let (desk, sofa) = (bench.account("bob"), bench.account("bob"));
    bench.call(ann, "bob");
    let (desk_id, desk_offer) = bench.incoming(desk);
    let (sofa_id, sofa_offer) = bench.incoming(sofa);
    bench.answer(sofa, &sofa_id, &sofa_offer);
    bench.answer(desk, &desk_id, &desk_offer);
    assert_eq!(bench.status(desk)["status"], "FINISH");
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn declining_on_one_device_declines_on_all() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    let (desk, sofa) = (bench.account("bob"), bench.account("bob"));
    bench.call(ann, "bob");
    let (desk_id, _) = bench.incoming(desk);
    bench.incoming(sofa);
    bench.hang_up(desk, &desk_id);
    assert_eq!(bench.last_status(ann)["status"], "BUSY");
    assert_eq!(bench.status(sofa)["status"], "FINISH");
    assert_eq!(bench.end_code(), "rejected");
}

#[test]
fn one_device_closed_leaves_the_other_ringing() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    let (desk, sofa) = (bench.account("bob"), bench.account("bob"));
    bench.call(ann, "bob");
    bench.incoming(desk);
    let (sofa_id, offer) = bench.incoming(sofa);
    bench.close(desk, FlowEnd::Clean);
    assert_eq!(bench.switch.status().calls, 1);
    bench.answer(sofa, &sofa_id, &offer);
    assert_eq!(bench.last_status(ann)["status"], "ESTABLISHED");
}

#[test]
fn a_device_that_signs_in_while_it_rings_rings_too() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    let desk = bench.account("bob");
    bench.call(ann, "bob");
    bench.incoming(desk);
    let sofa = bench.connect(
        here(),
        serde_json::json!({
            "sipLogin": "bob", "sipPassword": "secret", "sipRegisterRequired": false,
        }),
    );
    let frames = bench.take(sofa);
    assert_eq!(
        names(&frames),
        ["getUserData", "setRemoteSDP", "notifyIncomingCall", "RING"]
    );
}

#[test]
fn calling_oneself_rings_the_other_device_alone() {
    let mut bench = bench();
    let (desk, sofa) = (bench.account("bob"), bench.account("bob"));
    bench.call(desk, "bob");
    assert_eq!(names(&bench.take(desk)), ["TRYING", "RING"]);
    let (sofa_id, offer) = bench.incoming(sofa);
    bench.answer(sofa, &sofa_id, &offer);
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn a_person_in_a_call_on_one_device_is_busy_on_all() {
    let mut bench = bench();
    let (ann, cid) = (bench.guest("ann"), bench.guest("cid"));
    let desk = bench.account("bob");
    bench.talk(ann, desk, "bob");
    let sofa = bench.account("bob");
    bench.call(cid, "bob");
    assert_eq!(bench.last_status(cid)["status"], "BUSY");
    assert!(bench.take(sofa).is_empty());
}

#[test]
fn no_more_devices_ring_than_a_call_may_have_legs() {
    let mut config = config();
    config.limits.legs_per_call = 3;
    let mut bench = Bench::new(config);
    let ann = bench.guest("ann");
    let devices: Vec<Page> = (0..4).map(|_| bench.account("bob")).collect();
    bench.call(ann, "bob");
    let ringing = devices
        .iter()
        .filter(|device| !bench.take(**device).is_empty())
        .count();
    assert_eq!(ringing, 2);
    assert_eq!(bench.switch.status().legs, 3);
}
