// The list of conversations.
import { useState } from 'preact/hooks';
import { running } from './answers.js';
import { useCell } from './cells.js';
import * as chats from './chats.js';
import { Icon, IconButton } from './icons.jsx';
import { download, fileName, toMarkdown } from './transfer.js';
import { titleOf } from './tree.js';

const DAY = 24 * 3600 * 1000;

function ageOf(time) {
  const today = new Date().setHours(0, 0, 0, 0);
  if (time >= today) return 'Today';
  if (time >= today - DAY) return 'Yesterday';
  if (time >= today - 6 * DAY) return 'This week';
  return new Date(time).toLocaleDateString(undefined, { month: 'long', year: 'numeric' });
}

function Row({ conversation, pick, isOpen, isBusy }) {
  const [renaming, setRenaming] = useState(false);
  const [asking, setAsking] = useState(false);
  const title = titleOf(conversation);
  if (renaming) {
    const finish = (event) => {
      if (event.type === 'keydown' && event.key !== 'Enter' && event.key !== 'Escape') return;
      event.stopPropagation();
      if (event.key !== 'Escape') chats.rename(conversation, event.target.value);
      setRenaming(false);
    };
    return (
      <li>
        <input class="rename" aria-label="Title" defaultValue={title} maxLength={200} ref={(input) => input?.focus()} onKeyDown={finish} onBlur={finish} />
      </li>
    );
  }
  if (asking) {
    return (
      <li class="ask">
        <span>Delete for good?</span>
        <button type="button" class="small bad" ref={(b) => b?.focus()} onClick={() => chats.discard(conversation)}>Delete</button>
        <button type="button" class="small" onClick={() => setAsking(false)}>Keep</button>
      </li>
    );
  }
  return (
    <li class={isOpen ? 'row open' : 'row'}>
      <button type="button" class="row-title" aria-current={isOpen ? 'true' : undefined} title={title} onClick={() => pick(conversation)}>
        {isBusy && <span class="spinner" role="img" aria-label="An answer is being written" />}
        <span class="row-text">{title}</span>
      </button>
      <span class="row-tools">
        <IconButton name="edit" label={`Rename: ${title}`} onClick={() => setRenaming(true)} />
        <IconButton name="save" label={`Export as Markdown: ${title}`} onClick={() => download(`${fileName(title)}.md`, 'text/markdown', toMarkdown(conversation))} />
        <IconButton name="trash" label={`Delete: ${title}`} onClick={() => setAsking(true)} />
      </span>
    </li>
  );
}

export function Sidebar({ pick, startNew }) {
  const all = useCell(chats.list);
  const current = useCell(chats.current);
  const answers = useCell(running);
  const [words, setWords] = useState('');
  const found = words ? chats.find(words) : all;
  const busy = new Set([...answers.values()].map((answer) => answer.conversation));
  const groups = [];
  for (const conversation of found) {
    const age = ageOf(conversation.updated);
    if (groups.at(-1)?.age !== age) groups.push({ age, rows: [] });
    groups.at(-1).rows.push(conversation);
  }
  return (
    <nav class="sidebar" aria-label="Conversations">
      <div class="brand">
        <img src="./icon.svg" alt="" width="26" height="26" />
        <span>Gannet</span>
      </div>
      <button type="button" class="new-chat" onClick={startNew} title="Ctrl+Shift+O">
        <Icon name="plus" />
        New conversation
      </button>
      <input id="search" type="search" placeholder="Search" aria-label="Search conversations" value={words} onInput={(event) => setWords(event.target.value)} />
      <div class="rows">
        {groups.map(({ age, rows }) => (
          <section key={age}>
            <h2>{age}</h2>
            <ul>
              {rows.map((conversation) => (
                <Row key={conversation.id} conversation={conversation} pick={pick} isOpen={conversation === current} isBusy={busy.has(conversation)} />
              ))}
            </ul>
          </section>
        ))}
        {!found.length && <p class="hint">{words ? 'Nothing found.' : 'Conversations are kept in this browser only.'}</p>}
      </div>
    </nav>
  );
}
