use super::*;

fn stream(loss: f64) -> StreamQuality {
    let direction = |loss| DirectionQuality {
        loss: Some(loss),
        jitter_ms: Some(2.0),
        kbps: 30.0,
        ..DirectionQuality::default()
    };
    StreamQuality {
        kind: "audio",
        sent: direction(0.0),
        received: direction(loss),
    }
}

#[test]
fn words_name_what_is_worst() {
    assert_eq!(words(&[stream(0.0)], Some(20.0), Some(4.4)), "good");
    assert_eq!(
        words(&[stream(0.03)], Some(20.0), Some(4.0)),
        "fair: 3 % of what you should receive is lost"
    );
    assert_eq!(
        words(&[stream(0.2)], Some(20.0), Some(2.0)),
        "poor: 20 % of what you should receive is lost"
    );
    assert_eq!(
        words(&[stream(0.0)], Some(400.0), Some(4.0)),
        "fair: the way to the server takes 400 ms there and back"
    );
}
