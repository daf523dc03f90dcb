import { expect, it } from 'vitest'
import { chosenArgsRepr, chosenKwargsRepr } from '../../../src/protocol/task/argument-display.ts'

const shown = { args: [1, 'a'], kwargs: { k: null }, argsRepr: '', kwargsRepr: '' }

it.each(['', "(1, 'a')", "[1, 'a']"])('takes %j for the arguments themselves', (argsRepr) => {
  expect(chosenArgsRepr({ ...shown, argsRepr })).toBeUndefined()
})

it.each(['(***)', "('***', 'a')", 'hidden'])('takes %j for what the sender wants shown', (argsRepr) => {
  expect(chosenArgsRepr({ ...shown, argsRepr })).toBe(argsRepr)
})

it('tells the text for named arguments from their repr', () => {
  expect(chosenKwargsRepr({ ...shown, kwargsRepr: "{'k': None}" })).toBeUndefined()
  expect(chosenKwargsRepr({ ...shown, kwargsRepr: "{'k': '***'}" })).toBe("{'k': '***'}")
})
