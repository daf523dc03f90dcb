import { describe, expect, it } from 'vitest'
import { PluginList, type PluginListParts } from '../../src/plugins/plugin-list.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { Plugin } from '../../src/tasks/plugin.ts'
import { aSilentLogger } from '../support/attempts.ts'

function aList(plugins: readonly Plugin[], over: Partial<PluginListParts> = {}): PluginList {
  return new PluginList({
    plugins,
    tasks: [],
    host: { role: 'worker', node: 'twq@test', pool: 'async' },
    startTimeout: 5_000,
    publishTimeout: 5_000,
    stopTimeout: 5_000,
    logger: aSilentLogger(),
    clock: systemClock,
    ...over,
  })
}

describe('a list of plugins', () => {
  it('starts in order, and stops in reverse', async () => {
    const notes: string[] = []
    const noting = (name: string): Plugin => ({
      name,
      start: async () => {
        notes.push(`+${name}`)
        return () => void notes.push(`-${name}`)
      },
    })
    const list = aList([noting('a'), noting('b')])
    await list.start()
    await list.stop()
    expect(notes).toEqual(['+a', '+b', '-b', '-a'])
  })

  it('tells each where it runs', async () => {
    let told: object | undefined
    const telling: Plugin = {
      name: 'a',
      start(host) {
        told = host
      },
    }
    await aList([telling]).start()
    expect(told).toMatchObject({ role: 'worker', node: 'twq@test', pool: 'async' })
  })

  it('says which one can not be started, and stops those before it', async () => {
    const notes: string[] = []
    const first: Plugin = { name: 'first', start: () => () => void notes.push('stopped') }
    const second: Plugin = {
      name: 'second',
      start: () => {
        throw new Error('no collector')
      },
    }
    const failure = aList([first, second]).start()
    await expect(failure).rejects.toMatchObject({
      code: 'TWQ_PLUGIN',
      message: "plugin 'second' can't be started: no collector",
    })
    expect(notes).toEqual(['stopped'])
  })

  it('gives up one that hangs', async () => {
    const hanging: Plugin = { name: 'hanging', start: () => new Promise(() => {}) }
    await expect(aList([hanging], { startTimeout: 20 }).start()).rejects.toMatchObject({
      code: 'TWQ_PLUGIN',
      message: "plugin 'hanging' can't be started: it has not started within startTimeout, 20 ms",
    })
  })

  it('stops a plugin whose start ends only after that of the list was stopped, and starts no other', async () => {
    const notes: string[] = []
    const [begun, connected] = [deferred<void>(), deferred<void>()]
    const slow: Plugin = {
      name: 'slow',
      async start() {
        begun.resolve()
        await connected.promise
        return () => void notes.push('slow stopped')
      },
    }
    const other: Plugin = { name: 'other', start: () => void notes.push('other started') }
    const list = aList([slow, other])
    const start = list.start()
    start.catch(() => {})
    await begun.promise
    const stop = list.stop()
    await expect(start).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
    connected.resolve()
    await stop
    expect(notes).toEqual(['slow stopped'])
  })

  it('stops a plugin that starts later than startTimeout allows', async () => {
    const [connected, stopped] = [deferred<void>(), deferred<void>()]
    const slow: Plugin = { name: 'slow', start: () => connected.promise.then(() => () => stopped.resolve()) }
    await expect(aList([slow], { startTimeout: 20 }).start()).rejects.toMatchObject({ code: 'TWQ_PLUGIN' })
    connected.resolve()
    await stopped.promise
  })

  it('stops the others where one throws or hangs', async () => {
    const notes: string[] = []
    const good: Plugin = { name: 'good', start: () => () => void notes.push('good') }
    const bad: Plugin = { name: 'bad', start: () => () => Promise.reject(new Error('no')) }
    const list = aList([good, bad])
    await list.start()
    await list.stop()
    expect(notes).toEqual(['good'])
    const hanging: Plugin = { name: 'hanging', start: () => () => new Promise(() => {}) }
    const slow = aList([hanging], { stopTimeout: 20 })
    await slow.start()
    await slow.stop()
  })

  it('takes no notice of what a start returns that is no function', async () => {
    const list = aList([{ name: 'odd', start: () => 42 as never }])
    await list.start()
    await list.stop()
  })

  it('surrounds nothing where no plugin does', () => {
    expect(aList([{ name: 'quiet', on: {} }]).aroundOf).toBeUndefined()
  })

  it('names those around a task, the outermost first', () => {
    const around = (name: string): Plugin => ({ name, aroundAttempt: (_, next) => next() })
    const [shared, own] = [around('shared'), around('own')]
    const task = defineTask({ name: 'task', plugins: [own, shared], run: () => 1 })
    const other = defineTask({ name: 'other', run: () => 1 })
    const list = aList([shared, { name: 'watching', on: {} }], { tasks: [task, other] })
    expect(list.namesAround(task)).toEqual(['shared', 'own'])
    expect(list.namesAround(other)).toEqual(['shared'])
  })
})
