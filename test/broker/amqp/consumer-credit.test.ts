import { expect, it } from 'vitest'
import { ConsumerCredit } from '../../../src/broker/amqp/consumer-credit.ts'

it('has room for what its limit allows beyond what is not settled', () => {
  const credit = new ConsumerCredit(2)
  expect(credit.room).toBe(2)
  credit.delivered()
  credit.delivered()
  expect(credit.room).toBe(0)
  credit.settled()
  expect(credit.room).toBe(1)
  expect(new ConsumerCredit(0).room).toBe(Number.POSITIVE_INFINITY)
})

it('is exhausted only while answers are held back: else one may be on its way, and the next delivery behind it', async () => {
  const credit = new ConsumerCredit(1)
  credit.delivered()
  expect(credit.exhausted).toBe(false)
  await credit.withhold()
  expect(credit.exhausted).toBe(true)
  credit.release()
  expect(credit.exhausted).toBe(false)
})

it('keeps one answer for each delivery, and hands them in in their order', async () => {
  const credit = new ConsumerCredit(3)
  for (let n = 0; n < 2; n += 1) credit.delivered()
  expect(credit.keepBack(1, 'ack')).toBeUndefined()
  const exhausted = credit.withhold()
  expect([credit.keepBack(2, 'requeue'), credit.keepBack(1, 'ack'), credit.keepBack(2, 'ack')]).toEqual([
    true,
    true,
    false,
  ])
  credit.delivered()
  await exhausted
  expect([...credit.release()]).toEqual([
    [2, 'requeue'],
    [1, 'ack'],
  ])
})

it('tells who waits that it was released before', async () => {
  const credit = new ConsumerCredit(1)
  const waiting = credit.withhold()
  credit.release()
  await waiting
  expect(credit.exhausted).toBe(false)
})
