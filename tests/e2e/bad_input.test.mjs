// Wrong input: one clear line on standard error, the right exit code, nothing on standard output,
// nothing written.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { imo, makeHome } from './support.mjs';

const home = makeHome();
after(() => home.remove());

const scratch = join(home.path, 'scratch');
mkdirSync(scratch);
const file = (name, content) => {
  const path = join(scratch, name);
  writeFileSync(path, content);
  return path;
};

const cases = [
  ['no command', [], 2, /subcommand is required/i],
  ['an unknown command', ['frobnicate'], 2, /frobnicate/],
  ['an unknown flag', ['doctor', '--frobnicate'], 2, /frobnicate/],
  ['an amount without a unit', ['bid', '--price', '1', '--amount', '1 ETH'], 2, /--price/],
  ['a share that is none', ['offering', 'create', '--upfront', 'much'], 2, /--upfront/],
  ['a model that is not there', ['model', 'compile', 'nowhere.gguf'], 1, /nowhere\.gguf/],
  ['a model that is no GGUF', ['model', 'compile', file('text.gguf', 'not a model at all, sorry')], 1, /GGUF/],
  ['a GGUF cut short', ['model', 'compile', file('cut.gguf', Buffer.from('GGUF\x03\0\0\0'))], 1, /cut\.gguf/],
  ['a program that is none', ['model', 'show', file('bad.imo', 'IMO?')], 1, /bad\.imo/],
  ['no chain', ['--rpc-url', 'http://127.0.0.1:1', 'offering', 'status'], 1, /127\.0\.0\.1:1/],
  ['an account name with a path in it', ['account', 'new', '../evil', '--password-file', file('pw', 'secret\n')], 1, /account name/],
  ['a key that is none', ['account', 'import', 'x', '--key-file', file('key', '0x12'), '--password-file', file('pw2', 'secret\n')], 1, /key/],
  ['a node without a model', ['node', 'run', '--config', file('node.toml', 'rpc_url = 5\n')], 1, /node\.toml|rpc_url/],
  ['a shell nobody has', ['completions', 'tcsh'], 1, /tcsh/],
];

for (const [name, args, code, message] of cases) {
  test(name, () => {
    const before = readdirSync(scratch).length;
    const done = imo(home, args);
    assert.equal(done.code, code, done.err);
    assert.match(done.err, message);
    assert.equal(done.out, '');
    assert.equal(readdirSync(scratch).length, before, 'nothing half-written');
    if (code === 1) assert.equal(done.err.trim().split('\n').length, 1, `one line: ${done.err}`);
  });
}

test('an account is made once, listed, and never overwritten', () => {
  const password = file('password', 'a long enough one\n');
  const made = imo(home, ['--json', 'account', 'new', 'author', '--password-file', password]);
  assert.equal(made.code, 0, made.err);
  const { address } = JSON.parse(made.out);
  const again = imo(home, ['account', 'new', 'author', '--password-file', password]);
  assert.equal(again.code, 1);
  assert.match(again.err, /exists already/);
  const listed = JSON.parse(imo(home, ['--json', 'account', 'list']).out);
  assert.deepEqual(listed, [{ name: 'author', address }]);
});

test('doctor says what is missing and how to mend it', () => {
  const done = imo(home, ['--rpc-url', 'http://127.0.0.1:1', 'doctor']);
  assert.equal(done.code, 0, 'nothing is broken, only absent');
  assert.match(done.out, /imo dev/);
});

test('completions know every command', () => {
  const { out } = imo(home, ['completions', 'bash']);
  for (const word of ['offering', 'bid', 'settle', 'revenue', 'content', '--rpc-url']) {
    assert.ok(out.includes(word), word);
  }
});
