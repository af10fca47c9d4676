// @ts-check
// The few things a page of ours needs from the document.

/**
 * The element of this id; a page without it is broken, so it throws.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [type]
 * @returns {T}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!found || (type && !(found instanceof type))) throw new Error(`no element #${id}`);
  return /** @type {T} */ (found);
}

/**
 * Makes an element. `data` becomes `data-*`, `on` listeners, everything else attributes;
 * `undefined`, `null` and `false` leave an attribute out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {{ text?: string, class?: string, data?: Record<string, string | undefined>,
 *   on?: Record<string, (event: Event) => void>, [attribute: string]: unknown }} [options]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, options = {}, ...children) {
  const element = document.createElement(tag);
  const { text, data = {}, on = {}, ...attributes } = options;
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const [name, value] of Object.entries(data)) {
    if (value !== undefined) element.dataset[name] = value;
  }
  for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
  if (text !== undefined) element.textContent = text;
  for (const child of children) if (child) element.append(child);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/**
 * A drawing of the sprite `shared/icons.svg`, hidden from assistive technology.
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `/shared/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Shows another drawing in an element made by `icon` or written in the page.
 * @param {Element} parent
 * @param {string} name
 */
export function setIcon(parent, name) {
  const use = parent.querySelector('use');
  const href = `/shared/icons.svg#${name}`;
  if (use && use.getAttribute('href') !== href) use.setAttribute('href', href);
}

/**
 * Writes text only if it is other than what stands there, so that live regions stay quiet.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * The circle with somebody's initials.
 * @param {string} name
 */
export function monogram(name) {
  const circle = make('span', { class: 'monogram', 'aria-hidden': 'true' });
  setMonogram(circle, name);
  return circle;
}

/**
 * @param {HTMLElement} circle
 * @param {string} name
 */
export function setMonogram(circle, name) {
  setText(circle, initials(name));
  circle.dataset.tint = String(hash(name) % 6);
}

/** @param {string} name */
function initials(name) {
  const words = name.split('@')[0].split(/[\s._-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return letters.map((word) => [...word][0].toLocaleUpperCase()).join('') || '?';
}

/** @param {string} text */
function hash(text) {
  let sum = 0;
  for (const char of text.toLocaleLowerCase()) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return sum;
}
