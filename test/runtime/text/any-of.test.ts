import { expect, it } from 'vitest'
import { anyOf } from '../../../src/runtime/text/any-of.ts'

it.each([
  [['late'], "'late'"],
  [['late', 'early'], "'late' or 'early'"],
  [['any', 'classic', 'quorum'], "'any', 'classic' or 'quorum'"],
])('offers %j as a sentence does', (words, text) => {
  expect(anyOf(words)).toBe(text)
})
