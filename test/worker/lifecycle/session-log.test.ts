import { expect, it } from 'vitest'
import { CarefulConsumers } from '../../../src/broker/channels/careful-consumers.ts'
import { DeclaringChannels } from '../../../src/broker/channels/declaring-channels.ts'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { createSession } from '../../../src/broker/session.ts'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { AbsenceLog } from '../../../src/worker/lifecycle/absence-log.ts'
import { logSession } from '../../../src/worker/lifecycle/session-log.ts'

it('says what to do about a connection that was given up since a queue does not answer', async () => {
  const clock = new ManualClock()
  const session = createSession({ broker: createMemoryBroker(), name: 'test', clock, random: Math.random })
  const declaring = new DeclaringChannels({ broker: createMemoryBroker(), name: 'test', session, clock })
  const lines: Record<string, unknown>[] = []
  const logger = createLogger({
    level: 'info',
    format: 'json',
    destination: { write: (line) => lines.push(JSON.parse(line)) },
  })
  const careful = new CarefulConsumers({
    declaring,
    giveUp(error) {
      const absence = new AbsenceLog({ clock, logger, terminal: false })
      logSession({ logger, absence }, 'consumer', { kind: 'lost', error })
    },
    clock,
  })
  void careful.started('celery', new Promise(() => {}))
  clock.advance(60_000)
  expect(lines).toMatchObject([
    { event: 'broker.lost', error: expect.stringContaining('"celery"'), hint: expect.stringContaining('twq doctor') },
  ])
})
