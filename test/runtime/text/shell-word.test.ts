import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { shellWord } from '../../../src/runtime/text/shell-word.ts'

it('leaves a plain word as it is', () => {
  expect(shellWord('celery@host-1.example/%h:5672')).toBe('celery@host-1.example/%h:5672')
})

it.each(['', 'two words', "it's", '$HOME', 'a;b', '"', '*', '\\'])(
  'quotes %j, so that a shell reads the same text',
  (text) => {
    expect(execFileSync('/bin/sh', ['-c', `printf %s ${shellWord(text)}`], { encoding: 'utf8' })).toBe(text)
  },
)
