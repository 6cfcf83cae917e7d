// What is open and where the page stands: shared by components that know nothing else of each other.
import { cell } from './cells.js';

export const narrow = matchMedia('(max-width: 52rem)');
export const sidebarOpen = cell(!narrow.matches);
export const editing = cell(null); // id of the message being changed
export const follows = cell(true); // whether the messages scroll along with what is written

export const followEnd = () => follows.set(true);
// For `ref`: takes the focus when it appears, its text selected.
export function takeFocus(element) {
  element?.focus();
  element?.select?.();
}
export const focusComposer = () => document.getElementById('composer')?.focus();
