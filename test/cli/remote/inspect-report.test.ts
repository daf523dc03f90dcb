import { expect, it } from 'vitest'
import { failedNodes, pingTable, repliesAsJson } from '../../../src/cli/remote/inspect-report.ts'
import type { Json } from '../../../src/runtime/json.ts'

const odd = new Map<string, Json>([
  ['a', null],
  ['b', ['text', null, 5]],
  ['c', { error: 'no such command' }],
  ['d', [{}]],
])

it('prints the very replies for programs', () => {
  expect(JSON.parse(repliesAsJson(odd))).toEqual(Object.fromEntries(odd))
})

it('names the nodes that answered with an error', () => {
  expect(failedNodes(odd)).toEqual([['c', 'no such command']])
})

it('answers ping with a line for each node', () => {
  const replies = new Map<string, Json>([
    ['w2@h', { ok: 'pong' }],
    ['w1@h', { error: 'busy\n' }],
  ])
  expect(pingTable(replies, {}).split('\n')).toEqual(['NODE  ANSWER', 'w1@h  {"error": "busy\\n"}', 'w2@h  pong', ''])
})
