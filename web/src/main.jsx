import { render } from 'preact';
import { App } from './app.jsx';
import { start } from './chats.js';
import { watchServer } from './server.js';
import { followTheme } from './settings.js';
import './style.css';

followTheme();
start();
watchServer();
render(<App />, document.getElementById('app'));
