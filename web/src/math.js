// Sets formulas. A chunk of its own: loaded with the first formula.
import DOMPurify from 'dompurify';
import katex from 'katex';
import 'katex/dist/katex.min.css';

// KaTeX writes style attributes, which the page's policy forbids, even in documents that are never shown. They get
// another name before anything parses them, and are then set through the object model, which is allowed. Quotes in the
// text of formulas are escaped by KaTeX, so only attributes look like this.
const renameStyles = (html) => html.replaceAll(' style="', ' data-style="');

function setStyles(root) {
  for (const element of root.querySelectorAll('[data-style]')) {
    element.style.cssText = element.dataset.style;
    delete element.dataset.style;
  }
}

const ALLOWED = { RETURN_DOM_FRAGMENT: true, USE_PROFILES: { mathMl: true, svg: true, html: true }, ADD_TAGS: ['semantics', 'annotation'], ADD_ATTR: ['encoding'] };

function draw(source, displayMode) {
  const html = katex.renderToString(source, { displayMode, maxExpand: 200, maxSize: 20, strict: false });
  const fragment = document.adoptNode(DOMPurify.sanitize(renameStyles(html), ALLOWED));
  setStyles(fragment);
  return fragment;
}

// What was set lately: texts are drawn again while they grow.
const known = new Map();
const MOST_KNOWN = 300;

export function setFormula(element) {
  const source = element.textContent;
  const display = element.classList.contains('display');
  const key = `${display}\n${source}`;
  try {
    if (!known.has(key)) known.set(key, draw(source, display));
    if (known.size > MOST_KNOWN) known.delete(known.keys().next().value);
    element.replaceChildren(known.get(key).cloneNode(true));
    element.classList.add('set');
  } catch {
    element.classList.add('broken'); // its source stays
  }
}
