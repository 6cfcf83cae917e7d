// The conversations and the one on show; all changes to them go through here so that they are kept.
import { cell } from './cells.js';
import * as storage from './storage.js';
import { newConversation, titleOf } from './tree.js';

export const list = cell([]); // newest first
export const current = cell(newConversation());

const byTime = (all) => [...all].sort((a, b) => b.updated - a.updated);
const isKept = (conversation) => list.get().includes(conversation);

export async function start() {
  list.set(byTime(await storage.loadAll()));
  storage.onOthersChange(async ({ saved, removed }) => {
    const id = saved ?? removed;
    const fresh = saved ? await storage.load(saved) : undefined;
    const others = list.get().filter((c) => c.id !== id);
    list.set(byTime(fresh ? [...others, fresh] : others));
    if (current.get().id === id) current.set(fresh ?? newConversation());
  });
}

export function open(conversation) {
  current.set(conversation);
}

export const startNew = () => open(newConversation());

// To be called after every change of a conversation.
const waiting = new Map();
export function changed(conversation, { soon = false } = {}) {
  if (!isKept(conversation) && conversation.first.length) list.set([conversation, ...list.get()]);
  else if (!soon) list.set(byTime(list.get()));
  if (current.get() === conversation) current.touch();
  clearTimeout(waiting.get(conversation));
  waiting.set(conversation, setTimeout(() => storage.save(conversation), soon ? 2000 : 50));
}

export function rename(conversation, title) {
  conversation.title = title.trim().slice(0, 200);
  changed(conversation);
}

export function discard(conversation) {
  clearTimeout(waiting.get(conversation));
  list.set(list.get().filter((c) => c !== conversation));
  storage.remove(conversation.id);
  if (current.get() === conversation) startNew();
}

export function discardAll() {
  for (const conversation of list.get()) discard(conversation);
}

export function bringIn(conversations) {
  for (const conversation of conversations) {
    list.set([conversation, ...list.get()]);
    changed(conversation);
  }
  if (conversations.length) open(conversations[0]);
}

export function find(words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length) return list.get();
  return list.get().filter((conversation) => {
    const text = `${titleOf(conversation)}\n${Object.values(conversation.nodes).map((n) => n.content).join('\n')}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}
