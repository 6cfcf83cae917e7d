// The page: conversations at the left, messages in the middle, what the server does at the right.
import { useEffect, useState } from 'preact/hooks';
import { runningIn, said, stopAll } from './answers.js';
import { cell, useCell } from './cells.js';
import * as chats from './chats.js';
import { Composer } from './composer.jsx';
import { IconButton } from './icons.jsx';
import { Messages } from './messages.jsx';
import { currentModel, server } from './server.js';
import { ServerView } from './server_view.jsx';
import { change, isDark, settings } from './settings.js';
import { SettingsDialog } from './settings_dialog.jsx';
import { Sidebar } from './sidebar.jsx';
import { trouble } from './storage.js';
import { path, titleOf } from './tree.js';

const narrow = matchMedia('(max-width: 52rem)');
// What is open.
export const sidebarOpen = cell(!narrow.matches);
export const editing = cell(null); // id of the message being edited

const STATES = {
  asking: 'Looking for the server',
  ready: 'Ready',
  loading: 'The model is loading',
  gone: 'The server cannot be reached',
  locked: 'The server asks for an API key',
};

export const focusComposer = () => document.getElementById('composer')?.focus();
const isTyping = (target) => target.closest?.('input, textarea, select, [contenteditable]');

function newChat() {
  chats.startNew();
  if (narrow.matches) sidebarOpen.set(false);
  focusComposer();
}

function Banner({ openSettings }) {
  const { state, note } = useCell(server);
  const storing = useCell(trouble);
  return (
    <div role="status">
      {state === 'loading' && <p class="banner calm"><span class="spinner" />The model is loading. You can write already: your message waits for it.</p>}
      {state === 'gone' && <p class="banner bad">The server cannot be reached. Trying again every few seconds; your conversations are safe here.</p>}
      {state === 'locked' && (
        <p class="banner bad">
          The server asks for an API key{note ? '' : '.'} <button type="button" class="link" onClick={openSettings}>Enter the key</button>
        </p>
      )}
      {storing && <p class="banner bad">{storing}</p>}
    </div>
  );
}

function Header({ panel, setPanel, openSettings }) {
  const { state } = useCell(server);
  useCell(settings);
  const conversation = useCell(chats.current);
  const open = useCell(sidebarOpen);
  const { id } = currentModel();
  const title = conversation.first.length ? titleOf(conversation) : '';
  useEffect(() => {
    document.title = title ? `${title} · Gannet` : 'Gannet';
  }, [title]);
  return (
    <header class="top">
      <IconButton name="menu" label={open ? 'Hide conversations' : 'Show conversations'} keys="Ctrl+B" aria-expanded={open} onClick={() => sidebarOpen.set(!open)} />
      <h1 class="title">{title || 'Gannet'}</h1>
      <span class={`model state-${state}`} title={STATES[state]}>
        <span class="dot" aria-hidden="true" />
        <span class="model-name">{id || STATES[state]}</span>
        <span class="offscreen">, {STATES[state]}</span>
      </span>
      <IconButton name="pulse" label="What the server does" aria-pressed={panel} onClick={() => setPanel(!panel)} />
      <IconButton name={isDark() ? 'sun' : 'moon'} label={isDark() ? 'Use light colours' : 'Use dark colours'} onClick={() => change({ theme: isDark() ? 'light' : 'dark' })} />
      <IconButton name="gear" label="Settings" onClick={openSettings} />
    </header>
  );
}

function onKey(event) {
  const conversation = chats.current.get();
  const ctrl = event.ctrlKey || event.metaKey;
  if (document.querySelector('dialog[open]')) return;
  if (event.key === 'Escape') {
    if (editing.get()) editing.set(null);
    else if (runningIn(conversation).length) stopAll(conversation);
    else if (narrow.matches && sidebarOpen.get()) sidebarOpen.set(false);
    else return;
  } else if (ctrl && event.shiftKey && event.key.toLowerCase() === 'o') {
    newChat();
  } else if (ctrl && !event.shiftKey && event.key.toLowerCase() === 'k') {
    sidebarOpen.set(true);
    requestAnimationFrame(() => document.getElementById('search')?.focus());
  } else if (ctrl && !event.shiftKey && event.key.toLowerCase() === 'b') {
    sidebarOpen.set(!sidebarOpen.get());
  } else if (event.key === '/' && !ctrl && !isTyping(event.target)) {
    focusComposer();
  } else if (event.key === 'ArrowUp' && event.target.id === 'composer' && !event.target.value && !runningIn(conversation).length) {
    const last = path(conversation).findLast((node) => node.role === 'user');
    if (!last) return;
    editing.set(last.id);
  } else {
    return;
  }
  event.preventDefault();
}

export function App() {
  const [panel, setPanel] = useState(false);
  const [settingsOpen, setSettingsOpen] = useState(false);
  const open = useCell(sidebarOpen);
  const words = useCell(said);
  const openSettings = () => setSettingsOpen(true);
  useEffect(() => {
    document.addEventListener('keydown', onKey);
    focusComposer();
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  const pick = (conversation) => {
    chats.open(conversation);
    if (narrow.matches) sidebarOpen.set(false);
    focusComposer();
  };
  return (
    <div class={`page ${open ? 'with-sidebar' : ''} ${panel ? 'with-panel' : ''}`}>
      {open && <Sidebar pick={pick} startNew={newChat} />}
      {open && <div class="shade" onClick={() => sidebarOpen.set(false)} />}
      <div class="middle">
        <Header panel={panel} setPanel={setPanel} openSettings={openSettings} />
        <Banner openSettings={openSettings} />
        <main>
          <Messages />
        </main>
        <Composer />
      </div>
      {panel && <ServerView close={() => setPanel(false)} />}
      {settingsOpen && <SettingsDialog close={() => setSettingsOpen(false)} />}
      <div class="offscreen" role="status">{words}</div>
    </div>
  );
}
