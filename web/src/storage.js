// Conversations in the browser's database, settings in its small store. Everything works without either (private
// windows, full disks): then it lives as long as the tab, and `trouble` says so.
import { cell } from './cells.js';

export const trouble = cell('');

const NAME = 'gannet';
const STORE = 'conversations';
let opened;

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'id' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error('blocked'));
  });
  return opened;
}

function say(error) {
  const full = error?.name === 'QuotaExceededError';
  trouble.set(
    full
      ? 'The browser has no more room: what is new is not kept. Export conversations and delete some.'
      : 'The browser keeps nothing for this page: conversations are gone when the tab closes. Export what matters.',
  );
}

async function transact(mode, action) {
  const transaction = (await database()).transaction(STORE, mode);
  const ended = new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  ended.catch(() => {});
  const result = await done(action(transaction.objectStore(STORE)));
  await ended;
  return result;
}

export async function loadAll() {
  try {
    return await transact('readonly', (store) => store.getAll());
  } catch (error) {
    say(error);
    return [];
  }
}

// Other tabs hear of it.
const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel(NAME) : null;
export const onOthersChange = (heard) => channel?.addEventListener('message', (event) => heard(event.data));

export async function save(conversation) {
  try {
    await transact('readwrite', (store) => store.put(conversation));
    trouble.set('');
    channel?.postMessage({ saved: conversation.id });
  } catch (error) {
    say(error);
  }
}

export async function remove(id) {
  try {
    await transact('readwrite', (store) => store.delete(id));
    channel?.postMessage({ removed: id });
  } catch (error) {
    say(error);
  }
}

export async function load(id) {
  try {
    return await transact('readonly', (store) => store.get(id));
  } catch {
    return undefined;
  }
}

export function readSmall(area, key, fallback) {
  try {
    return JSON.parse(globalThis[area].getItem(key)) ?? fallback;
  } catch {
    return fallback;
  }
}

export function writeSmall(area, key, value) {
  try {
    globalThis[area].setItem(key, JSON.stringify(value));
  } catch (error) {
    say(error);
  }
}
