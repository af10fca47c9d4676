use super::*;

fn lines(figures: &Figures) -> Vec<String> {
    let status = StatusView {
        users: 3,
        calls: 5,
        established: 4,
        ..StatusView::default()
    };
    let text = text(&status, figures, &[Measurements::default()]);
    text.lines().map(str::to_owned).collect()
}

#[test]
fn numbers_stand_under_what_they_mean() {
    let lines = lines(&Figures::default());
    let at = lines.iter().position(|line| line == "callbox_users 3");
    let at = at.expect("the line");
    assert_eq!(lines[at - 2], "# HELP callbox_users People signed in.");
    assert_eq!(lines[at - 1], "# TYPE callbox_users gauge");
    for line in [
        "callbox_calls{state=\"ringing\"} 1",
        "callbox_calls{state=\"answered\"} 4",
        "callbox_media_datagrams_sent_total{worker=\"0\"} 0",
        "callbox_audio_loss_ratio_bucket{le=\"+Inf\"} 0",
    ] {
        assert!(lines.iter().any(|it| it == line), "{line}");
    }
    // Each name is explained once, or scrapers refuse the page.
    let mut heads: Vec<&String> = lines.iter().filter(|it| it.starts_with("# TYPE")).collect();
    let all = heads.len();
    heads.sort();
    heads.dedup();
    assert_eq!(heads.len(), all);
}

#[test]
fn buckets_of_a_histogram_hold_all_that_is_smaller() {
    let mut figures = Figures::default();
    figures.mos.insert(
        "opus",
        Histogram {
            bounds: &[3.0, 4.0],
            counts: vec![1, 2, 4],
            sum: 27.5,
        },
    );
    let lines = lines(&figures);
    let mos: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("callbox_audio_mos_"))
        .collect();
    assert_eq!(
        mos,
        [
            "bucket{codec=\"opus\",le=\"3\"} 1",
            "bucket{codec=\"opus\",le=\"4\"} 3",
            "bucket{codec=\"opus\",le=\"+Inf\"} 7",
            "sum{codec=\"opus\"} 27.5",
            "count{codec=\"opus\"} 7",
        ]
    );
}
