// Texts that grow piece by piece end as what they are when drawn at once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answered, openPage, say, startAll, streamOf } from './harness.js';

let all;
before(async () => (all = await startAll()));
after(() => all.close());

const TEXTS = [
  '- a\n- b\n\n  still b\n\n- c is loose now\n\nafter\n\n1. x\n2. y\n   - z\n\n   ```js\n   let a = 1;\n\n   let b = 2;\n   ```\n3. w\n\nend',
  'A title\n===\n\nAnother\n---\n\n---\n\n***bold and slanted* only bold**\n\n`a` ``b ` c``\n\n    four spaces\n\n    and more\n\nend',
  '````md\n```js\nconst a = 1;\n```\n\ntext\n````\n\n~~~\nnot closed ```\n\n\nx',
  '> quote\n> more\nlazy\n\n> > deep\n>\n> - list\n>\n>   more\n\ntext',
  '| a | b |\n|:--|--:|\n| 1 | `x|y` |\n| 2 |\n\ntext | not a table\n\nx | y\n-|-\n1 | 2\nlast row',
  'See [one][1], [two] and [three](https://example.org "t").\n\nMiddle.\n\n[1]: https://example.org/1\n[two]: https://example.org/2 "two"\n\nEnd.',
  '$$\na = b\n$$\n\ntext $x$ and \\(y\\), $5 and $6, \\$7\n\n\\[\n\\begin{aligned}a&=b\\\\ c&=d\\end{aligned}\n\\]\n\n$$z$$ in a line, $$ not closed',
  'Price: $$\n\nnothing\n\n$$x^2$$\n\n- $a$\n- $$b$$\n\n$\\frac{1}{2$ is wrong, $\\nothing$ too',
  'https://example.org/a_b_c, user@example.org, <https://example.org>\n\n<b>no html</b> &amp; &copy; &#x41;\n\n<div>\n\n# in\n\n</div>',
  'end with spaces   \nhard break\\\nanother\n\n\n\n\nmany lines\n\n',
  '日本語の文章。\n\n- 一\n- 二\n\n**太字**と`コード`、👩‍👩‍👧‍👦 🇳🇴\n\nעברית و العربية',
];

// The heads of lines one by one: there it is decided what a line is.
const heads = (text) => text.split(/(?<=\n)/).flatMap((line) => {
  const points = [...line.replace(/\n$/, '')];
  return [...points.slice(0, 5), points.slice(5).join(''), line.endsWith('\n') ? '\n' : ''].filter(Boolean);
});
const points = (text) => [...text];
const chunks = (text) => text.match(/[\s\S]{1,17}/gu);

test(`${TEXTS.length} texts in pieces of several kinds`, async () => {
  const { page, faults } = await openPage(all);
  // A frame for each piece, however fast they come.
  await page.evaluate(() => (window.requestAnimationFrame = (draw) => setTimeout(draw, 0)));
  for (const [i, text] of TEXTS.entries()) {
    const forms = [];
    for (const [cut, wait] of [[heads, 20], [points, 3], [chunks, 20], [(all) => [all], 0]]) {
      all.handlers.set('/v1/chat/completions', streamOf(cut(text), { wait }));
      await page.keyboard.press('Control+Shift+O');
      await say(page, `${i} ${cut.name}`);
      await page.locator('.message.assistant').waitFor();
      await answered(page);
      await page.waitForTimeout(60);
      forms.push(await page.locator('.markdown').innerHTML());
    }
    for (const form of forms) assert.equal(form, forms.at(-1), text);
  }
  assert.deepEqual(await faults(), []);
  await page.context().close();
});
