import { describe, expect, it } from 'vitest'
import { argsRepr, displayOf, exceptionRepr, kwargsRepr } from '../../src/protocol/python-repr.ts'
import type { Json, JsonObject } from '../../src/runtime/json.ts'
import { goldenJson } from './golden.ts'

const oracle = goldenJson('python-repr.json') as {
  args: { args: Json[]; repr: string }[]
  kwargs: { kwargs: JsonObject; repr: string }[]
  exceptions: { args: Json[]; repr: string }[]
}

describe('displays of arguments', () => {
  it.each(oracle.args)('agree with Celery: $repr', ({ args, repr }) => {
    expect(argsRepr(args)).toBe(repr)
  })

  it.each(oracle.kwargs)('agree with Celery: $repr', ({ kwargs, repr }) => {
    expect(kwargsRepr(kwargs)).toBe(repr)
  })

  it('shows dates and bytes as Python does', () => {
    const args = [
      new Date('2024-01-02T03:04:05.678Z'),
      new Date('2024-01-02T03:04:00Z'),
      Buffer.from('abc'),
      new Uint8Array([255, 0]),
    ]
    expect(argsRepr(args)).toBe(
      '(datetime.datetime(2024, 1, 2, 3, 4, 5, 678000, tzinfo=datetime.timezone.utc), ' +
        "datetime.datetime(2024, 1, 2, 3, 4, tzinfo=datetime.timezone.utc), b'abc', b'ff00')",
    )
  })

  it('are never cut between the halves of a surrogate pair, which Python could not print', () => {
    for (let before = 0; before < 4; before += 1) {
      const text = 'x'.repeat(before) + '😀'.repeat(2_000)
      for (const display of [argsRepr([text]), kwargsRepr({ [text]: text }), displayOf([text, text], 50 + before)]) {
        expect(display).not.toMatch(/\p{Surrogate}/u)
      }
    }
  })

  it('costs no more for a large value than for what is shown of it', () => {
    const wide = Array.from({ length: 1_000_000 }, (_, index) => index)
    expect(argsRepr(wide).length).toBeLessThan(1100)
    expect(displayOf({ deep: [[[[1]]]], text: 'x'.repeat(1000) }, 50).length).toBeLessThan(80)
  })
})

describe('exceptionRepr', () => {
  it.each(oracle.exceptions)('agrees with Python: $repr', ({ args, repr }) => {
    expect(exceptionRepr({ type: 'ValueError', args })).toBe(repr)
  })

  it('shows bytes', () => {
    expect(exceptionRepr({ type: 'E', args: [Buffer.from("a'\\\n\xff", 'latin1')] })).toBe("E(b'a\\'\\\\\\x0a\\xff')")
  })
})
