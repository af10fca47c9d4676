//! Our coders against those of others: each decodes what the other has encoded.
//!
//! Needs the programs that `./test` installs: ffmpeg, speexenc and speexdec.

use std::path::PathBuf;
use std::process::Command;

use super::ogg;
use crate::codec::testing::{db, level_at, power, snr, speech, tone, tone_to_noise};
use crate::codec::{
    AudioCodec, Decoder, Encoder, MAX_PACKET_SAMPLES, MAX_PAYLOAD, SampleRate, Settings, SpeexBand,
};

/// Runs a program, hands it a file and gives what it prints. `{}` in the arguments stands for the
/// file.
fn run(program: &str, arguments: &str, name: &str, input: &[u8]) -> Vec<u8> {
    let file: PathBuf = std::env::temp_dir().join(format!("codec-{}-{name}", std::process::id()));
    std::fs::write(&file, input).unwrap();
    let arguments = arguments.replace("{}", file.to_str().unwrap());
    let done = Command::new(program)
        .args(arguments.split_whitespace())
        .output()
        .unwrap_or_else(|error| panic!("{program}, which ./test installs: {error}"));
    std::fs::remove_file(&file).unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {arguments}: {said}");
    done.stdout
}

fn bytes_of(pcm: &[i16]) -> Vec<u8> {
    pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn pcm_of(bytes: &[u8]) -> Vec<i16> {
    let (samples, _) = bytes.as_chunks();
    samples
        .iter()
        .map(|sample| i16::from_le_bytes(*sample))
        .collect()
}

fn encode(codec: AudioCodec, rate: SampleRate, settings: Settings, pcm: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(codec, rate, settings).unwrap();
    let mut out = [0; MAX_PAYLOAD];
    pcm.chunks_exact(rate.samples(20))
        .map(|pcm| {
            let len = encoder.encode(pcm, &mut out).unwrap();
            out[..len].to_vec()
        })
        .collect()
}

fn decode<P: AsRef<[u8]>>(
    codec: AudioCodec,
    rate: SampleRate,
    packets: impl IntoIterator<Item = P>,
) -> Vec<i16> {
    let mut decoder = Decoder::new(codec, rate).unwrap();
    let mut out = [0; MAX_PACKET_SAMPLES];
    let mut heard = Vec::new();
    for packet in packets {
        let samples = decoder.decode(packet.as_ref(), &mut out).unwrap();
        heard.extend(&out[..samples]);
    }
    heard
}

#[test]
fn g711_is_what_ffmpeg_makes_of_it() {
    let rate = SampleRate::Hz8000;
    let sent: Vec<i16> = (i16::MIN..=i16::MAX).chain(speech(rate, 2000)).collect();
    for (codec, name) in [(AudioCodec::Pcmu, "mulaw"), (AudioCodec::Pcma, "alaw")] {
        let ours: Vec<u8> = encode(codec, rate, Settings::default(), &sent).concat();
        let arguments = format!("-v error -f {name} -ar 8000 -i {{}} -f s16le -");
        let theirs = pcm_of(&run("ffmpeg", &arguments, name, &ours));
        let equal = decode(codec, rate, ours.chunks(160)) == theirs;
        assert!(equal, "{name} decoded");
        let arguments = format!("-v error -f s16le -ar 8000 -ac 1 -i {{}} -f {name} -");
        let theirs = run("ffmpeg", &arguments, name, &bytes_of(&sent));
        let ours = decode(codec, rate, ours.chunks(160));
        let theirs = decode(codec, rate, theirs.chunks(160));
        for ((sent, ours), theirs) in sent.iter().zip(ours).zip(theirs) {
            let distance = |heard: i16| (i32::from(*sent) - i32::from(heard)).abs();
            // ffmpeg encodes 14 bits of a sample.
            let further = distance(theirs) - distance(ours);
            assert!(
                (0..=6).contains(&further),
                "{name} encoded: {sent} as {ours}, {theirs}"
            );
        }
    }
}

#[test]
fn g722_is_what_ffmpeg_makes_of_it() {
    let (codec, rate) = (AudioCodec::G722, SampleRate::Hz16000);
    let sent = speech(rate, 3000);
    let ours = encode(codec, rate, Settings::default(), &sent).concat();
    let heard = decode(codec, rate, ours.chunks(160));
    let theirs = run("ffmpeg", "-v error -f g722 -i {} -f s16le -", "g722", &ours);
    let (ratio, delay) = snr(&heard, &pcm_of(&theirs), 64);
    assert!(
        ratio > 90.0,
        "we and ffmpeg differ: {ratio:.1} dB at {delay}"
    );
    let arguments = "-v error -f s16le -ar 16000 -ac 1 -i {} -f g722 -";
    let theirs = run("ffmpeg", arguments, "g722", &bytes_of(&sent));
    let (ratio, delay) = snr(&sent, &decode(codec, rate, theirs.chunks(160)), 64);
    assert!(ratio > 15.0, "ffmpeg to us: {ratio:.1} dB at {delay}");
    let (ratio, delay) = snr(&sent, &heard, 64);
    assert!(
        ratio > 15.0,
        "us to us and to ffmpeg: {ratio:.1} dB at {delay}"
    );
}

#[test]
fn opus_is_understood_by_ffmpeg_and_understands_it() {
    let (codec, rate) = (AudioCodec::Opus, SampleRate::Hz16000);
    let sent = speech(rate, 3000);
    let settings = Settings {
        bitrate: Some(32_000),
        ..Settings::default()
    };
    let packets = encode(codec, rate, settings, &sent);
    let head = b"OpusHead\x01\x01\0\0\x80\x3e\0\0\0\0\0";
    let tags = b"OpusTags\0\0\0\0\0\0\0\0";
    let file = ogg::write(&[head, tags], &packets, 960);
    // ffmpeg's own decoder, not libopus.
    let arguments = "-v error -c:a opus -i {} -ar 16000 -f s16le -";
    let theirs = pcm_of(&run("ffmpeg", arguments, "opus.ogg", &file));
    let ours = decode(codec, rate, &packets);
    let (ratio, delay) = snr(&ours, &theirs, 320);
    assert!(ratio > 20.0, "us to ffmpeg: {ratio:.1} dB at {delay}");

    let arguments = "-v error -f s16le -ar 16000 -ac 1 -i {} -c:a libopus -b:a 32k \
                     -application voip -f ogg -";
    let packets = ogg::read(&run("ffmpeg", arguments, "opus.pcm", &bytes_of(&sent)));
    let heard = decode(codec, rate, &packets[2..]);
    let change = db((power(&heard) / power(&sent)).sqrt());
    assert!(change.abs() < 1.0, "ffmpeg to us: level {change:+.1} dB");
}

/// The 80 bytes in front of a Speex stream in Ogg (The Speex Codec Manual 7.3).
fn speex_header(band: SpeexBand) -> Vec<u8> {
    let rate = band.rate();
    let frame = rate.samples(20) as i32;
    let fields = [
        1,
        80,
        rate.hz() as i32,
        band as i32,
        4,
        1,
        -1,
        frame,
        0,
        1,
        0,
        0,
        0,
    ];
    let mut header = b"Speex   1.2.1".to_vec();
    header.resize(28, 0);
    header.extend(fields.iter().flat_map(|field| field.to_le_bytes()));
    header
}

#[test]
fn speex_is_understood_by_speexdec_and_understands_speexenc() {
    let bands = [
        (SpeexBand::Narrow, "--narrowband"),
        (SpeexBand::Wide, "--wideband"),
        (SpeexBand::UltraWide, "--ultra-wideband"),
    ];
    for (band, name) in bands {
        let (codec, rate) = (AudioCodec::Speex(band), band.rate());
        let sent = speech(rate, 3000);
        let packets = encode(codec, rate, Settings::default(), &sent);
        let comments = [0; 8];
        let headers = [&speex_header(band)[..], &comments];
        let file = ogg::write(&headers, &packets, rate.samples(20) as u64);
        let theirs = pcm_of(&run("speexdec", "{} -", name, &file));
        let ours = decode(codec, rate, &packets);
        let (ratio, delay) = snr(&theirs, &ours, rate.samples(30));
        assert!(
            ratio > 40.0,
            "{name}, speexdec hears us at {ratio:.1} dB, {delay} later"
        );

        let arguments = format!("{name} --rate {} --16bit --le {{}} -", rate.hz());
        let file = run("speexenc", &arguments, name, &bytes_of(&sent));
        let heard = decode(codec, rate, &ogg::read(&file)[2..]);
        let change = db((power(&heard) / power(&sent)).sqrt());
        assert!(
            change.abs() < 1.0,
            "{name}, we hear speexenc at {change:+.1} dB"
        );
    }
}

#[test]
fn g729_is_what_ffmpeg_hears_too() {
    let sent = speech(SampleRate::Hz8000, 3000);
    let theirs = g729_by_ffmpeg("g729-speech", &sent);
    let change = db((power(&theirs) / power(&sent)).sqrt());
    assert!(change.abs() < 1.5, "ffmpeg hears us at {change:+.1} dB");
}

#[test]
fn g729_carries_tones_to_ffmpeg_at_their_level() {
    let rate = SampleRate::Hz8000;
    for hz in [300.0, 450.0, 1004.0, 1070.0, 1730.0, 2000.0] {
        let theirs = g729_by_ffmpeg("g729-tone", &tone(rate, hz, 8000.0, 1500));
        let settled = &theirs[theirs.len() - rate.samples(500)..];
        let change = db(level_at(rate, hz, settled) / 8000.0);
        let noise = tone_to_noise(rate, hz, settled);
        assert!(change.abs() < 1.0, "{hz} Hz: {change:+.2} dB");
        assert!(noise > 14.0, "{hz} Hz: noise {noise:.1} dB below");
    }
}

/// What ffmpeg decodes of our frames, having seen that we decode nearly the same.
fn g729_by_ffmpeg(name: &str, sent: &[i16]) -> Vec<i16> {
    let (codec, rate) = (AudioCodec::G729, SampleRate::Hz8000);
    let packets = encode(codec, rate, Settings::default(), sent);
    let arguments = "-v error -f g729 -i {} -f s16le -";
    let theirs = pcm_of(&run("ffmpeg", arguments, name, &packets.concat()));
    let (ratio, delay) = snr(&theirs, &decode(codec, rate, &packets), 80);
    assert!(ratio > 20.0, "we and ffmpeg differ: {ratio:.1} dB");
    assert_eq!(delay, 0);
    theirs
}
