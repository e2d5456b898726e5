import '../../design/design.css';
import './studio.css';
import { render } from 'preact';
import { Studio } from './studio.js';

const root = document.getElementById('app');
if (root !== null)
  render(<Studio roomId={decodeURIComponent(location.pathname.split('/')[2] ?? '')} />, root);
