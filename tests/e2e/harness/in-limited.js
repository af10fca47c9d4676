// Makes the browser one that knows a single codec of a kind, `window.__onlyCodec`, e.g.
// `{ video: 'video/VP8' }`: its offers and answers name no other, and of the far side's it sees no
// other. (Chromium would otherwise send any codec that the far side names, whatever its own answer
// says.)
(() => {
  const only = window.__onlyCodec;
  const connection = RTCPeerConnection.prototype;

  /** What goes with every codec of a kind. */
  const helpers = { audio: 'telephone-event', video: 'rtx' };

  const codecs = Object.fromEntries(Object.entries(only).map(([kind, codec]) => [
    kind,
    RTCRtpReceiver.getCapabilities(kind).codecs
      .filter(({ mimeType }) => [codec, `${kind}/${helpers[kind]}`].includes(mimeType)),
  ]));
  for (const method of ['createOffer', 'createAnswer']) {
    const native = connection[method];
    connection[method] = function (...args) {
      for (const transceiver of this.getTransceivers()) {
        const known = codecs[transceiver.receiver.track.kind];
        if (known) transceiver.setCodecPreferences(known);
      }
      return native.apply(this, args);
    };
  }

  const setRemoteDescription = connection.setRemoteDescription;
  connection.setRemoteDescription = function ({ type, sdp }, ...rest) {
    return setRemoteDescription.call(this, { type, sdp: withoutOthers(sdp) }, ...rest);
  };

  function withoutOthers(sdp) {
    return sdp.split(/(?=^m=)/m).map(limited).join('');
  }

  function limited(section) {
    const kind = Object.keys(only).find((it) => section.startsWith(`m=${it}`));
    if (!kind) return section;
    const name = only[kind].split('/')[1];
    const lines = section.split('\r\n');
    const of = (pattern) => lines.map((line) => pattern.exec(line)).filter(Boolean);
    const maps = of(/^a=rtpmap:(\d+) ([^/]+)/);
    const kept = new Set(maps.filter(([, , codec]) => codec === name).map(([, pt]) => pt));
    // With none left the section stays: the browser refuses it by itself.
    if (kept.size === 0) return section;
    for (const [, pt, apt] of of(/^a=fmtp:(\d+) apt=(\d+)/)) if (kept.has(apt)) kept.add(pt);
    for (const [, pt, codec] of maps) if (codec === 'telephone-event') kept.add(pt);
    return lines
      .map((line) => line.replace(/^(m=\S+ \S+ \S+) (.*)/, (_, head, pts) => [head, ...pts.split(' ').filter((pt) => kept.has(pt))].join(' ')))
      .filter((line) => !/^a=(rtpmap|fmtp|rtcp-fb):\d/.test(line) || kept.has(/:(\d+)/.exec(line)[1]))
      .join('\r\n');
  }
})();
