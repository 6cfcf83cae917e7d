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

export function setFormula(element) {
  const source = element.textContent;
  try {
    const html = katex.renderToString(source, { displayMode: element.classList.contains('display'), maxExpand: 200, maxSize: 20, strict: false });
    element.replaceChildren(document.adoptNode(DOMPurify.sanitize(renameStyles(html), ALLOWED)));
    setStyles(element);
    element.classList.add('set');
  } catch {
    element.classList.add('broken'); // its source stays
  }
  element.dataset.source = source;
}
