import '../../design/design.css';
import './watch.css';
import { render } from 'preact';
import { Watch } from './watch.js';

const root = document.getElementById('app');
if (root !== null) render(<Watch roomId={decodeURIComponent(location.pathname.split('/')[2] ?? '')} />, root);
