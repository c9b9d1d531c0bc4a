// Hears what happens on the desk, until Ctrl-C (Node 18 or newer, or a browser).
//
//   POSTDESK_URL=http://127.0.0.1:8080 POSTDESK_TOKEN=pdk_… node docs/examples/live.mjs tickets,responses
//
// A browser's own EventSource can't send a token; fetch can, and a stream is easily read.

const api = `${process.env.POSTDESK_URL ?? 'http://127.0.0.1:8080'}/api/support`;
const token = process.env.POSTDESK_TOKEN;
const topics = process.argv[2];

/** Yields { id, event, data } for ever; comes back by itself when the stream breaks. */
export async function* listen({ api, token, topics }) {
  let last;
  let retry = 3000;
  for (;;) {
    try {
      const headers = { Authorization: `Bearer ${token}`, Accept: 'text/event-stream' };
      if (last) headers['Last-Event-ID'] = last;
      const answer = await fetch(`${api}/events${topics ? `?topics=${topics}` : ''}`, { headers });
      if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
        throw Object.assign(new Error(await answer.text()), { final: true });
      }
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      for await (const block of blocks(answer.body)) {
        if (block.retry) retry = Number(block.retry);
        if (block.id) last = block.id;
        if (block.event) yield { id: block.id, event: block.event, data: JSON.parse(block.data) };
      }
    } catch (error) {
      if (error.final) throw error;
    }
    await new Promise((wait) => setTimeout(wait, retry));
  }
}

/** The fields of each block; blocks end with an empty line. */
async function* blocks(body) {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
      const lines = text.slice(0, end).split('\n').filter((line) => line && !line.startsWith(':'));
      yield Object.fromEntries(lines.map((line) => line.split(/: ?(.*)/s).slice(0, 2)));
    }
  }
}

for await (const { event, data } of listen({ api, token, topics })) {
  if (event === 'reset') console.error('some events are gone: read again what you show');
  else console.log(data.timestamp, event, data.data.ticket?.number ?? '', JSON.stringify(data.data.changes ?? {}));
}
