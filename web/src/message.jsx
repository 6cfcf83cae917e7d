// One message: what it says, what can be done with it, and how it came about.
import { Component } from 'preact';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';
import { edit, regenerate } from './answers.js';
import { editing, focusComposer } from './app.jsx';
import * as chats from './chats.js';
import { Markdown } from './growing.jsx';
import { Icon, IconButton } from './icons.jsx';
import { copy } from './markdown.js';
import { Stats } from './stats.jsx';
import { ToolCalls } from './tool_calls.jsx';
import { removeNode, switchBranch } from './tree.js';

function useGrowth(growth) {
  const [, redraw] = useReducer((n) => n + 1, 0);
  useEffect(() => growth?.on(redraw), [growth]);
}

function Thoughts({ node, answer }) {
  const [open, setOpen] = useState(false);
  const thinking = answer?.phase === 'thinking';
  const seconds = node.thought_ms ? Math.max(1, Math.round(node.thought_ms / 1000)) : 0;
  return (
    <details class="thoughts" open={open} onToggle={(event) => setOpen(event.target.open)}>
      <summary>
        {thinking && <span class="spinner" />}
        {thinking ? 'Thinking' : seconds ? `Thought for ${seconds} s` : 'Thoughts'}
      </summary>
      {open && <Markdown read={() => node.reasoning ?? ''} growth={thinking ? answer.growth : null} />}
    </details>
  );
}

function Progress({ answer }) {
  const { phase, note, progress } = answer;
  if (phase === 'writing' || phase === 'thinking') return null;
  const share = progress?.total ? progress.processed / progress.total : 0;
  const words = { sending: 'Waiting for the first word', waiting: note, reading: progress ? `Reading ${progress.processed.toLocaleString('en')} of ${progress.total.toLocaleString('en')} tokens${progress.cache ? `, ${progress.cache.toLocaleString('en')} known already` : ''}` : 'Reading' };
  return (
    <div class="progress">
      <span class="spinner" />
      <span>{words[phase]}</span>
      {phase === 'reading' && progress && <progress max={1} value={share} aria-label="Read of the prompt" />}
    </div>
  );
}

function Editor({ conversation, node }) {
  const area = useRef(null);
  const fit = () => {
    area.current.style.height = 'auto';
    area.current.style.height = `${area.current.scrollHeight + 2}px`;
  };
  useLayoutEffect(() => {
    fit();
    area.current.focus();
    area.current.setSelectionRange(node.content.length, node.content.length);
  }, []);
  const finish = (event) => {
    event?.preventDefault();
    const text = area.current.value.trimEnd();
    editing.set(null);
    focusComposer();
    if (text && text !== node.content) edit(conversation, node, text);
  };
  return (
    <form class="editor" onSubmit={finish}>
      <textarea ref={area} aria-label="Change the message" defaultValue={node.content} onInput={fit}
        onKeyDown={(event) => event.key === 'Enter' && !event.shiftKey && !event.isComposing && node.role === 'user' && finish(event)} />
      <div class="buttons">
        <span class="hint">{node.role === 'user' ? 'The old message stays as a branch.' : 'The old answer stays as a branch.'}</span>
        <button type="button" class="small" onClick={() => editing.set(null)}>Cancel</button>
        <button type="submit" class="small primary">{node.role === 'user' ? 'Send' : 'Keep'}</button>
      </div>
    </form>
  );
}

function CopyButton({ text }) {
  const [done, setDone] = useState(false);
  return (
    <IconButton name={done ? 'check' : 'copy'} label={done ? 'Copied' : 'Copy'} onClick={async () => {
      setDone(await copy(text));
      setTimeout(() => setDone(false), 1500);
    }} />
  );
}

