import { describe, expect, it } from 'vitest'
import { parseJson } from '../../src/protocol/json.ts'
import type { Json, JsonObject } from '../../src/runtime/json.ts'
import {
  bindArguments,
  bindReceived,
  type Declaration,
  namedProblem,
  partialProblem,
  positionalProblem,
} from '../../src/tasks/arguments.ts'

const bind = (
  positional: readonly string[],
  args: readonly Json[],
  kwargs: JsonObject = {},
  named?: Declaration['named'],
) => {
  const bound = bindArguments('add', { positional, named }, args, kwargs)
  return bound.kind === 'bound' ? { ...bound.args } : bound.message
}

describe('arguments', () => {
  it.each<[string, string[], Json[], JsonObject, unknown]>([
    ['positional ones by their place', ['x', 'y'], [2, 3], {}, { x: 2, y: 3 }],
    ['named ones by their name', ['x', 'y'], [], { y: 3, x: 2 }, { x: 2, y: 3 }],
    ['a mixture', ['x', 'y'], [2], { y: 3 }, { x: 2, y: 3 }],
    ['optional ones that are left out', ['x', 'y?'], [2], {}, { x: 2 }],
    ['optional ones that are given', ['x', 'y?'], [2, 3], {}, { x: 2, y: 3 }],
    ['null as a value', ['x'], [null], {}, { x: null }],
    ['all that remain', ['x', '...more'], [1, 2, 3], {}, { x: 1, more: [2, 3] }],
    ['nothing that remains', ['x', '...more'], [1], {}, { x: 1, more: [] }],
    ['the remaining ones by name', ['x', '...more'], [1], { more: [2] }, { x: 1, more: [2] }],
    ['named ones without any list', [], [], { x: 1 }, { x: 1 }],
  ])('binds %s', (_, positional, args, kwargs, expected) => {
    expect(bind(positional, args, kwargs)).toEqual(expected)
  })

  it.each<[string[], Json[], JsonObject, string]>([
    [['x', 'y'], [1], {}, "add() missing 1 required positional argument: 'y'"],
    [['x', 'y'], [], {}, "add() missing 2 required positional arguments: 'x' and 'y'"],
    [['x', 'y', 'z'], [], {}, "add() missing 3 required positional arguments: 'x', 'y', and 'z'"],
    [['x', 'y'], [], { y: 1 }, "add() missing 1 required positional argument: 'x'"],
    [['x', 'y'], [1], { x: 2 }, "add() got multiple values for argument 'x'"],
    [['x', '...more'], [1, 2], { more: [3] }, "add() got multiple values for argument 'more'"],
    [['x', 'y'], [1, 2, 3], {}, 'add() takes 2 positional arguments but 3 were given'],
    [['x'], [1, 2], {}, 'add() takes 1 positional argument but 2 were given'],
    [[], [1], {}, 'add() takes 0 positional arguments but 1 was given'],
    [['x', 'y?'], [1, 2, 3], {}, 'add() takes from 1 to 2 positional arguments but 3 were given'],
    [['y?'], [1, 2], {}, 'add() takes from 0 to 1 positional arguments but 2 were given'],
  ])('says what Python would say of %j called with %j and %j', (positional, args, kwargs, message) => {
    expect(bind(positional, args, kwargs)).toBe(message)
  })

  it.each<[string[], Declaration['named'], Json[], JsonObject, unknown]>([
    [['x', 'y'], undefined, [1], { z: 2 }, "add() got an unexpected keyword argument 'z'; did you mean 'x'?"],
    [['text', 'times?'], undefined, ['hey'], { tmes: 3 }, "add() got an unexpected keyword argument 'tmes'; did you mean 'times'?"], // biome-ignore format: one row
    [['text'], ['loud?'], ['hey'], { lowd: 1 }, "add() got an unexpected keyword argument 'lowd'; did you mean 'loud'?"], // biome-ignore format: one row
    [['text'], undefined, ['hey'], { completely: 1 }, "add() got an unexpected keyword argument 'completely'"],
    [['text'], ['loud?'], ['hey'], { loud: true }, { text: 'hey', loud: true }],
    [['text'], '*', ['hey'], { any: 1 }, { text: 'hey', any: 1 }],
    [[], '*', [], { any: 1 }, { any: 1 }],
    [[], [], [], { any: 1 }, "add() got an unexpected keyword argument 'any'"],
    [['x'], undefined, [1], { toString: 1 }, "add() got an unexpected keyword argument 'toString'"],
    [['x', '...more'], undefined, [1, 2], { other: 1 }, "add() got an unexpected keyword argument 'other'"],
  ])('takes by name what %j and %j declare', (positional, named, args, kwargs, expected) => {
    expect(bind(positional, args, kwargs, named)).toEqual(expected)
  })

  // In the order of CPython's `initialize_locals`.
  it.each<[Json[], JsonObject, string]>([
    [[], { q: 1 }, "add() got an unexpected keyword argument 'q'"],
    [[1], { x: 1, q: 1 }, "add() got multiple values for argument 'x'"],
    [[1], { q: 1, x: 1 }, "add() got an unexpected keyword argument 'q'"],
    [[1, 2, 3], { q: 1 }, "add() got an unexpected keyword argument 'q'"],
    [[1, 2, 3], { z: 1 }, 'add() takes from 1 to 2 positional arguments but 3 positional arguments (and 1 keyword-only argument) were given'], // biome-ignore format: one row
    [[], {}, "add() missing 1 required positional argument: 'x'"],
    [[1], {}, "add() missing 1 required keyword-only argument: 'z'"],
  ])('complains of %j and %j in the order in which Python does', (args, kwargs, message) => {
    const declared = { positional: ['x', 'yy?'], named: ['z', 'ww?'] }
    const bound = bindArguments('add', declared, args, kwargs)
    expect(bound.kind === 'mismatch' && bound.message.replace(/; did you mean.*/, '')).toBe(message)
  })

  it('cuts a name that a sender made long', () => {
    expect(String(bind(['x'], [1], { ['n'.repeat(1_000_000)]: 1 })).length).toBeLessThan(200)
  })

  it('finds in part of a call only what no further argument can mend', () => {
    const problem = (args: readonly Json[], kwargs: JsonObject) =>
      partialProblem('add', { positional: ['x', 'y'], named: [] }, args, kwargs)
    expect(problem([1], {})).toBeUndefined()
    expect(problem([], { y: 1 })).toBeUndefined()
    expect(problem([], { amount: 1 })).toBe("add() got an unexpected keyword argument 'amount'")
    expect(problem([1, 2, 3], {})).toBe('add() takes 2 positional arguments but 3 were given')
  })

  it('keeps a name like __proto__ an ordinary name', () => {
    const kwargs = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1}')
    const bound = bindArguments('add', { positional: ['toString?'], named: '*' }, [], kwargs)
    if (bound.kind !== 'bound') throw new Error(bound.message)
    expect(Object.getPrototypeOf(bound.args)).toBeNull()
    expect(Object.keys(bound.args)).toEqual(['__proto__', 'constructor'])
    expect(bound.args.admin).toBeUndefined()
  })

  it.each<[string, Declaration, readonly Json[], JsonObject]>([
    ['all by position', { positional: ['x', 'y'] }, [1, parseJson('{"a": [{}]}')], {}],
    ['the optional ones left out', { positional: ['x', 'y?'] }, [1], {}],
    ['some by name', { positional: ['x', 'y'] }, [1], { y: 2 }],
    ['a rest', { positional: ['x', '...more'] }, [1, 2, 3], {}],
    ['too many', { positional: ['x'] }, [1, 2], {}],
    ['too few', { positional: ['x', 'y'] }, [1], {}],
    ['a named one missing', { positional: ['x'], named: ['z'] }, [1], {}],
    ['any by name', { positional: [], named: '*' }, [], { constructor: 1 }],
    ['a parameter called __proto__', { positional: ['__proto__'] }, [parseJson('{"admin": true}')], {}],
    ['a parameter called toString', { positional: ['toString'] }, [1], {}],
  ])('binds what was received as any call, in ordinary objects: %s', (_, declared, args, kwargs) => {
    const received = bindReceived('add', declared, args, kwargs)
    const bound = bindArguments('add', declared, structuredClone(args), kwargs)
    if (received.kind === 'bound') {
      expect(Object.getPrototypeOf(received.args)).toBe(Object.prototype)
      expect(received.args.admin).toBeUndefined()
      for (const value of Object.values(received.args)) expect(value).toStrictEqual(structuredClone(value))
    }
    expect(received).toEqual(bound)
  })

  it('does not take what Object inherits for a value given twice', () => {
    expect(bind(['toString', 'valueOf'], [1, 2])).toEqual({ toString: 1, valueOf: 2 })
  })
})

