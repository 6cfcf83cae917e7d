// node run.mjs [PART OF A NAME]: runs the checks of all files in checks/.
import {readdirSync} from 'node:fs';
import {runSuite} from './runner.mjs';

const only = process.argv[2];
let passed = 0, failed = 0;
for (const file of readdirSync(new URL('checks/', import.meta.url)).sort()) {
  const {default: suite} = await import(`./checks/${file}`);
  const result = await runSuite(suite, only);
  passed += result.passed;
  failed += result.failed;
}
console.log(`${passed} of ${passed + failed} checks passed`);
process.exit(failed || !passed ? 1 : 0);
