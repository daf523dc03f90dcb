import { expect, it } from 'vitest'
import { Assembly } from '../../src/devbroker/assembly.ts'
import { FRAME, type Frame } from '../../src/devbroker/frames.ts'
import { encodeContentHeader } from '../../src/devbroker/values.ts'

const PUBLISH = { reserved1: 0, exchange: '', routingKey: 'q', mandatory: false, immediate: false }

function anAssembly(bodySize: number): { readonly assembly: Assembly; readonly bodyOf: (text: string) => Frame } {
  const assembly = new Assembly(PUBLISH)
  const payload = encodeContentHeader({ bodySize, properties: {}, headers: undefined })
  assembly.add({ type: FRAME.header, channel: 1, payload })
  return { assembly, bodyOf: (text) => ({ type: FRAME.body, channel: 1, payload: Buffer.from(text) }) }
}

it('joins a body of frames of any size', () => {
  const { assembly, bodyOf } = anAssembly(11)
  for (const part of ['h', 'ell', '', 'o wor']) expect(assembly.add(bodyOf(part))).toBeUndefined()
  expect(assembly.held).toBe(9)
  expect(Buffer.from(assembly.add(bodyOf('ld'))?.body ?? []).toString()).toBe('hello world')
})

it('holds nothing of body frames without a byte', () => {
  const { assembly, bodyOf } = anAssembly(1)
  const empty = bodyOf('')
  const before = process.memoryUsage().heapUsed
  for (let count = 0; count < 1_000_000; count += 1) assembly.add(empty)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(30 * 2 ** 20)
})
