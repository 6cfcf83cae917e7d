// Where messages are written, and how full the context is.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { running, runningIn, send, stopAll } from './answers.js';
import { useCell } from './cells.js';
import * as chats from './chats.js';
import { Icon } from './icons.jsx';
import { followEnd } from './messages.jsx';
import { currentModel, server } from './server.js';
import { settings } from './settings.js';
import { path } from './tree.js';

// What was written but not sent, for each conversation.
const drafts = new Map();
const MOST_FILE = 1_000_000; // bytes

const count = (n) => n.toLocaleString('en');

function ContextMeter({ conversation }) {
  useCell(server);
  useCell(settings);
  const { n_ctx } = currentModel();
  const used = path(conversation).findLast((node) => node.usage)?.usage.total_tokens ?? 0;
  if (!n_ctx) return <span class="meter" />;
  const share = Math.min(used / n_ctx, 1);
  return (
    <span class={`meter ${share > 0.9 ? 'full' : share > 0.7 ? 'high' : ''}`} title={`${count(used)} of ${count(n_ctx)} tokens of the context are used`}>
      <svg class="meter-bar" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label={`Context: ${Math.round(share * 100)} percent used`}>
        <rect class="meter-all" width="100" height="4" rx="2" />
        <rect class="meter-used" width={share * 100} height="4" rx="2" />
      </svg>
      <span>{count(used)} / {count(n_ctx)}</span>
    </span>
  );
}

async function textOf(files) {
  const parts = [];
  for (const file of files) {
    const text = file.size <= MOST_FILE ? await file.text() : null;
    if (text === null || text.includes('\0')) throw new Error(`${file.name}: only text files of up to 1 MB can be added.`);
    const fence = '`'.repeat(Math.max(3, ...(text.match(/`+/g) ?? []).map((run) => run.length + 1)));
    parts.push(`${file.name}:\n${fence}\n${text.trimEnd()}\n${fence}\n`);
  }
  return parts.join('\n');
}

export function Composer() {
  const conversation = useCell(chats.current);
  useCell(running);
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const area = useRef(null);
  const busy = runningIn(conversation).length > 0;
  const waitsForTool = path(conversation).at(-1)?.tool_calls?.length > 0;

  useLayoutEffect(() => {
    setText(drafts.get(conversation.id) ?? '');
    setProblem('');
  }, [conversation.id]);
  // As high as its text, up to a limit of the style sheet.
  useLayoutEffect(() => {
    area.current.style.height = 'auto';
    area.current.style.height = `${area.current.scrollHeight}px`;
  }, [text]);

  const write = (value) => {
    drafts.set(conversation.id, value);
    setText(value);
  };
  const submit = () => {
    if (busy || !text.trim()) return;
    drafts.delete(conversation.id);
    setText('');
    followEnd();
    send(conversation, text.trimEnd());
  };
  const onKeyDown = (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit();
  };
  const add = async (event, files) => {
    if (!files?.length) return;
    event.preventDefault();
    try {
      write(`${text}${text && !text.endsWith('\n') ? '\n' : ''}${await textOf([...files])}`);
      setProblem('');
    } catch (error) {
      setProblem(error.message);
    }
  };
  return (
    <div class="bottom">
      <form
        class="composer"
        onSubmit={(event) => { event.preventDefault(); submit(); }}
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => add(event, event.dataTransfer?.files)}
      >
        <textarea
          id="composer"
          ref={area}
          rows={1}
          value={text}
          placeholder={waitsForTool ? 'Enter the result above, or write a message' : 'Write a message'}
          aria-label="Message"
          enterKeyHint="send"
          onInput={(event) => write(event.target.value)}
          onKeyDown={onKeyDown}
          onPaste={(event) => add(event, event.clipboardData?.files)}
        />
        {busy ? (
          <button type="button" class="send stop" aria-label="Stop" title="Stop (Esc)" onClick={() => stopAll(conversation)}><Icon name="stop" /></button>
        ) : (
          <button type="submit" class="send" aria-label="Send" title="Send (Enter)" disabled={!text.trim()}><Icon name="send" /></button>
        )}
      </form>
      <div class="under">
        <span class="hint" role="alert">{problem}</span>
        <span class="hint keys">Enter sends, Shift+Enter makes a line</span>
        <ContextMeter conversation={conversation} />
      </div>
    </div>
  );
}
