// Calls of tools as cards. The page runs nothing: the user enters what the tool gave.
import { useState } from 'preact/hooks';
import { giveResults } from './answers.js';
import { followEnd } from './messages.jsx';
import { Icon } from './icons.jsx';

function pretty(source) {
  try {
    return JSON.stringify(JSON.parse(source), null, 2);
  } catch {
    return source; // still coming, or not JSON
  }
}

export function ToolCalls({ conversation, node, answer, isLast }) {
  const [results, setResults] = useState(() => node.tool_calls.map(() => ''));
  const open = isLast && !answer;
  const submit = (event) => {
    event.preventDefault();
    followEnd();
    giveResults(conversation, node, node.tool_calls.map((_, i) => results[i] ?? ''));
  };
  return (
    <form class="calls" onSubmit={submit}>
      {node.tool_calls.map((call, i) => (
        <section class="call" key={i} aria-label={`Call of ${call.name}`}>
          <h3><Icon name="tool" /><span>{call.name}</span></h3>
          <pre tabIndex={0} role="region" aria-label="Arguments">{pretty(call.arguments)}</pre>
          {open && (
            <label>
              Result
              <textarea rows={2} value={results[i] ?? ''} placeholder="What the tool gave" onInput={(event) => {
                const next = [...results];
                next[i] = event.target.value;
                setResults(next);
              }} />
            </label>
          )}
        </section>
      ))}
      {open && <button type="submit" class="primary">Send {node.tool_calls.length > 1 ? 'results' : 'the result'}</button>}
    </form>
  );
}
