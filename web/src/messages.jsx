// The messages on show, scrolled along while an answer grows.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { running } from './answers.js';
import { editing } from './app.jsx';
import { cell, useCell } from './cells.js';
import * as chats from './chats.js';
import { IconButton } from './icons.jsx';
import { Message } from './message.jsx';
import { branchOf, path } from './tree.js';

const follows = cell(true);
export const followEnd = () => follows.set(true);

const NEAR = 60; // pixels from the end that count as the end

function Welcome() {
  return (
    <div class="welcome">
      <img src="./icon.svg" alt="" width="64" height="64" />
      <h2>What shall we look at?</h2>
      <p>Everything stays between this page and your server. Nothing else is asked.</p>
      <p class="hint">
        <kbd>/</kbd> write <kbd>↑</kbd> change your last message <kbd>Esc</kbd> stop <kbd>Ctrl</kbd>+<kbd>Shift</kbd>+<kbd>O</kbd> new conversation <kbd>Ctrl</kbd>+<kbd>K</kbd> search
      </p>
    </div>
  );
}

export function Messages() {
  const conversation = useCell(chats.current);
  const answers = useCell(running);
  const edited = useCell(editing);
  const following = useCell(follows);
  const box = useRef(null);
  const inner = useRef(null);
  const [ends, setEnds] = useState(true);
  const nodes = path(conversation);

  useLayoutEffect(() => follows.set(true), [conversation.id]);
  // Whatever makes the text longer: the end stays in view as long as the user has not scrolled away from it.
  useEffect(() => {
    const stay = () => {
      if (follows.get()) box.current.scrollTop = box.current.scrollHeight;
    };
    const observer = new ResizeObserver(stay);
    observer.observe(inner.current);
    observer.observe(box.current);
    const stop = follows.on(stay);
    stay();
    return () => {
      observer.disconnect();
      stop();
    };
  }, [conversation.id]);
  const lastTop = useRef(0);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    const atEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    setEnds(atEnd);
    if (atEnd) follows.set(true);
    else if (scrollTop < lastTop.current - 2) follows.set(false);
    lastTop.current = scrollTop;
  };
  return (
    <div class="scroll" ref={box} onScroll={onScroll} tabIndex={0} role="region" aria-label="Messages">
      <div class="thread" ref={inner}>
        {!nodes.length && <Welcome />}
        {nodes.map((node) => {
          const { index, count } = branchOf(conversation, node);
          return (
            <Message
              key={node.id}
              conversation={conversation}
              node={node}
              answer={answers.get(node.id)}
              phase={answers.get(node.id)?.phase}
              index={index}
              count={count}
              isEdited={edited === node.id}
              isLast={node === nodes.at(-1)}
            />
          );
        })}
      </div>
      {!ends && !following && <IconButton name="down" label="To the end" class="to-end" onClick={followEnd} />}
    </div>
  );
}
