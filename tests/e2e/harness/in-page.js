// Runs inside every tested page, before the page's own scripts. It only observes: it listens
// to the stream that a media element plays and reads the pixels that it shows.
(() => {
  if (window.__proof) return;

  const WINDOW = 4096;
  const connections = [];
  const listeners = new WeakMap();
  let context;

  // Remembers the page's peer connections, for statistics.
  const setRemoteDescription = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function (...args) {
    if (!connections.includes(this)) connections.push(this);
    return setRemoteDescription.apply(this, args);
  };

  const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  /** Amplitude of `frequency` in `samples`, in dB of a full-scale sine (Goertzel, Hann). */
  function level(samples, frequency, rate) {
    const step = 2 * Math.cos((2 * Math.PI * frequency) / rate);
    let a = 0;
    let b = 0;
    for (let i = 0; i < samples.length; i++) {
      const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / samples.length);
      const c = samples[i] * hann + step * a - b;
      b = a;
      a = c;
    }
    const power = a * a + b * b - step * a * b;
    const amplitude = (4 * Math.sqrt(Math.max(power, 0))) / samples.length;
    return 20 * Math.log10(Math.max(amplitude, 1e-7));
  }

  async function analyserOf(track) {
    context ??= new AudioContext();
    if (context.state !== 'running') await context.resume();
    let analyser = listeners.get(track);
    if (!analyser) {
      analyser = context.createAnalyser();
      analyser.fftSize = WINDOW;
      const silent = context.createGain();
      silent.gain.value = 0;
      const source = context.createMediaStreamSource(new MediaStream([track]));
      source.connect(analyser).connect(silent).connect(context.destination);
      analyser.keep = source;
      listeners.set(track, analyser);
    }
    return analyser;
  }

  /** The first element that matches and has a stream of this kind. */
  function elementWith(selector, kind) {
    for (const element of document.querySelectorAll(selector)) {
      const tracks = element.srcObject?.getTracks?.() ?? [];
      if (tracks.some((track) => track.kind === kind && track.readyState === 'live')) return element;
    }
    return undefined;
  }

  window.__proof = {
    connections,

    /**
     * Listens for `seconds` to what the element matching `selector` plays. Gives the loudest
     * level of each frequency in dB, or says why there is nothing to hear.
     */
    async hear(selector, frequencies, seconds) {
      const element = elementWith(selector, 'audio');
      if (!element) return { deaf: `no element ${selector} with live sound` };
      if (element.muted || element.volume === 0) return { deaf: `element ${selector} is muted` };
      if (element.paused) return { deaf: `element ${selector} is paused` };
      const track = element.srcObject.getAudioTracks().find((t) => t.readyState === 'live');
      const analyser = await analyserOf(track);
      const samples = new Float32Array(WINDOW);
      const loudest = Object.fromEntries(frequencies.map((f) => [f, -140]));
      const end = performance.now() + seconds * 1000;
      // The analyser looks back over one window: let it fill with the present.
      await later((WINDOW / context.sampleRate) * 1000 + 20);
      do {
        analyser.getFloatTimeDomainData(samples);
        for (const f of frequencies) {
          loudest[f] = Math.max(loudest[f], level(samples, f, context.sampleRate));
        }
        await later(40);
      } while (performance.now() < end);
      return { loudest };
    },

    /**
     * Looks `looks` times at the element matching `selector`: the colour of its field and
     * where the brightest column (the bar) stands, 0 to 1, in each look.
     */
    async look(selector, looks) {
      const video = elementWith(selector, 'video');
      if (!video) return { blind: `no element ${selector} with live video` };
      if (!video.videoWidth || video.readyState < 2) return { blind: `element ${selector} has no frame yet` };
      if (video.paused) return { blind: `element ${selector} is paused` };
      const width = 64;
      const height = 36;
      const canvas = document.createElement('canvas');
      canvas.width = width;
      canvas.height = height;
      const drawing = canvas.getContext('2d', { willReadFrequently: true });
      const bars = [];
      let field;
      for (let n = 0; n < looks; n++) {
        if (n > 0) await later(60);
        drawing.drawImage(video, 0, 0, width, height);
        const pixels = drawing.getImageData(0, 0, width, height).data;
        const columns = [];
        for (let x = 0; x < width; x++) {
          const sum = [0, 0, 0];
          for (let y = 0; y < height; y++) {
            for (let c = 0; c < 3; c++) sum[c] += pixels[(y * width + x) * 4 + c];
          }
          columns.push(sum.map((s) => s / height));
        }
        const light = columns.map(([r, g, b]) => r + g + b);
        const brightest = light.indexOf(Math.max(...light));
        const order = [...columns].sort((p, q) => p[0] + p[1] + p[2] - (q[0] + q[1] + q[2]));
        field = order[width >> 1].map(Math.round);
        const contrast = light[brightest] - (field[0] + field[1] + field[2]);
        bars.push(contrast > 90 ? brightest / width : null);
      }
      return { field, bars, width: video.videoWidth, height: video.videoHeight };
    },

    /** Notes the wall-clock time at which the element next shows a new frame. */
    armFirstFrame(selector) {
      const record = { at: undefined };
      window.__proof.firstFrame = record;
      const attach = () => {
        if (window.__proof.firstFrame !== record) return;
        const video = elementWith(selector, 'video');
        if (!video) {
          setTimeout(attach, 5);
          return;
        }
        video.requestVideoFrameCallback(() => {
          record.at = performance.timeOrigin + performance.now();
        });
      };
      attach();
    },

    /** Watches the frames that the element shows from now on: see `gaps`. */
    watchFrames(selector) {
      const video = elementWith(selector, 'video');
      const watch = { began: performance.now(), last: performance.now(), longest: 0, frames: 0 };
      window.__proof.watch = watch;
      const onFrame = (now) => {
        if (window.__proof.watch !== watch) return;
        watch.longest = Math.max(watch.longest, now - watch.last);
        watch.last = now;
        watch.frames += 1;
        video.requestVideoFrameCallback(onFrame);
      };
      video.requestVideoFrameCallback(onFrame);
    },

    /** Since `watchFrames`: the frames, and the longest time without one, in milliseconds. */
    gaps() {
      const { began, last, longest, frames } = window.__proof.watch;
      const now = performance.now();
      return { frames, seconds: (now - began) / 1000, longest: Math.round(Math.max(longest, now - last)) };
    },

    /** Totals of all live peer connections by direction and kind, with codec names. */
    async traffic() {
      const streams = [];
      for (const connection of connections) {
        if (connection.connectionState === 'closed') continue;
        const report = await connection.getStats();
        for (const entry of report.values()) {
          if (entry.type !== 'inbound-rtp' && entry.type !== 'outbound-rtp') continue;
          const codec = report.get(entry.codecId);
          streams.push({
            direction: entry.type === 'inbound-rtp' ? 'in' : 'out',
            kind: entry.kind,
            codec: codec?.mimeType,
            fmtp: codec?.sdpFmtpLine,
            packets: entry.packetsReceived ?? entry.packetsSent ?? 0,
            bytes: entry.bytesReceived ?? entry.bytesSent ?? 0,
            frames: entry.framesDecoded ?? entry.framesEncoded,
            lost: entry.packetsLost,
            freezes: entry.freezeCount,
            freezeSeconds: entry.totalFreezesDuration,
          });
        }
      }
      return streams;
    },

    /** The protocols that live peer connections send over now, e.g. ['tcp']. */
    async routes() {
      const routes = [];
      for (const connection of connections) {
        if (connection.connectionState === 'closed') continue;
        const report = await connection.getStats();
        const entries = [...report.values()];
        const chosen = entries.find((entry) => entry.type === 'transport')?.selectedCandidatePairId;
        const pair = report.get(chosen) ?? entries.find((entry) => entry.type === 'candidate-pair' && entry.selected);
        routes.push(report.get(pair?.remoteCandidateId)?.protocol);
      }
      return routes;
    },
  };
})();
