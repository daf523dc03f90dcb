import { describe, expect, it } from 'vitest'
import { SendWindow } from '../../src/sending/send-window.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** A window, and the names of those that were let in, in order. */
function aWindow() {
  const window = new SendWindow({ messages: 3, bytes: 100 })
  const entered: string[] = []
  const enter = (name: string, size: number) => {
    const wait = window.enter(size)
    if (wait === undefined) entered.push(name)
    else void wait.admitted.then(() => entered.push(name))
    return wait
  }
  return { window, entered, enter }
}

describe('a window of sends', () => {
  it('costs no promise while there is room', () => {
    const { window } = aWindow()
    expect([window.enter(10), window.enter(10), window.enter(80)]).toEqual([undefined, undefined, undefined])
  })

  it('holds back what is more than it takes at once, and lets it in in turn', async () => {
    const { window, entered, enter } = aWindow()
    for (const name of ['a', 'b', 'c', 'd', 'e']) enter(name, 1)
    await turn()
    expect(entered).toEqual(['a', 'b', 'c'])
    window.leave(1)
    window.leave(1)
    await turn()
    expect(entered).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  it('sends alone what is larger than the bound, and lets nothing overtake it', async () => {
    const { window, entered, enter } = aWindow()
    enter('small', 1)
    enter('large', 500)
    enter('later', 1)
    await turn()
    expect(entered).toEqual(['small'])
    window.leave(1)
    await turn()
    expect(entered).toEqual(['small', 'large'])
    window.leave(500)
    await turn()
    expect(entered).toEqual(['small', 'large', 'later'])
  })

  it('goes on without one that gave up, admitted or not', async () => {
    const { window, entered, enter } = aWindow()
    enter('first', 100)
    const impatient = enter('impatient', 90)
    const late = enter('late', 100)
    enter('last', 100)
    impatient?.cancel()
    window.leave(100)
    // Admitted in the moment in which its time was up.
    late?.cancel()
    await turn()
    expect(entered).toEqual(['first', 'late', 'last'])
  })

  it('lets half a million in, or half a million give up, each at the same cost', () => {
    const { window } = aWindow()
    const waits = Array.from({ length: 500_000 }, () => window.enter(1))
    for (const wait of waits.slice(3, 250_000)) wait?.cancel()
    for (let left = 0; left < 3 + 250_000; left += 1) window.leave(1)
    expect(window.enter(100)).toBeUndefined()
  })
})