function Branches({ conversation, node, index, count }) {
  if (count < 2) return null;
  const go = (step) => {
    switchBranch(conversation, node, step);
    chats.changed(conversation);
  };
  return (
    <span class="branches" role="group" aria-label="Branches">
      <IconButton name="left" label="Branch before" disabled={index === 0} onClick={() => go(-1)} />
      <span aria-label={`Branch ${index + 1} of ${count}`}>{index + 1}/{count}</span>
      <IconButton name="right" label="Branch after" disabled={index === count - 1} onClick={() => go(1)} />
    </span>
  );
}

function Tools(props) {
  const { conversation, node } = props;
  const [asking, setAsking] = useState(false);
  return (
    <div class="tools">
      <Branches {...props} />
      <CopyButton text={node.content} />
      {node.role !== 'tool' && <IconButton name="edit" label="Change" onClick={() => editing.set(node.id)} />}
      {node.role === 'assistant' && <IconButton name="redo" label="Answer again" onClick={() => regenerate(conversation, node)} />}
      {asking ? (
        <span class="ask">
          <button type="button" class="small bad" ref={(b) => b?.focus()} onClick={() => { removeNode(conversation, node); chats.changed(conversation); }}>Delete this and what follows</button>
          <button type="button" class="small" onClick={() => setAsking(false)}>Keep</button>
        </span>
      ) : (
        <IconButton name="trash" label="Delete" onClick={() => setAsking(true)} />
      )}
      {node.role === 'assistant' && <Stats node={node} />}
    </div>
  );
}

const ENDS = { length: 'Cut off: the limit of tokens or the end of the context was reached.', stopped: 'Stopped.', content_filter: 'Ended by a filter.' };

function Answer({ conversation, node, answer, isLast }) {
  // Calls and the first thought appear while the message grows.
  useGrowth(answer?.growth);
  return (
    <>
      {node.reasoning && <Thoughts node={node} answer={answer} />}
      {node.content.trim() && <Markdown read={() => node.content} growth={answer?.growth ?? null} />}
      {node.tool_calls?.length > 0 && <ToolCalls conversation={conversation} node={node} answer={answer} isLast={isLast} />}
      {answer && <Progress answer={answer} />}
      {!answer && ENDS[node.finish] && <p class="end">{ENDS[node.finish]}</p>}
      {!answer && !node.content && !node.reasoning && !node.tool_calls && !node.error && node.finish !== 'stopped' && <p class="end">The answer is empty.</p>}
      {node.error && (
        <p class="error">
          <Icon name="warn" />
          <span>{node.error}</span>
          <button type="button" class="small" onClick={() => regenerate(conversation, node)}>Try again</button>
        </p>
      )}
    </>
  );
}

const SPEAKERS = { user: 'You', assistant: 'Gannet', tool: 'Result of a tool' };

export class Message extends Component {
  // Messages that stand still are not drawn again when another one grows.
  shouldComponentUpdate(next) {
    const stamp = JSON.stringify([next.node.content.length, next.node.finish, next.node.error, next.node.usage?.total_tokens, next.node.tool_calls?.length, next.answer?.note, next.answer?.progress]);
    const same = stamp === this.stamp && ['node', 'answer', 'phase', 'index', 'count', 'isEdited', 'isLast'].every((key) => next[key] === this.props[key]);
    this.stamp = stamp;
    return !same;
  }
  render(props) {
    const { node, answer, isEdited } = props;
    const name = node.role === 'tool' && node.name ? `Result of ${node.name}` : SPEAKERS[node.role];
    return (
      <article class={`message ${node.role}`} aria-label={name} aria-busy={answer ? 'true' : undefined}>
        {isEdited ? (
          <Editor {...props} />
        ) : (
          <>
            {node.role === 'tool' && <p class="speaker"><Icon name="tool" />{name}</p>}
            {node.role === 'assistant' ? <Answer {...props} /> : <div class="plain">{node.content}</div>}
          </>
        )}
        {!answer && !isEdited && <Tools {...props} />}
      </article>
    );
  }
}
