// Worker threads, buffers, streams and a child; then it ends by an exception.
const { Worker, isMainThread, parentPort } = require('worker_threads');
const crypto = require('crypto');
const zlib = require('zlib');
const { execFileSync } = require('child_process');

if (!isMainThread) {
  const buffer = Buffer.alloc(1 << 20, 'worker');
  parentPort.postMessage(crypto.createHash('sha256').update(buffer).digest('hex'));
} else {
  let answers = [];
  for (let i = 0; i < 4; i++) {
    new Worker(__filename).on('message', (text) => {
      answers.push(text);
      // Thrown from here, its trace would say how this message came: as an event, or left over by a
      // worker that has ended.
      if (answers.length === 4) setImmediate(finish, answers);
    });
  }
}

function finish(answers) {
  console.log(new Set(answers).size, answers[0]);
  const packed = zlib.gzipSync(Buffer.alloc(5 << 20, 'packed'));
  console.log(packed.length, zlib.gunzipSync(packed).length);
  console.log(execFileSync('/bin/echo', ['from a child']).toString().trim());
  const held = [];
  for (let j = 0; j < 2000; j++) held.push(Buffer.allocUnsafeSlow(j * 10));
  console.log(held.length, Buffer.concat(held).length);
  process.exitCode = 9;
  throw new Error('as it should');
}
