import { describe, expect, it } from 'vitest'
import { FullFailures } from '../../../src/worker/settle/full-failures.ts'
import { aSilentLogger } from '../../support/attempts.ts'
import { ManualClock } from '../../support/manual-clock.ts'

/** A queue of failures for 1,000 messages and 10,000 bytes, which holds what it is given but for what `leave` takes. */
async function told(sizes: readonly number[], leave: (messages: number) => number): Promise<object[]> {
  const lines: object[] = []
  let messages = 0
  const full = new FullFailures({
    failures: { keep: 1_000, bytes: 10_000, for: 60_000, drop: [] },
    count: async () => messages,
    limits: async () => ({ keep: 1_000, bytes: 10_000 }),
    clock: new ManualClock(),
    logger: { ...aSilentLogger(), warn: (fields: object) => void lines.push(fields) },
  })
  for (const size of sizes) {
    messages = leave(messages + 1)
    full.kept('mail', size)
    // The answer of the broker.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return lines
}

const THOUSANDS = Array.from({ length: 40 }, () => 1_000)

describe('a queue of failures', () => {
  it('that drops its oldest for their bytes is told of once', async () => {
    const lines = await told(THOUSANDS, (messages) => Math.min(messages, 10))
    expect(lines).toEqual([{ event: 'failures.full', queue: 'mail.failed', messages: 10, bytes: 10_000 }])
  })

  it.each<[string, number[], (messages: number) => number]>([
    ['that has room', THOUSANDS.slice(0, 10), (messages) => messages],
    ['whose messages are taken out', THOUSANDS, (messages) => (messages > 5 ? 0 : messages)],
    ['that grows beyond what was estimated', THOUSANDS, (messages) => messages],
  ])('%s is not told of', async (_title, sizes, leave) => {
    expect(await told(sizes, leave)).toEqual([])
  })
})
