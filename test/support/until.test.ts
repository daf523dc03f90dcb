import { describe, expect, it } from 'vitest'
import { Journal, pollUntil } from './until.ts'

describe('a journal', () => {
  it('finds what has happened and awaits what has not', async () => {
    const journal = new Journal<string>()
    journal.push('one')
    expect(await journal.until((entry) => entry === 'one')).toBe('one')
    const two = journal.until((entry) => entry === 'two')
    journal.push('two')
    expect(await two).toBe('two')
  })

  it('counts what matches, past and future', async () => {
    const journal = new Journal<number>()
    journal.push(1)
    journal.push(2)
    const odd = journal.untilCount(2, (entry) => entry % 2 === 1)
    journal.push(3)
    expect(await odd).toEqual([1, 3])
  })

  it('looks only at entries from a given one on', async () => {
    const journal = new Journal<{ name: string }>()
    journal.push({ name: 'same' })
    const second = journal.until(({ name }) => name === 'same', { from: 1 })
    journal.push({ name: 'same' })
    expect(await second).toBe(journal.entries[1])
  })

  it('tells whoever waits that nothing more will come', async () => {
    const journal = new Journal<string>()
    const waiting = journal.until(() => false)
    journal.end(new Error('it ended'))
    await expect(waiting).rejects.toThrow('it ended')
    await expect(journal.until(() => false)).rejects.toThrow('it ended')
  })

  it('says what it saw when its patience ends', async () => {
    const journal = new Journal<object>()
    journal.push({ event: 'something else' })
    await expect(journal.until(() => false, { within: 1 })).rejects.toThrow('something else')
  })
})

describe('polling', () => {
  it('asks until the answer is accepted', async () => {
    let answer = 0
    expect(
      await pollUntil(
        'a number',
        () => ++answer,
        (n) => n === 3,
        { every: 1 },
      ),
    ).toBe(3)
  })

  it('names what it waited for and the last answer', async () => {
    const depth = pollUntil(
      'the depth of the queue',
      () => 7,
      (n) => n === 0,
      { every: 1, within: 1 },
    )
    await expect(depth).rejects.toThrow('the depth of the queue: still 7')
  })
})
