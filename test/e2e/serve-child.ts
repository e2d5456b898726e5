/** `anchornet serve` from its source, so that tests never meet an old build. */
import Serve from '../../commands/serve.js';

await Serve.run(process.argv.slice(2), import.meta.url);
