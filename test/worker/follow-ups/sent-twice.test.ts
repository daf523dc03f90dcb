import { describe, expect, it } from 'vitest'
import { createMemoryBroker, type MemoryBroker } from '../../../src/broker/memory/broker.ts'
import { chain } from '../../../src/canvas/chain.ts'
import { group } from '../../../src/canvas/group.ts'
import { signature } from '../../../src/canvas/signature.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import type { TaskContext } from '../../../src/tasks/context.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import type { Canvas } from '../../../src/tasks/sending.ts'
import { startTestWorker } from '../../../src/testing/test-worker.ts'

describe('what follows an attempt is told that another may have run in its place', () => {
  /** What the last task of a workflow is told; `during` the first one, something happens. */
  async function toldOf(workflow: (first: Canvas, last: Canvas) => Canvas, during: (broker: MemoryBroker) => void) {
    const broker = createMemoryBroker()
    const [started, go, told] = [deferred<void>(), deferred<void>(), deferred<boolean>()]
    const first = defineTask({
      name: 'first',
      async run() {
        started.resolve()
        await go.promise
      },
    })
    const last = defineTask({
      name: 'last',
      positional: ['...results'],
      run: (_args: object, { redelivered }: TaskContext) => told.resolve(redelivered),
    })
    await using scene = await startTestWorker({ tasks: [first, last], broker })
    await scene.client.send(workflow(signature(first), signature(last)))
    await started.promise
    during(broker)
    go.resolve()
    await scene.clock.pass('1h')
    return await told.promise
  }
  const cut = (broker: MemoryBroker): void => broker.cutConnections()
  const nothing = (): void => {}

  const WORKFLOWS: readonly (readonly [string, (first: Canvas, last: Canvas) => Canvas])[] = [
    ['the next step of a chain', (first, last) => chain(first, last)],
    ['a member of the group that is the next step', (first, last) => chain(first, group([last]))],
  ]

  it.each(WORKFLOWS)('if the message of the one before will be redelivered: %s', async (_what, workflow) => {
    expect(await toldOf(workflow, cut)).toBe(true)
  })

  it.each(WORKFLOWS)('and not without a reason: %s', async (_what, workflow) => {
    expect(await toldOf(workflow, nothing)).toBe(false)
  })
})
