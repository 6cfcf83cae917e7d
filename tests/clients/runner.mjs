// A small runner: a file of checks is `export default suite(...)`; run.mjs runs them and counts.
export function suite(name, define) {
  return {name, define};
}

// Runs a suite; returns {passed, failed}.
export async function runSuite({name, define}, only) {
  const checks = [], ends = [];
  const tools = {
    check: (what, run, seconds = 30) => checks.push({what, run, seconds}),
    after: (end) => ends.push(end),
  };
  await define(tools);
  let passed = 0, failed = 0;
  for (const {what, run, seconds} of checks) {
    if (only && !`${name}: ${what}`.includes(only)) continue;
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no end within ${seconds} s`)), seconds * 1000);
    });
    try {
      await Promise.race([run(), late]);
      ++passed;
      if (process.env.VERBOSE) console.log(`ok      ${name}: ${what}`);
    } catch (error) {
      ++failed;
      console.log(`FAILED  ${name}: ${what}\n${String(error.stack ?? error).replace(/^/gm, '        ')}`);
    }
    clearTimeout(timer);
  }
  for (const end of ends.reverse()) await end();
  if (passed + failed) console.log(`${name}: ${passed} of ${passed + failed} checks passed`);
  return {passed, failed};
}
