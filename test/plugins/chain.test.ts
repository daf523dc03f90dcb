import { describe, expect, it } from 'vitest'
import { type Hook, runChain } from '../../src/plugins/chain.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'

function aHook(plugin: string, run: Hook<unknown>['run']): Hook<unknown> {
  return { plugin, run }
}

/** A hook that notes when it begins and ends. */
function noting(plugin: string, notes: string[]): Hook<unknown> {
  return aHook(plugin, async (next) => {
    notes.push(`${plugin} begins`)
    const result = await next()
    notes.push(`${plugin} ends`)
    return result
  })
}

describe('hooks around code', () => {
  it('run the first one outermost', async () => {
    const notes: string[] = []
    const code = () => {
      notes.push('code')
      return 7
    }
    expect(await runChain([noting('a', notes), noting('b', notes)], code)).toBe(7)
    expect(notes).toEqual(['a begins', 'b begins', 'code', 'b ends', 'a ends'])
  })

  it('may change what it returns, and what it throws', async () => {
    const plusOne = aHook('plus', async (next) => ((await next()) as number) + 1)
    const kinder = aHook('kinder', (next) => next().catch(() => 'never mind'))
    expect(await runChain([plusOne, plusOne], () => 1)).toBe(3)
    expect(await runChain([kinder], () => Promise.reject(new Error('no')))).toBe('never mind')
  })

  it('may leave it out', async () => {
    let ran = false
    const code = () => {
      ran = true
    }
    expect(await runChain([aHook('cache', () => 'kept')], code)).toBe('kept')
    expect(ran).toBe(false)
  })

  it.each([
    [
      'throws at once',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws after the code',
      async (next: () => Promise<unknown>) => {
        await next()
        throw new Error('broken')
      },
    ],
  ])('fail it where one %s', async (_, run) => {
    await expect(runChain([aHook('a', run)], () => 1)).rejects.toThrow('broken')
  })

  it('must not call next twice', async () => {
    let runs = 0
    const twice = aHook('eager', async (next) => {
      await next()
      return await next()
    })
    const failure = runChain([twice], () => {
      runs += 1
    })
    await expect(failure).rejects.toMatchObject({ code: 'TWQ_PLUGIN', message: "plugin 'eager' called next() twice" })
    expect(runs).toBe(1)
  })

  it('must not call next after they have ended', async () => {
    let late: (() => Promise<unknown>) | undefined
    const later = aHook('late', (next) => {
      late = next
    })
    await runChain([later], () => 1)
    await expect(late?.()).rejects.toMatchObject({ message: "plugin 'late' called next() after it had ended" })
  })

  it('end only once the code has ended, also where one did not await it', async () => {
    const code = deferred<void>()
    let ended = false
    const careless = aHook('careless', (next) => {
      void next()
    })
    const running = runChain([careless], () => code.promise).finally(() => {
      ended = true
    })
    await Promise.resolve()
    expect(ended).toBe(false)
    code.resolve()
    expect(await running).toBeUndefined()
  })

  it('survive a rejection that none of them looks at', async () => {
    const careless = aHook('careless', (next) => {
      void next()
    })
    expect(await runChain([careless], () => Promise.reject(new Error('unheard')))).toBeUndefined()
  })

  it('are told apart: what came out of next is not of the plugin that passes it on', async () => {
    const told: [string, object][] = []
    const breaking = aHook('breaking', () => Promise.reject(new Error('broken')))
    const passing = aHook('passing', (next) => next())
    await runChain([passing, breaking], () => 1, { ended: (plugin, how) => told.push([plugin, how]) }).catch(() => {})
    expect(told).toEqual([['breaking', { thrown: new Error('broken') }]])
  })
})
