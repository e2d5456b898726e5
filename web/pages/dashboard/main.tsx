import '../../design/design.css';
import './dashboard.css';
import { render } from 'preact';
import { Dashboard } from './dashboard.js';

const root = document.getElementById('app');
if (root !== null) render(<Dashboard />, root);
