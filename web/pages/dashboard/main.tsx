import '../../design/theme.css';
import '../../design/components.css';
import './dashboard.css';
import { render } from 'preact';
import { Dashboard } from './dashboard.js';

const root = document.getElementById('app');
if (root !== null) render(<Dashboard />, root);
