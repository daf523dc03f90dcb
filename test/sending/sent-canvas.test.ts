import { expect, it } from 'vitest'
import { createMemoryBroker } from '../../src/broker/memory/broker.ts'
import { chain } from '../../src/canvas/chain.ts'
import { signature } from '../../src/canvas/signature.ts'
import { createClientOf } from '../../src/client/create-client.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import type { SentGroup } from '../../src/sending/sent-canvas.ts'
import type { SentTask } from '../../src/sending/task-handle.ts'

const before = ({ parent }: SentTask | SentGroup) => parent as SentTask | SentGroup | undefined

it('leads from the end of a chain back to its first step, also where there are more than calls can be nested', async () => {
  await using client = createClientOf(createMemoryBroker(), systemClock)
  const steps = Array.from({ length: 20_000 }, (_, index) => signature('step', [index]))
  const last = (await client.send(chain(steps))) as unknown as SentTask
  const ids = new Set<string>()
  for (let handle: SentTask | SentGroup | undefined = last; handle !== undefined; handle = before(handle))
    ids.add(handle.id)
  expect(ids.size).toBe(20_000)
})
