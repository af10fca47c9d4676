// A bare peer connection, to prove the proofs without any server: what is heard and seen here
// is known to be sent by the other page.

const remote = document.getElementById('remote');

window.peer = {
  async open(wanted = { audio: true, video: true }) {
    this.connection = new RTCPeerConnection();
    this.connection.ontrack = (event) => {
      remote.srcObject = event.streams[0];
    };
    this.stream = await navigator.mediaDevices.getUserMedia(wanted);
    for (const track of this.stream.getTracks()) this.connection.addTrack(track, this.stream);
  },

  async offer() {
    await this.connection.setLocalDescription(await this.connection.createOffer());
    return this.gathered();
  },

  async answer(sdp) {
    await this.connection.setRemoteDescription({ type: 'offer', sdp });
    await this.connection.setLocalDescription(await this.connection.createAnswer());
    return this.gathered();
  },

  async accept(sdp) {
    await this.connection.setRemoteDescription({ type: 'answer', sdp });
  },

  /** The local description with all candidates in it. */
  gathered() {
    const { connection } = this;
    return new Promise((resolve) => {
      const look = () => {
        if (connection.iceGatheringState !== 'complete') return;
        connection.removeEventListener('icegatheringstatechange', look);
        resolve(connection.localDescription.sdp);
      };
      connection.addEventListener('icegatheringstatechange', look);
      look();
    });
  },

  enable(kind, enabled) {
    for (const track of this.stream.getTracks()) {
      if (track.kind === kind) track.enabled = enabled;
    }
  },

  /** Sends one unmoving picture of the camera's own colour instead of the camera. */
  async freeze([r, g, b]) {
    const canvas = document.createElement('canvas');
    canvas.width = 640;
    canvas.height = 360;
    const drawing = canvas.getContext('2d');
    const draw = () => {
      drawing.fillStyle = `rgb(${r},${g},${b})`;
      drawing.fillRect(0, 0, 640, 360);
      drawing.fillStyle = 'white';
      drawing.fillRect(300, 0, 48, 360);
    };
    draw();
    setInterval(draw, 50);
    const [track] = canvas.captureStream(20).getVideoTracks();
    const sender = this.connection.getSenders().find((s) => s.track?.kind === 'video');
    await sender.replaceTrack(track);
  },
};
