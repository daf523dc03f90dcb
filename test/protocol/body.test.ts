import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeBody, EMPTY_EMBED } from '../../src/protocol/body.ts'
import { parseJson } from '../../src/protocol/json.ts'

const TAIL = ', {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'

function decode(text: string): unknown {
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
  return decodeBody({ properties, headers: {}, body: Buffer.from(text) }, { maxBodySize: 100_000 })
}

function whole(text: string): unknown {
  try {
    return parseJson(text)
  } catch {
    return 'not JSON'
  }
}

it('reads a call without follow-ups as any other body, by whatever its end is preceded', () => {
  const pieces = fc.oneof(
    fc.json({ maxDepth: 2 }),
    fc.constantFrom('"', '\\', '[', ']', ', ', '{', '}', 'NaN', '12345678901234567890', 'é', TAIL),
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 5 }), (parts) => {
      for (const text of [`[${parts.join(', ')}${TAIL}`, `[${parts.join('')}${TAIL}`]) {
        const expected = whole(text)
        if (expected === 'not JSON') expect(() => decode(text)).toThrow("the body can't be decoded")
        else expect(decode(text)).toEqual(expected)
      }
    }),
    { numRuns: 1_000 },
  )
})

it('does not mistake a text that only ends alike', () => {
  const inside = `[[], "${TAIL.replaceAll('"', '\\"')}"]`
  expect(decode(inside)).toEqual([[], TAIL])
  expect(() => decode(`[[], "${TAIL}`)).toThrow("the body can't be decoded")
})

it('shares one embed, which nothing can change', () => {
  const [args, kwargs, embed] = decode(`[[1, 2], {}${TAIL}`) as unknown[]
  expect([args, kwargs]).toEqual([[1, 2], {}])
  expect(embed).toBe(EMPTY_EMBED)
  expect(Object.isFrozen(embed)).toBe(true)
})
