import { Fragment, h, type VNode } from 'preact'
import { expect, it } from 'vitest'
import { showControlCharacters } from '../../../src/monitor/page/plain-text.ts'

showControlCharacters()

const textOf = (vnode: VNode): unknown => (vnode.props as { children?: unknown }).children

it('an element of the page shows control characters and bidirectional marks as escapes', () => {
  const hostile = 'a\u202eb\u001b[31m\u0007'
  const shown = 'a\\u202eb\\u001b[31m\\u0007'
  expect(textOf(h('td', null, hostile))).toBe(shown)
  expect(textOf(h(Fragment, null, hostile, h('b', null, 'x')))).toEqual([shown, expect.objectContaining({ type: 'b' })])
  expect(textOf(h('p', null, ['x', [hostile]], 1, null))).toEqual([['x', [shown]], 1, null])
  expect(h('button', { title: hostile, 'aria-label': hostile }).props).toMatchObject({
    title: shown,
    'aria-label': shown,
  })
})

it('line breaks, tabs and every other text stay as they are', () => {
  const text = 'Error: שלום 任务 👨‍👩‍👧‍👦\n\tat run'
  expect(textOf(h('pre', null, text))).toBe(text)
  expect(textOf(h('pre', null, 'a\r\nb'))).toBe('a\nb')
})

it('what a field holds and what a component is given is not changed', () => {
  const hostile = 'a\u202eb'
  const Part = (_: { readonly text: string; readonly children?: unknown }) => null
  expect(h('option', { value: hostile }, 'x').props).toMatchObject({ value: hostile })
  expect(h(Part, { text: hostile }, hostile).props).toMatchObject({ text: hostile, children: hostile })
})
