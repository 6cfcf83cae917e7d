// Settings, and conversations in and out.
import { useEffect, useRef, useState } from 'preact/hooks';
import { useCell } from './cells.js';
import * as chats from './chats.js';
import { IconButton } from './icons.jsx';
import { server } from './server.js';
import { apiKey, change, NUMBERS, readTools, reset, setKey, settings } from './settings.js';
import { download, fromJson, toJson } from './transfer.js';

function NumberField({ name, label, least, most, step, help }) {
  const all = useCell(settings);
  const [bad, setBad] = useState(false);
  const id = `set-${name}`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} type="number" min={least} max={most} step={step === 1 ? 1 : 'any'} placeholder="as the server has it" value={all[name]} aria-describedby={`${id}-help`} aria-invalid={bad || undefined}
        onInput={(event) => {
          setBad(!event.target.validity.valid);
          if (event.target.validity.valid) change({ [name]: event.target.value });
        }} />
      <p id={`${id}-help`} class="hint">{bad ? `A number from ${least} to ${most}, please.` : help}</p>
    </div>
  );
}

function Choice({ name, label, choices, help }) {
  const all = useCell(settings);
  const id = `set-${name}`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={all[name]} onChange={(event) => change({ [name]: event.target.value })}>
        {choices.map(([value, words]) => <option key={value} value={value}>{words}</option>)}
      </select>
      {help && <p class="hint">{help}</p>}
    </div>
  );
}

function Tools() {
  const all = useCell(settings);
  let problem = '';
  try {
    readTools(all.tools);
  } catch (error) {
    problem = error.message;
  }
  return (
    <div class="field wide">
      <label for="set-tools">Tools</label>
      <textarea id="set-tools" class="mono" rows={4} spellcheck={false} value={all.tools} aria-describedby="set-tools-help" aria-invalid={problem ? true : undefined}
        placeholder='[{"name": "weather", "description": "…", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}}]'
        onInput={(event) => change({ tools: event.target.value })} />
      <p id="set-tools-help" class="hint">{problem || 'A JSON list of functions that the model may call. You enter what they give.'}</p>
    </div>
  );
}

function Conversations() {
  const all = useCell(chats.list);
  const [note, setNote] = useState('');
  const [asking, setAsking] = useState(false);
  const file = useRef(null);
  const bringIn = async (event) => {
    const [picked] = event.target.files;
    if (!picked) return;
    try {
      const found = fromJson(await picked.text());
      chats.bringIn(found);
      setNote(`${found.length} ${found.length === 1 ? 'conversation' : 'conversations'} imported.`);
    } catch (error) {
      setNote(error.message);
    }
    event.target.value = '';
  };
  return (
    <section>
      <h3>Conversations</h3>
      <div class="buttons">
        <button type="button" disabled={!all.length} onClick={() => download('gannet-conversations.json', 'application/json', toJson(all))}>Export all as JSON</button>
        <button type="button" onClick={() => file.current.click()}>Import</button>
        <input ref={file} type="file" accept=".json,application/json" class="offscreen" tabIndex={-1} aria-label="File to import" onChange={bringIn} />
        {asking ? (
          <>
            <button type="button" class="bad" onClick={() => { chats.discardAll(); setAsking(false); }}>Delete all {all.length} for good</button>
            <button type="button" onClick={() => setAsking(false)}>Keep</button>
          </>
        ) : (
          <button type="button" disabled={!all.length} onClick={() => setAsking(true)}>Delete all</button>
        )}
      </div>
      <p class="hint" role="status">{note || 'They are kept in this browser only. Single ones can be exported as Markdown in the list.'}</p>
    </section>
  );
}

export function SettingsDialog({ close }) {
  const dialog = useRef(null);
  const all = useCell(settings);
  const key = useCell(apiKey);
  const { models } = useCell(server);
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="settings" aria-labelledby="settings-title" onClose={close} onClick={(event) => event.target === dialog.current && dialog.current.close()}>
      <div class="settings-inner">
        <div class="panel-head">
          <h2 id="settings-title">Settings</h2>
          <IconButton name="close" label="Close" onClick={() => dialog.current.close()} />
        </div>
        <section>
          <h3>Conversation</h3>
          <div class="field wide">
            <label for="set-system">System prompt</label>
            <textarea id="set-system" rows={3} value={all.system} placeholder="What the model is told before every conversation" onInput={(event) => change({ system: event.target.value })} />
          </div>
          <div class="fields">
            {models.length > 1 && <Choice name="model" label="Model" choices={[['', 'The first of the server'], ...models.map((model) => [model.id, model.id])]} />}
            <Choice name="thinking" label="Thinking" choices={[['', 'As the model does'], ['on', 'On'], ['off', 'Off']]} help="Whether it thinks before it answers, where it can" />
          </div>
        </section>
        <section>
          <h3>Sampling</h3>
          <div class="fields">
            {NUMBERS.map(([name, label, least, most, step, help]) => <NumberField key={name} {...{ name, label, least, most, step, help }} />)}
          </div>
          <Tools />
        </section>
        <section>
          <h3>Page</h3>
          <div class="fields">
            <Choice name="theme" label="Colours" choices={[['auto', 'As the system has them'], ['light', 'Light'], ['dark', 'Dark']]} />
            <div class="field">
              <label for="set-key">API key</label>
              <input id="set-key" type="password" autocomplete="off" value={key} onChange={(event) => setKey(event.target.value.trim())} />
              <p class="hint">Kept until this tab closes.</p>
            </div>
          </div>
        </section>
        <Conversations />
        <section class="last">
          <button type="button" onClick={reset}>Reset the settings</button>
        </section>
      </div>
    </dialog>
  );
}
