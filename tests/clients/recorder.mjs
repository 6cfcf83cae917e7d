// A proxy in front of the server that notes what each answer says about tokens: {read, cached, said}.
import http from 'node:http';

export async function record(target) {
  const turns = [];
  const proxy = http.createServer((request, response) => {
    const url = new URL(request.url, target);
    const on = http.request(url, {method: request.method, headers: {...request.headers, host: url.host}}, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      let text = '';
      answer.on('data', (data) => {
        text += data;
        response.write(data);
      });
      answer.on('end', () => {
        const last = text.matchAll(/"timings":\{"cache_n":(\d+),"prompt_n":(\d+),[^}]*?"predicted_n":(\d+)/g);
        const [, cached, read, said] = ([...last].at(-1) ?? []).map(Number);
        if (said !== undefined) turns.push({cached, read, said});
        response.end();
      });
    });
    on.on('error', () => response.destroy());
    response.on('close', () => on.destroy());
    request.pipe(on);
  });
  await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${proxy.address().port}`,
    turns,
    stop() {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}
