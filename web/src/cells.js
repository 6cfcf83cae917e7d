// Values that components watch.
import { useLayoutEffect, useReducer } from 'preact/hooks';

export function emitter() {
  const watchers = new Set();
  return {
    on(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    emit(...args) {
      for (const watcher of [...watchers]) watcher(...args);
    },
  };
}

export function cell(initial) {
  const changes = emitter();
  let value = initial;
  return {
    get: () => value,
    set(next) {
      value = next;
      changes.emit(value);
    },
    // For values that were changed in place.
    touch: () => changes.emit(value),
    on: changes.on,
  };
}

// The value of a cell; the component is drawn again when it changes.
export function useCell(watched) {
  const [, redraw] = useReducer((n) => n + 1, 0);
  useLayoutEffect(() => watched.on(redraw), [watched]);
  return watched.get();
}
