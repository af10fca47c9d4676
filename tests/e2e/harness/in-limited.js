// Makes the browser one that knows a single video codec, `window.__onlyVideoCodec`: its offers
// and answers name no other, and of the far side's it sees no other. (Chromium would otherwise
// send any codec that the far side names, whatever its own answer says.)
(() => {
  const name = window.__onlyVideoCodec.split('/')[1];
  const connection = RTCPeerConnection.prototype;

  const codecs = RTCRtpReceiver.getCapabilities('video').codecs
    .filter(({ mimeType }) => [window.__onlyVideoCodec, 'video/rtx'].includes(mimeType));
  for (const method of ['createOffer', 'createAnswer']) {
    const native = connection[method];
    connection[method] = function (...args) {
      for (const transceiver of this.getTransceivers()) {
        if (transceiver.receiver.track.kind === 'video') transceiver.setCodecPreferences(codecs);
      }
      return native.apply(this, args);
    };
  }

  const setRemoteDescription = connection.setRemoteDescription;
  connection.setRemoteDescription = function ({ type, sdp }, ...rest) {
    return setRemoteDescription.call(this, { type, sdp: withoutOthers(sdp) }, ...rest);
  };

  function withoutOthers(sdp) {
    return sdp.split(/(?=^m=)/m).map((section) => (section.startsWith('m=video') ? limited(section) : section)).join('');
  }

  function limited(section) {
    const lines = section.split('\r\n');
    const of = (pattern) => lines.map((line) => pattern.exec(line)).filter(Boolean);
    const kept = new Set(of(/^a=rtpmap:(\d+) ([^/]+)/).filter(([, , codec]) => codec === name).map(([, pt]) => pt));
    for (const [, pt, apt] of of(/^a=fmtp:(\d+) apt=(\d+)/)) if (kept.has(apt)) kept.add(pt);
    // With none left the section stays: the browser refuses it by itself.
    if (kept.size === 0) return section;
    return lines
      .map((line) => line.replace(/^(m=video \S+ \S+) (.*)/, (_, head, pts) => [head, ...pts.split(' ').filter((pt) => kept.has(pt))].join(' ')))
      .filter((line) => !/^a=(rtpmap|fmtp|rtcp-fb):\d/.test(line) || kept.has(/:(\d+)/.exec(line)[1]))
      .join('\r\n');
  }
})();
