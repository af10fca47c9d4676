// Firefox cannot play a file as its camera: the video track of its fake devices is replaced by
// a drawing of the same kind that Chromium plays. The drawn colour is set in `window.__colour`.
(() => {
  const devices = navigator.mediaDevices;
  if (!devices) return;
  const getUserMedia = devices.getUserMedia.bind(devices);

  devices.getUserMedia = async (constraints) => {
    const stream = await getUserMedia(constraints);
    for (const track of stream.getVideoTracks()) {
      stream.removeTrack(track);
      track.stop();
      stream.addTrack(drawnCamera());
    }
    return stream;
  };

  function drawnCamera() {
    const canvas = document.createElement('canvas');
    canvas.width = 640;
    canvas.height = 360;
    const drawing = canvas.getContext('2d');
    const [track] = canvas.captureStream(20).getVideoTracks();
    let step = 0;
    const timer = setInterval(() => {
      if (track.readyState === 'ended') {
        clearInterval(timer);
        return;
      }
      drawing.fillStyle = `rgb(${window.__colour.join()})`;
      drawing.fillRect(0, 0, 640, 360);
      drawing.fillStyle = 'white';
      drawing.fillRect(((step++ % 40) * 592) / 40, 0, 48, 360);
    }, 50);
    return track;
  }
})();
