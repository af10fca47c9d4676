// Runs inside a page whose speech is compared with what another hears of it: the microphone's sound as
// it is, recordings, a bare call beside the page's own, and remote candidates by a detour.
(() => {
  const recordings = new Map();
  /** Blocks that may wait, of 10 ms each. */
  const WAITING = 1000;
  const UNTOUCHED = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

  const devices = navigator.mediaDevices;
  const getUserMedia = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    const stream = await getUserMedia({ ...wanted, audio: wanted.audio && UNTOUCHED });
    window.__speech.microphone = stream;
    return stream;
  };

  // What the page sends goes by a detour that the test has made (`window.__detour`, see detour.mjs).
  const setRemoteDescription = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = async function ({ type, sdp }, ...rest) {
    const detoured = window.__detour ? await byDetour(sdp) : sdp;
    return setRemoteDescription.call(this, { type, sdp: detoured }, ...rest);
  };

  /** Leaves one candidate, UDP over IPv4, in each section, at the place that stands for it. */
  async function byDetour(sdp) {
    const sections = sdp.split(/(?=^m=)/m);
    return (await Promise.all(sections.map(async (section) => {
      const lines = section.split('\r\n');
      const isCandidate = (line) => line.startsWith('a=candidate:');
      const kept = lines.find((line) => isCandidate(line) && / 1 udp \d+ \d+\.\d+\.\d+\.\d+ \d+ typ host/i.test(line));
      if (!kept) return section;
      const words = kept.split(' ');
      words[5] = await window.__detour(words[4], Number(words[5]));
      return lines.flatMap((line) => {
        if (line === kept) return [words.join(' ')];
        return isCandidate(line) ? [] : [line];
      }).join('\r\n');
    }))).join('');
  }

  /** Writes down what a track sounds like, from now on, and forgets what it sounded like before. */
  function record(name, track) {
    recordings.get(name)?.reader.cancel();
    const reader = new MediaStreamTrackProcessor({ track, maxBufferSize: WAITING }).readable.getReader();
    const recording = { reader, start: Infinity, rate: 0, count: 0, blocks: [] };
    recordings.set(name, recording);
    (async () => {
      for (;;) {
        const { value: data, done } = await reader.read();
        if (done) return;
        const samples = new Float32Array(data.numberOfFrames);
        data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
        recording.rate = data.sampleRate;
        data.close();
        recording.count += samples.length;
        recording.blocks.push(Int16Array.from(samples, (it) => Math.max(-1, Math.min(1, it)) * 32767));
        // A block that is fetched at once tells best when the first of them began.
        const now = performance.timeOrigin + performance.now();
        recording.start = Math.min(recording.start, now - (recording.count / recording.rate) * 1000);
      }
    })();
  }

  window.__speech = {
    microphone: undefined,

    recordMicrophone() {
      record('said', this.microphone.getAudioTracks()[0].clone());
    },

    /** What an element plays. */
    recordElement(selector) {
      record('heard', document.querySelector(selector).srcObject.getAudioTracks()[0]);
    },

    /** A recording so far: when it began (ms of wall-clock time), its rate, and its samples, 16 bits each. */
    async recorded(name) {
      const { start, rate, blocks } = recordings.get(name);
      const url = await new Promise((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result);
        reader.readAsDataURL(new Blob(blocks));
      });
      return { start, rate, pcm: url.slice(url.indexOf(',') + 1) };
    },

    /** An offer to a bare peer of what the microphone brings, without candidates. */
    async offerDirectly() {
      const connection = new RTCPeerConnection();
      const stream = this.microphone.clone();
      for (const track of stream.getAudioTracks()) connection.addTrack(track, stream);
      await connection.setLocalDescription(await connection.createOffer());
      this.direct = connection;
      return connection.localDescription.sdp;
    },

    acceptDirectly(sdp) {
      return this.direct.setRemoteDescription({ type: 'answer', sdp });
    },
  };
})();
