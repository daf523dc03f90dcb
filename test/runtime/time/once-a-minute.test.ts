import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { OnceAMinute } from '../../../src/runtime/time/once-a-minute.ts'

function aTeller() {
  const clock = new ManualClock(0)
  const told: { readonly at: number; readonly latest: number; readonly times: number }[] = []
  const teller = new OnceAMinute<number>(clock, (latest, times) => told.push({ at: clock.now(), latest, times }))
  return { clock, told, teller }
}

it('tells the first time at once, and the last at the end of its minute', async () => {
  const { clock, told, teller } = aTeller()
  for (const latest of [1, 2, 3]) teller.happened(latest)
  await clock.pass('1h')
  expect(told).toEqual([
    { at: 0, latest: 1, times: 1 },
    { at: 60_000, latest: 3, times: 2 },
  ])
})

it('tells of all that happens, and at most once a minute', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 90_000 }), { maxLength: 30 }), async (pauses) => {
      const { clock, told, teller } = aTeller()
      for (const [index, pause] of pauses.entries()) {
        await clock.pass(pause)
        teller.happened(index)
      }
      await clock.pass('1m')
      expect(told.reduce((sum, { times }) => sum + times, 0)).toBe(pauses.length)
      for (const [index, { at }] of told.entries()) {
        if (index > 0) expect(at - (told[index - 1]?.at as number)).toBeGreaterThanOrEqual(60_000)
      }
    }),
  )
})
