import { describe, expect, it } from 'vitest'
import type { Json, JsonObject } from '../../src/runtime/json.ts'
import { bindArguments, positionalProblem } from '../../src/tasks/arguments.ts'

const bind = (positional: readonly string[], args: readonly Json[], kwargs: JsonObject = {}) => {
  const bound = bindArguments('add', positional, args, kwargs)
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
    ['unknown names as they are', ['x'], [1], { locale: 'en' }, { x: 1, locale: 'en' }],
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

  it('keeps a name like __proto__ an ordinary name', () => {
    const kwargs = JSON.parse('{"__proto__": {"admin": true}, "constructor": 1}')
    const bound = bindArguments('add', ['toString?'], [], kwargs)
    if (bound.kind !== 'bound') throw new Error(bound.message)
    expect(Object.getPrototypeOf(bound.args)).toBeNull()
    expect(Object.keys(bound.args)).toEqual(['__proto__', 'constructor'])
    expect(bound.args.admin).toBeUndefined()
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
