// Sets formulas. A chunk of its own: loaded with the first formula.
import DOMPurify from 'dompurify';
import katex from 'katex';
import 'katex/dist/katex.min.css';

// KaTeX writes style attributes, which the page's policy forbids; the same declarations through the object model are
// allowed. DOMPurify's document is a dead one, where attributes have no effect and break no rule.
function hoistStyles(root) {
  const found = [];
  for (const element of root.querySelectorAll('[style]')) {
    found.push([element, element.getAttribute('style')]);
    element.removeAttribute('style');
  }
  return () => {
    for (const [element, style] of found) element.style.cssText = style;
  };
}

const ALLOWED = { RETURN_DOM_FRAGMENT: true, USE_PROFILES: { mathMl: true, svg: true, html: true }, ADD_TAGS: ['semantics', 'annotation'], ADD_ATTR: ['encoding'] };

export function setFormula(element) {
  const source = element.textContent;
  try {
    const html = katex.renderToString(source, { displayMode: element.classList.contains('display'), throwOnError: true, maxExpand: 200, maxSize: 20, strict: false });
    const fragment = DOMPurify.sanitize(html, ALLOWED);
    const style = hoistStyles(fragment);
    element.replaceChildren(document.adoptNode(fragment));
    style();
    element.classList.add('set');
  } catch {
    element.classList.add('broken'); // its source stays
  }
  element.dataset.source = source;
}