describe('a positional list', () => {
  it.each([[[]], [['x']], [['x', 'y?', 'z?', '...rest']], [['...rest']]])('may be %j', (positional) => {
    expect(positionalProblem(positional)).toBeUndefined()
  })

  it.each<[unknown, RegExp]>([
    ['x', /must be a list/],
    [['x', 1], /\[1\] must be an argument name, got number/],
    [['...'], /\[0\] must be an argument name/],
    [['?'], /\[0\] must be an argument name/],
    [['x?', 'y'], /'y' is required, so it must come before the optional 'x\?'/],
    [['...rest', 'y'], /'\.\.\.rest' takes all that remain, so it must come last/],
    [['...rest?'], /write '\.\.\.rest'/],
    [['x', 'x?'], /names 'x' a second time/],
  ])('may not be %j', (positional, problem) => {
    expect(positionalProblem(positional)).toMatch(problem)
  })
})

describe('a list of names', () => {
  it.each([[[]], [['z']], [['z', 'w?']], ['*']])('may be %j', (named) => {
    expect(namedProblem(named, ['x'])).toBeUndefined()
  })

  it.each<[unknown, RegExp]>([
    ['z', /must be a list of argument names, or '\*' for any, got string/],
    [['z', 1], /\[1\] must be an argument name, got number/],
    [['...rest'], /\[0\] must be an argument name, got '...rest'/],
    [['*'], /write named: '\*' for any name/],
    [['x'], /\[0\] names 'x' a second time/],
    [['z', 'z?'], /\[1\] names 'z' a second time/],
  ])('may not be %j', (named, problem) => {
    expect(namedProblem(named, ['x?'])).toMatch(problem)
  })
})
