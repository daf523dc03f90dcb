import { describe, expect, it } from 'vitest'
import { argumentsAgain, Resender } from '../../../src/cli/dev/resender.ts'
import type { TaskReport } from '../../../src/cli/worker/parent-link.ts'
import { startDevBroker } from '../../../src/devbroker/server.ts'

describe('the arguments of a task that is sent again', () => {
  const tasks = [{ name: 'add', positional: ['x', 'y?', '...rest'] }]

  it.each([
    ['stay positional', { args: [1, 2], kwargs: {} }, [1, 2]],
    ['stay named', { args: [], kwargs: { x: 1 } }, { x: 1 }],
    ['get the names they lack', { args: [1, 2], kwargs: { z: 3 } }, { x: 1, y: 2, z: 3 }],
    ['can not be had where they have none', { args: [1, 2, 3], kwargs: { z: 4 } }, undefined],
  ])('%s', (_what, given, expected) => {
    expect(argumentsAgain({ task: 'add', ...given }, tasks)).toEqual(expected)
  })
})

describe('sending the last task again', () => {
  const outcome = { kind: 'succeeded', result: 5, runtime: 1 } as const
  const report: TaskReport = { kind: 'task', id: 'a', task: 'add', queue: 'sums', args: [2, 3], kwargs: {}, outcome }

  it('says what it sent, or why there was nothing to send', async () => {
    await using broker = await startDevBroker()
    await using resender = new Resender(broker.url)
    expect(await resender.send()).toBe('no task has run yet')
    resender.last = { ...report, args: [2], kwargs: { y: 3 } }
    expect(await resender.send()).toBe("add(2, y=3) can't be sent again: not every argument has a name")
    resender.tasks = [{ name: 'add', positional: ['x', 'y'] }]
    expect(await resender.send()).toBe('sent add(2, y=3)')
    resender.last = report
    expect(await resender.send()).toBe('sent add(2, 3)')
  })
})
