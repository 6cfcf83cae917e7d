// node run.mjs [FOLDER [PART OF A NAME]]: runs the checks of all files in FOLDER (default: sdk).
import {readdirSync} from 'node:fs';
import {runSuite} from './checks.mjs';

const [folder = 'sdk', only] = process.argv.slice(2);
let passed = 0, failed = 0;
for (const file of readdirSync(new URL(`${folder}/`, import.meta.url)).sort()) {
  if (!file.endsWith('.check.mjs')) continue;
  const {default: suite} = await import(`./${folder}/${file}`);
  const result = await runSuite(suite, only);
  passed += result.passed;
  failed += result.failed;
}
console.log(`${passed} of ${passed + failed} checks passed`);
process.exit(failed || !passed ? 1 : 0);
