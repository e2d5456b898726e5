import '../../design/design.css';
import './join.css';
import { render } from 'preact';
import { Join } from './join.js';

const root = document.getElementById('app');
if (root !== null) render(<Join roomId={decodeURIComponent(location.pathname.split('/')[2] ?? '')} />, root);
