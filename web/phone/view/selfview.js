// @ts-check
// Our own picture: mirrored, in a corner, to be dragged or moved by arrow keys to another one.

import { byId } from '../../shared/dom.js';

const DRAG_PX = 6;
/** @type {Record<string, [string, string]>} */
const ARROWS = {
  ArrowUp: ['block', 'start'], ArrowDown: ['block', 'end'], ArrowLeft: ['inline', 'start'], ArrowRight: ['inline', 'end'],
};

export function selfView() {
  const box = byId('selfview');
  const video = byId('local', HTMLVideoElement);
  const area = byId('stage');
  let block = 'end';
  let inline = 'end';
  /** @type {{ x: number, y: number, moved: boolean } | null} */
  let drag = null;

  function settle() {
    box.dataset.corner = `${block}-${inline}`;
    box.style.removeProperty('translate');
    box.classList.remove('selfview--dragged');
  }

  box.addEventListener('keydown', (event) => {
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    if (arrow[0] === 'block') block = arrow[1];
    else inline = arrow[1];
    settle();
  });
  box.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    drag = { x: event.clientX, y: event.clientY, moved: false };
    box.setPointerCapture(event.pointerId);
  });
  box.addEventListener('pointermove', (event) => {
    if (!drag) return;
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < DRAG_PX) return;
    drag.moved = true;
    box.classList.add('selfview--dragged');
    box.style.setProperty('translate', `${dx}px ${dy}px`);
  });
  const drop = () => {
    if (drag?.moved) {
      const own = box.getBoundingClientRect();
      const all = area.getBoundingClientRect();
      inline = own.left + own.width / 2 < all.left + all.width / 2 ? 'start' : 'end';
      block = own.top + own.height / 2 < all.top + all.height / 2 ? 'start' : 'end';
    }
    drag = null;
    settle();
  };
  box.addEventListener('pointerup', drop);
  box.addEventListener('pointercancel', drop);

  return {
    /** @param {MediaStream | null} stream */
    show(stream) {
      box.hidden = stream === null;
      if (video.srcObject !== stream) video.srcObject = stream;
    },
  };
}
