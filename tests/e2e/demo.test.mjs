// The demo, as JSON: nine steps, and sums that this test adds up again from the figures it prints.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { imoJson, makeHome } from './support.mjs';

const home = makeHome();
after(() => home.remove());

test('the demo runs an offering from model file to paid-out revenue', () => {
  const demo = imoJson(home, ['demo'], { timeout: 120_000 });
  assert.equal(demo.steps.length, 9);
  assert.ok(demo.seconds < 60, `took ${demo.seconds} s`);
  for (const step of demo.steps) assert.ok(step.seconds > 0, step.title);

  const entries = Object.entries(demo.totals);
  assert.ok(entries.length >= 40, `${entries.length} sums`);
  for (const [name, total] of entries) {
    if (typeof total === 'boolean') assert.ok(total, name);
    else assert.equal(total.actual, total.expected, name);
  }

  const money = (step, field) => BigInt(demo.steps[step].data[field]);
  const revenue = money(4, 'revenue') + money(6, 'revenue');
  assert.equal(money(7, 'eth_revenue'), revenue, 'fee and royalty are all the revenue there is');
  assert.ok(money(7, 'eth_claimed') + money(7, 'eth_redeemed') <= revenue);
  assert.equal(money(8, 'refunded'), money(8, 'bids'), 'a failed sale gives everything back');
  assert.equal(demo.steps[5].data.text, demo.steps[4].data.text, 'both doors give one answer');
});
