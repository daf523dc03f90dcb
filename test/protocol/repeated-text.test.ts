import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isText, RepeatedText } from '../../src/protocol/repeated-text.ts'

/** Reads a text from the middle of other bytes. */
function read(text: RepeatedText, value: string): string {
  const bytes = Buffer.from(`<${value}>`)
  return text.read(bytes, 1, bytes.length - 1)
}

/** Whether the same string was taken again and none made: nothing is remembered of what is read between. */
function remembers(text: RepeatedText, value: string): boolean {
  const bytes = Buffer.from(value)
  let made = 0
  bytes.toString = (...args) => {
    made += 1
    return Buffer.prototype.toString.apply(Buffer.from(bytes), args)
  }
  text.read(bytes, 0, bytes.length)
  return made === 0
}

describe('a text that is mostly the same', () => {
  it('is the one that stands there, whatever came before', () => {
    const texts = fc.array(fc.oneof(fc.constantFrom('a', 'b', ''), fc.string({ unit: 'binary', maxLength: 200 })), {
      maxLength: 200,
    })
    fc.assert(
      fc.property(texts, (values) => {
        const text = new RepeatedText()
        for (const value of values) expect(read(text, value)).toBe(value)
      }),
    )
  })

  it('is made once while it stays the same', () => {
    const text = new RepeatedText()
    expect(remembers(text, 'celery')).toBe(false)
    expect(remembers(text, 'celery')).toBe(true)
    expect(remembers(text, 'other')).toBe(false)
    expect(remembers(text, 'other')).toBe(true)
  })

  it('is not compared any more once it always differs, and found out when it repeats again', () => {
    const text = new RepeatedText()
    for (let n = 0; n < 16; n += 1) read(text, `id ${n}`)
    read(text, 'same')
    expect(remembers(text, 'same')).toBe(false)
    for (let n = 0; n < 2 * 64; n += 1) read(text, 'same')
    expect(remembers(text, 'same')).toBe(true)
  })

  it('is not remembered where it is long', () => {
    const text = new RepeatedText()
    const long = 'x'.repeat(129)
    read(text, long)
    expect(remembers(text, long)).toBe(false)
  })
})

it('takes bytes for a text only where they are all of it, and ASCII', () => {
  const bytes = Buffer.from('xé-idz')
  expect(isText(bytes, 3, 6, '-id')).toBe(true)
  expect(isText(bytes, 3, 6, '-ix')).toBe(false)
  expect(isText(bytes, 3, 6, '-i')).toBe(false)
  // The two bytes of an é, which are two characters of Latin-1.
  expect(isText(bytes, 1, 3, 'Ã©')).toBe(false)
  expect(isText(bytes, 3, 6, undefined)).toBe(false)
})
