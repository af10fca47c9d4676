use super::*;

fn path(codec: CodecImpairment, percent: f64, ms: u64) -> Path {
    Path {
        codec,
        loss: percent / 100.0,
        burst_ratio: 1.0,
        delay: Duration::from_millis(ms),
    }
}

fn close(a: f64, b: f64, by: f64) -> bool {
    (a - b).abs() < by
}

/// Annex B of G.107: R and MOS.
#[test]
fn scores_are_those_of_the_recommendation() {
    for (rating, score) in [
        (90.0, 4.34),
        (80.0, 4.03),
        (70.0, 3.60),
        (60.0, 3.10),
        (50.0, 2.58),
    ] {
        assert!(close(mos(rating), score, 0.01), "{rating}: {}", mos(rating));
    }
    assert!(close(mos(93.2), 4.41, 0.01));
    assert!(mos(0.0) == 1.0 && mos(3.0) == 1.0 && mos(-5.0) == 1.0 && mos(100.0) == 4.5);
}

#[test]
fn a_clean_call_is_as_good_as_its_codec() {
    assert!(close(
        path(CodecImpairment::G711, 0.0, 0).rating(),
        93.2,
        1e-9
    ));
    assert!(close(
        path(CodecImpairment::G729A, 0.0, 0).rating(),
        82.2,
        1e-9
    ));
    let both = CodecImpairment::G711.then(CodecImpairment::G729A);
    assert!(close(path(both, 0.0, 0).rating(), 82.2, 1e-9));
}

/// G.113 Appendix I: G.711 with concealment at 1, 5 and 10 % of random loss; bare it is far worse.
#[test]
fn loss_weighs_by_what_the_codec_bears() {
    let effective = |codec, percent| 93.2 - path(codec, percent, 0).rating();
    assert!(close(effective(CodecImpairment::G711, 1.0), 3.6, 0.1));
    assert!(close(effective(CodecImpairment::G711, 5.0), 15.8, 0.1));
    assert!(close(effective(CodecImpairment::G711, 10.0), 27.1, 0.1));
    assert!(close(effective(CodecImpairment::G711_BARE, 5.0), 51.1, 0.1));
    assert!(close(effective(CodecImpairment::G729A, 2.0), 19.0, 0.1));
}

#[test]
fn every_codec_that_makes_sound_is_judged_and_nothing_else() {
    let of = |format, clock_rate, repeats| {
        CodecImpairment::of(StreamCodec {
            format,
            clock_rate,
            repeats,
        })
    };
    for (format, clock_rate, repeats, impairment) in [
        (Format::Pcmu, 8_000, false, CodecImpairment::G711),
        (Format::Pcma, 8_000, false, CodecImpairment::G711),
        (Format::L16, 16_000, false, CodecImpairment::G711),
        (Format::G722, 8_000, false, CodecImpairment::G722),
        (Format::G729, 8_000, false, CodecImpairment::G729A),
        (Format::Opus, 48_000, false, CodecImpairment::OPUS),
        (Format::Opus, 48_000, true, CodecImpairment::OPUS_FEC),
        (Format::Speex, 8_000, false, CodecImpairment::SPEEX),
        (Format::Speex, 16_000, false, CodecImpairment::SPEEX_WIDE),
        (Format::Speex, 32_000, false, CodecImpairment::SPEEX_WIDE),
    ] {
        assert_eq!(of(format, clock_rate, repeats), Some(impairment));
    }
    for format in [Format::Vp8, Format::TelephoneEvent, Format::ComfortNoise] {
        assert_eq!(of(format, 8_000, false), None);
    }
}

#[test]
fn delay_weighs_little_up_to_177_ms_and_much_beyond() {
    let rating = |ms| path(CodecImpairment::G711, 0.0, ms).rating();
    assert!(close(rating(0) - rating(150), 3.6, 0.01));
    assert!(close(rating(0) - rating(400), 9.6 + 24.5, 0.1));
}

#[test]
fn loss_in_bursts_weighs_more() {
    let mut burst = path(CodecImpairment::G711, 3.0, 50);
    let random = burst.mos();
    burst.burst_ratio = 3.0;
    assert!(burst.mos() < random);
    assert!(close(burst_ratio(1000, 100, 90), 1.0, 1e-9));
    assert!(close(burst_ratio(1000, 100, 20), 4.5, 1e-9));
    assert!(burst_ratio(0, 0, 0) == 1.0 && burst_ratio(10, 10, 1) == 1.0);
}

#[test]
fn worse_is_never_better_and_nonsense_is_bounded() {
    let all = [
        CodecImpairment::G711,
        CodecImpairment::G711_BARE,
        CodecImpairment::G729A,
        CodecImpairment::G722,
        CodecImpairment::OPUS,
        CodecImpairment::OPUS_FEC,
        CodecImpairment::SPEEX,
        CodecImpairment::SPEEX_WIDE,
    ];
    for codec in all {
        let mut before = f64::MAX;
        for percent in 0..=100 {
            let score = path(codec, f64::from(percent), 20).mos();
            assert!(score <= before && (1.0..=4.5).contains(&score));
            before = score;
        }
        assert!(path(codec, 0.0, 1).mos() >= path(codec, 0.0, 1_000_000).mos());
    }
    for nonsense in [f64::NAN, f64::INFINITY, -1.0, 7.0] {
        let mut path = path(CodecImpairment { ie: 0.0, bpl: 0.0 }, 0.0, 0);
        (path.loss, path.burst_ratio) = (nonsense, nonsense);
        assert!((1.0..=4.5).contains(&path.mos()));
    }
}
