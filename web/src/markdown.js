// Markdown of models to elements: no HTML of theirs, no foreign images, and nothing that DOMPurify does not know.
import DOMPurify from 'dompurify';
import MarkdownIt from 'markdown-it';
import { highlight } from './highlight.js';
import { mathRules } from './math_rules.js';

const md = new MarkdownIt({ html: false, linkify: true, breaks: false, highlight });
md.use(mathRules);
const { escapeHtml } = md.utils;

// Images from elsewhere would tell others what is read here: they become links.
md.renderer.rules.image = (tokens, i) => {
  const [source, alt] = [tokens[i].attrGet('src') ?? '', tokens[i].content || 'image'];
  if (/^data:image\/(png|jpeg|gif|webp);base64,/i.test(source)) return `<img src="${escapeHtml(source)}" alt="${escapeHtml(alt)}">`;
  return `<a href="${escapeHtml(source)}">Image: ${escapeHtml(alt)}</a>`;
};

// Columns are aligned by class: style attributes are forbidden here.
for (const rule of ['th_open', 'td_open'])
  md.renderer.rules[rule] = (tokens, i, options, env, self) => {
    const align = /text-align:(\w+)/.exec(tokens[i].attrGet('style') ?? '')?.[1];
    tokens[i].attrs = align ? [['class', `align-${align}`]] : null;
    return self.renderToken(tokens, i, options);
  };

const ALLOWED = {
  RETURN_DOM_FRAGMENT: true,
  ALLOWED_TAGS: ['p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'ul', 'ol', 'li', 'pre', 'code', 'span', 'div', 'em', 'strong', 's', 'a', 'img', 'table', 'thead', 'tbody', 'tr', 'th', 'td'],
  ALLOWED_ATTR: ['class', 'href', 'src', 'alt', 'title', 'start'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
};

let setFormula = null;
let loadingMath = null;
// Formulas are set when the code for it is there; until then their source stands there.
function formulas(fragment, redraw) {
  const found = fragment.querySelectorAll('.tex');
  if (!found.length) return;
  if (setFormula) {
    found.forEach(setFormula);
    return;
  }
  loadingMath ??= import('./math.js').then((math) => {
    setFormula = math.setFormula;
  });
  loadingMath.then(redraw, () => (loadingMath = null));
}

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

function dress(fragment) {
  for (const link of fragment.querySelectorAll('a')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer nofollow';
  }
  for (const pre of fragment.querySelectorAll('pre')) {
    const language = /language-([\w+#.-]+)/.exec(pre.firstElementChild?.className ?? '')?.[1] ?? '';
    pre.tabIndex = 0;
    pre.setAttribute('role', 'region');
    pre.setAttribute('aria-label', `Code${language ? ` in ${language}` : ''}`);
    const button = make('button', 'copy-code', 'Copy');
    button.type = 'button';
    const box = make('div', 'code', make('div', 'code-head', make('span', '', language || 'text'), button));
    pre.replaceWith(box);
    box.append(pre);
  }
  for (const table of fragment.querySelectorAll('table')) {
    const box = make('div', 'table');
    box.tabIndex = 0;
    box.setAttribute('role', 'region');
    box.setAttribute('aria-label', 'Table');
    table.replaceWith(box);
    box.append(table);
  }
  return fragment;
}

const toFragment = (tokens, env, redraw) => {
  const fragment = dress(document.adoptNode(DOMPurify.sanitize(md.renderer.render(tokens, md.options, env), ALLOWED)));
  formulas(fragment, redraw);
  return fragment;
};

// Where the last block of the text begins, in lines; 0 when there is but one.
function lastBlockLine(tokens) {
  for (let i = tokens.length - 1; i > 0; --i) if (tokens[i].level === 0 && tokens[i].nesting >= 0 && tokens[i].map) return tokens[i].map[0];
  return 0;
}

function offsetOfLine(text, line) {
  let at = 0;
  for (; line > 0; --line) at = text.indexOf('\n', at) + 1;
  return at;
}

// A text that grows, in an element of its own. Blocks that are complete are drawn once; only the last one is drawn
// again with each piece. The end draws everything anew, since a late link definition may change what stands above.
export class GrowingText {
  constructor(element) {
    this.element = element;
    this.reset();
    element.addEventListener('click', onCopy);
  }
  reset() {
    this.settled = 0; // characters
    this.fixed = 0; // children
    this.text = '';
  }
  show(text, complete) {
    if (!text.startsWith(this.text) || complete) this.reset();
    this.text = text;
    const redraw = () => this.element.isConnected && this.show(this.text, true);
    const tail = text.slice(this.settled);
    const env = {};
    const tokens = md.parse(tail, env);
    if (complete) {
      this.place(toFragment(tokens, env, redraw));
      return;
    }
    const line = lastBlockLine(tokens);
    const cut = line > 0 ? tokens.findIndex((token) => token.level === 0 && token.map?.[0] === line) : 0;
    const fragment = toFragment(tokens.slice(0, cut), env, redraw);
    const more = fragment.childNodes.length;
    fragment.append(toFragment(tokens.slice(cut), env, redraw));
    this.place(fragment);
    this.fixed += more;
    this.settled += offsetOfLine(tail, line);
  }
  // Puts the nodes behind the fixed ones; those that are there already stay, with what is selected in them.
  place(fragment) {
    const { element } = this;
    let at = this.fixed;
    while (fragment.firstChild && element.childNodes[at]?.isEqualNode(fragment.firstChild)) {
      fragment.firstChild.remove();
      ++at;
    }
    while (element.childNodes.length > at) element.lastChild.remove();
    element.append(fragment);
  }
}

async function onCopy(event) {
  const button = event.target.closest?.('.copy-code');
  if (!button) return;
  const copied = await copy(button.closest('.code').querySelector('pre').textContent);
  button.textContent = copied ? 'Copied' : 'Not allowed';
  setTimeout(() => (button.textContent = 'Copy'), 1500);
}

// The clipboard needs a secure page; over plain HTTP from elsewhere a selection does.
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'offscreen';
    document.body.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    return copied;
  }
}
