//! What one packet costs to protect and to unprotect again, by profile and payload length.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use media::ids::DtlsRole;
use media::srtp::{Keys, MAX_RTP_OVERHEAD, Profile, SrtpInbound, SrtpOutbound};

const PAYLOADS: [usize; 2] = [160, 1200];
const PROFILES: [Profile; 3] = [
    Profile::AesCm128HmacSha1_80,
    Profile::AeadAes128Gcm,
    Profile::AeadAes256Gcm,
];
const HEADER_LEN: usize = 12;

/// One direction between two ends with the same keys.
fn session(profile: Profile) -> Option<(SrtpOutbound, SrtpInbound)> {
    let material = vec![7; profile.material_len()];
    let client = Keys::from_dtls(profile, &material, DtlsRole::Client).ok()?;
    let server = Keys::from_dtls(profile, &material, DtlsRole::Server).ok()?;
    let sender = SrtpOutbound::new(&client.outbound).ok()?;
    let receiver = SrtpInbound::new(&server.inbound).ok()?;
    Some((sender, receiver))
}

fn protect_and_unprotect(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("protect_unprotect");
    for profile in PROFILES {
        for payload in PAYLOADS {
            let Some((mut sender, mut receiver)) = session(profile) else {
                continue;
            };
            let len = HEADER_LEN + payload;
            let mut buffer = vec![0; len + MAX_RTP_OVERHEAD];
            buffer[0] = 0x80;
            let mut sequence_number = 0u16;
            group.throughput(Throughput::Elements(1));
            group.bench_function(
                BenchmarkId::new(format!("{profile:?}"), payload),
                |bencher| {
                    bencher.iter(|| {
                        sequence_number = sequence_number.wrapping_add(1);
                        buffer[2..4].copy_from_slice(&sequence_number.to_be_bytes());
                        let protected = sender.protect_rtp(black_box(&mut buffer), len);
                        let end = protected.unwrap_or_default();
                        let plain = receiver.unprotect_rtp(&mut buffer[..end]);
                        assert_eq!(black_box(plain), Ok(len));
                    });
                },
            );
        }
    }
    group.finish();
}

criterion_group!(benches, protect_and_unprotect);
criterion_main!(benches);
