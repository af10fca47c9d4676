// @ts-check
// Names: a proposal for guests, and what to dial for what somebody typed.

const FIRST = ['Amber', 'Birch', 'Clover', 'Copper', 'Coral', 'Ember', 'Fern', 'Flint', 'Hazel',
  'Indigo', 'Ivory', 'Jasper', 'Juniper', 'Linen', 'Maple', 'Marble', 'Mellow', 'Misty', 'Opal',
  'Pebble', 'Quiet', 'River', 'Rowan', 'Saffron', 'Sage', 'Silver', 'Slate', 'Sunny', 'Velvet',
  'Willow'];
const SECOND = ['Badger', 'Crane', 'Dove', 'Falcon', 'Finch', 'Fox', 'Hare', 'Heron', 'Jay',
  'Kestrel', 'Kite', 'Lark', 'Linnet', 'Lynx', 'Magpie', 'Marten', 'Otter', 'Owl', 'Plover',
  'Puffin', 'Raven', 'Robin', 'Seal', 'Sparrow', 'Starling', 'Swift', 'Tern', 'Thrush', 'Wagtail',
  'Wren'];
const MAX_LOGIN = 32;

/**
 * Two words that are easy to say over a telephone.
 * @param {Iterable<string>} [taken] logins that will not do
 */
export function proposeName(taken = []) {
  const avoid = new Set(taken);
  let name = '';
  for (let tries = 0; tries < 20; tries += 1) {
    name = `${pick(FIRST)} ${pick(SECOND)}`;
    if (!avoid.has(loginOf(name))) break;
  }
  return name;
}

/**
 * What others dial for a free name: `Zoë Brown` is `zoe-brown`.
 * @param {string} name
 */
export function loginOf(name) {
  return name
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/[\s'’]+/g, '-')
    .replace(/[^\p{L}\p{N}._-]/gu, '')
    .replace(/-{2,}/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, MAX_LOGIN);
}

/**
 * What one dials says more than the name that is shown.
 * @param {string} name
 * @param {string} shown
 */
export function tellsMore(name, shown) {
  return name.toLowerCase() !== shown.toLowerCase() && name !== loginOf(shown);
}

/**
 * Whom somebody means who typed `text`: a person who is here by either name, or the text itself,
 * which may be a name elsewhere, an address or a number.
 * @param {string} text
 * @param {{ name: string, display_name: string }[]} users
 */
export function dialled(text, users) {
  const wanted = text.trim();
  const folded = wanted.toLowerCase();
  const found = users.find((user) => user.name.toLowerCase() === folded)
    ?? users.find((user) => user.display_name.toLowerCase() === folded);
  if (found) return { name: found.name, displayName: found.display_name };
  const address = /[@:]/.test(wanted) || /^[+\d][\d\s().-]*$/.test(wanted);
  const name = address ? wanted.replace(/[\s()]/g, '') : loginOf(wanted) || wanted;
  return { name, displayName: wanted };
}

/**
 * @template T
 * @param {T[]} list
 * @returns {T}
 */
function pick(list) {
  const [value] = crypto.getRandomValues(new Uint32Array(1));
  return list[value % list.length];
}
