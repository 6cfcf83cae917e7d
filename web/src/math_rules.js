// Formulas in Markdown: $x$, \(x\), $$x$$ and \[x\] become elements of class "tex" that hold their source.

const PAIRS = [
  ['$$', '$$', true],
  ['\\[', '\\]', true],
  ['\\(', '\\)', false],
  ['$', '$', false],
];

function inline(state, silent) {
  for (const [open, close, display] of PAIRS) {
    if (!state.src.startsWith(open, state.pos)) continue;
    const from = state.pos + open.length;
    let end = state.src.indexOf(close, from);
    // An escaped dollar does not close.
    while (end > 0 && close[0] === '$' && state.src[end - 1] === '\\') end = state.src.indexOf(close, end + 1);
    if (end < 0 || end + close.length > state.posMax || end === from) continue;
    const content = state.src.slice(from, end);
    // "$5 and $6" are prices.
    if (open === '$' && (/^\s|\s$|\n\s*\n/.test(content) || /\d/.test(state.src[end + 1] ?? ''))) continue;
    if (!silent) {
      const token = state.push(display ? 'tex_display' : 'tex_inline', '', 0);
      token.content = content.trim();
    }
    state.pos = end + close.length;
    return true;
  }
  return false;
}

function block(state, startLine, endLine, silent) {
  const lineAt = (n) => state.src.slice(state.bMarks[n] + state.tShift[n], state.eMarks[n]).trimEnd();
  const first = lineAt(startLine);
  if (state.sCount[startLine] - state.blkIndent >= 4) return false;
  const pair = PAIRS.find(([open, , display]) => display && first.startsWith(open));
  if (!pair) return false;
  const [open, close] = pair;
  const lines = [];
  let line = startLine;
  let text = first.slice(open.length);
  for (;;) {
    const end = text.indexOf(close);
    if (end >= 0) {
      if (text.slice(end + close.length).trim()) return false; // more on the line: leave it to the rule for lines
      lines.push(text.slice(0, end));
      break;
    }
    lines.push(text);
    if (++line >= endLine || state.sCount[line] < state.blkIndent) return false;
    text = lineAt(line);
  }
  if (silent) return true;
  state.line = line + 1;
  const token = state.push('tex_block', '', 0);
  token.block = true;
  token.content = lines.join('\n').trim();
  token.map = [startLine, state.line];
  return true;
}

export function mathRules(md) {
  md.inline.ruler.before('escape', 'tex', inline);
  md.block.ruler.before('fence', 'tex', block, { alt: ['paragraph', 'blockquote', 'list'] });
  const escape = md.utils.escapeHtml;
  md.renderer.rules.tex_inline = (tokens, i) => `<span class="tex">${escape(tokens[i].content)}</span>`;
  md.renderer.rules.tex_display = (tokens, i) => `<span class="tex display">${escape(tokens[i].content)}</span>`;
  md.renderer.rules.tex_block = (tokens, i) => `<div class="tex display">${escape(tokens[i].content)}</div>`;
}
