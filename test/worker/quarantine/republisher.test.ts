import { expect, it } from 'vitest'
import { readMarks } from '../../../src/protocol/headers/suspect.ts'
import type { Outgoing } from '../../../src/protocol/wire.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { Republisher } from '../../../src/worker/quarantine/republisher.ts'
import { aRequest } from '../../support/a-request.ts'

/** A republisher whose copies the broker takes, unless it is `blocked`, and the copies. */
function aRepublisher({ blocked = false } = {}): { readonly republisher: Republisher; readonly copies: Outgoing[] } {
  const copies: Outgoing[] = []
  const publisher = {
    outstanding: 0,
    bytes: 0,
    async publish(outgoing: Outgoing) {
      copies.push(outgoing)
      return 'confirmed' as const
    },
    post() {},
  }
  const republisher = new Republisher({
    publisher,
    blocked: () => blocked,
    clock: systemClock,
    node: 'twq@test',
    acknowledged: async () => {},
  })
  return { republisher, copies }
}

it.each([
  ['a lost connection, which is no death of a worker', 1, 0],
  ['the death of a worker', 0, 1],
])('gives back a request that came again after %s, with as many starts', async (_why, lostWithConnection, starts) => {
  const { republisher, copies } = aRepublisher()
  const request = aRequest({}, { redelivered: true })
  request.lostWithConnection = lostWithConnection
  await republisher.giveBack([request])
  expect(copies.map(({ message }) => readMarks(message.headers).starts)).toEqual([starts])
})

it('returns a suspect that has not run with as many starts as it came with after a lost connection', async () => {
  const { republisher, copies } = aRepublisher()
  const request = aRequest({}, { redelivered: true, headers: { 'x-twq-starts': 2, 'x-twq-grace-used': true } })
  request.lostWithConnection = 1
  await republisher.postpone('id', request)
  expect(copies.map(({ message }) => readMarks(message.headers).starts)).toEqual([2])
})

it('gives back without a copy while the broker takes none, but for what has ended', async () => {
  const { republisher, copies } = aRepublisher({ blocked: true })
  const [waiting, ended] = [aRequest(), Object.assign(aRequest(), { ended: 'failed' })]
  await republisher.giveBack([waiting, ended])
  expect(copies).toHaveLength(1)
})
