use super::*;

fn stream(loss: f64) -> StreamQuality {
    let direction = |loss| DirectionQuality {
        loss,
        jitter_ms: 2.0,
        kbps: 30.0,
    };
    StreamQuality {
        kind: "audio",
        sent: direction(0.0),
        received: direction(loss),
    }
}

#[test]
fn a_perfect_line_scores_as_the_model_says() {
    let mos = mean_opinion_score(0.0, 0.0, 0.0);
    assert!((4.3..4.5).contains(&mos), "{mos}");
}

#[test]
fn loss_and_delay_lower_the_score_and_it_stays_on_the_scale() {
    let mut last = mean_opinion_score(0.0, 0.0, 0.0);
    for percent in 1..=100 {
        let mos = mean_opinion_score(f64::from(percent) / 100.0, 0.0, 0.0);
        assert!(mos <= last && (1.0..=4.5).contains(&mos));
        last = mos;
    }
    assert!(mean_opinion_score(0.0, 600.0, 0.0) < mean_opinion_score(0.0, 100.0, 0.0));
    assert!((1.0..=4.5).contains(&mean_opinion_score(1.0, 60_000.0, 10_000.0)));
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
