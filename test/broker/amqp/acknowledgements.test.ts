import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Acknowledgements } from '../../../src/broker/amqp/acknowledgements.ts'

type Write = { tag: number; multiple: boolean }

function received(count: number): Acknowledgements {
  const acknowledgements = new Acknowledgements()
  for (let tag = 1; tag <= count; tag++) acknowledgements.delivered(tag)
  return acknowledgements
}

function flushed(acknowledgements: Acknowledgements): Write[] {
  const writes: Write[] = []
  acknowledgements.flush((tag, multiple) => writes.push({ tag, multiple }))
  return writes
}

describe('Acknowledgements', () => {
  it('writes one frame for a settled beginning', () => {
    const acknowledgements = received(5)
    for (const tag of [3, 1, 2]) acknowledgements.ack(tag)
    expect(flushed(acknowledgements)).toEqual([{ tag: 3, multiple: true }])
    expect(acknowledgements.unsettled).toBe(2)
  })

  it('writes islands singly, and the beginning over them once the gap closes', () => {
    const acknowledgements = received(5)
    for (const tag of [3, 5]) acknowledgements.ack(tag)
    expect(flushed(acknowledgements)).toEqual([
      { tag: 3, multiple: false },
      { tag: 5, multiple: false },
    ])
    for (const tag of [1, 2]) acknowledgements.ack(tag)
    expect(flushed(acknowledgements)).toEqual([{ tag: 2, multiple: true }])
  })

  it('passes over a nack, whose tag never ends a multiple ack', () => {
    const acknowledgements = received(4)
    acknowledgements.ack(1)
    acknowledgements.ack(2)
    acknowledgements.nack(3)
    expect(flushed(acknowledgements)).toEqual([{ tag: 2, multiple: true }])
    acknowledgements.nack(4)
    expect(flushed(acknowledgements)).toEqual([])
  })

  it('settles each tag once', () => {
    const acknowledgements = received(2)
    expect([acknowledgements.ack(1), acknowledgements.ack(1), acknowledgements.nack(1)]).toEqual([true, false, false])
    expect([acknowledgements.nack(2), acknowledgements.ack(2)]).toEqual([true, false])
    expect(acknowledgements.ack(7)).toBe(false)
  })

  it('makes the broker settle exactly what was settled, whatever the order', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.constant('deliver' as const) },
      { weight: 3, arbitrary: fc.record({ ack: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ nack: fc.nat() }) },
      { weight: 1, arbitrary: fc.constant('flush' as const) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const acknowledgements = new Acknowledgements()
        const broker = new ModelBroker()
        const outstanding: number[] = []
        const acked: number[] = []
        const flush = (): void => acknowledgements.flush((tag, multiple) => broker.ack(tag, multiple))
        for (const step of steps) {
          if (step === 'deliver') {
            const tag = broker.deliver()
            acknowledgements.delivered(tag)
            outstanding.push(tag)
          } else if (step === 'flush') {
            flush()
          } else if (outstanding.length > 0) {
            const choice = 'ack' in step ? step.ack : step.nack
            const [tag] = outstanding.splice(choice % outstanding.length, 1) as [number]
            if ('ack' in step) {
              acknowledgements.ack(tag)
              acked.push(tag)
            } else {
              acknowledgements.nack(tag)
              broker.nack(tag)
            }
          }
        }
        flush()
        expect([...broker.unacked]).toEqual(outstanding.sort((a, b) => a - b))
        expect(broker.acked.sort((a, b) => a - b)).toEqual(acked.sort((a, b) => a - b))
      }),
    )
  })
})

/** RabbitMQ's rules: a tag that is not outstanding closes the channel, also as the end of a multiple ack. */
class ModelBroker {
  readonly unacked = new Set<number>()
  readonly acked: number[] = []
  #last = 0

  deliver(): number {
    this.#last += 1
    this.unacked.add(this.#last)
    return this.#last
  }

  ack(tag: number, multiple: boolean): void {
    if (!this.unacked.has(tag)) throw new Error(`unknown delivery tag ${tag}`)
    for (const each of multiple ? [...this.unacked].filter((other) => other <= tag) : [tag]) {
      this.unacked.delete(each)
      this.acked.push(each)
    }
  }

  nack(tag: number): void {
    if (!this.unacked.delete(tag)) throw new Error(`unknown delivery tag ${tag}`)
  }
}
