import { describe, expect, it } from 'vitest'
import { displayWidth, endWithin, startWithin } from '../../../src/runtime/text/display-width.ts'

describe('the width of a text in a terminal', () => {
  it.each([
    ['', 0],
    ['add', 3],
    ['задача', 6],
    ['任务', 4],
    ['タスク', 6],
    ['태스크', 6],
    ['\u1110\u1162', 2],
    ['ﾀｽｸ', 3],
    ['Ａ', 2],
    ['e\u0301', 1],
    ['🐇', 2],
    ['👨‍👩‍👧‍👦', 2],
    ['🇩🇪', 2],
    ['❤\ufe0f', 2],
    ['❤', 1],
    ['a\u200bb', 2],
    ['שלום', 4],
  ])('of %j is %i', (text, width) => {
    expect(displayWidth(text)).toBe(width)
  })
})

describe('a text cut to a width', () => {
  it('is never wider than that, from either end', () => {
    for (const text of ['add', '任务', 'a任b务c', '👨‍👩‍👧‍👦x🇩🇪', 'e\u0301e\u0301'])
      for (let width = 0; width <= displayWidth(text) + 1; width++)
        for (const part of [startWithin(text, width), endWithin(text, width)])
          expect(displayWidth(part), `${text} within ${width}`).toBeLessThanOrEqual(width)
  })

  it('is whole where it fits', () => {
    expect(startWithin('a任', 3)).toBe('a任')
    expect(endWithin('a任', 3)).toBe('a任')
  })

  it('parts no character', () => {
    expect(startWithin('👨‍👩‍👧‍👦x', 2)).toBe('👨‍👩‍👧‍👦')
    expect(endWithin('xe\u0301', 1)).toBe('e\u0301')
    expect(startWithin('任务', 3)).toBe('任')
    expect(endWithin('任务', 3)).toBe('务')
  })
})
