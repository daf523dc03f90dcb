import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { TwqError } from '../../../src/errors.ts'
import { stringifyJson } from '../../../src/protocol/json.ts'
import { argsText, celeryError, toRemoteError } from '../../../src/protocol/result/exceptions.ts'
import { RemoteTaskError } from '../../../src/protocol/result/remote-task-error.ts'

class PaymentDeclined extends Error {}

function named(name: string, message = 'boom'): Error {
  return Object.assign(new Error(message), { name })
}

describe('toRemoteError', () => {
  it.each<[string, unknown, string, string, unknown[]]>([
    ['an Error', new Error('boom'), 'Exception', 'builtins', ['boom']],
    ['an Error without message', new Error(), 'Exception', 'builtins', []],
    ['a TypeError', new TypeError('no'), 'TypeError', 'builtins', ['no']],
    ['a RangeError', new RangeError('no'), 'RangeError', 'twq.errors', ['no']],
    ['a class of the user’s', new PaymentDeclined('card'), 'PaymentDeclined', 'twq.errors', ['card']],
    ['an error named like a built-in', named('ValueError'), 'ValueError', 'builtins', ['boom']],
    ['a name that would end a Python process', named('SystemExit'), 'SystemExit', 'twq.errors', ['boom']],
    ['a name that can name no class', named('not a name; import os'), 'Exception', 'builtins', ['boom']],
    ['a time-out of the platform', new DOMException('late', 'TimeoutError'), 'TimeoutError', 'builtins', ['late']],
    ['an error of another realm', runInNewContext('new TypeError("far")'), 'TypeError', 'builtins', ['far']],
    ['a string', 'just text', 'Exception', 'builtins', ['just text']],
    ['undefined', undefined, 'Exception', 'builtins', ['undefined']],
    ['an object', { code: 7 }, 'Exception', 'builtins', ['{ code: 7 }']],
    ['wrong arguments', new TwqError('TWQ_ARGUMENTS', 'add() missing'), 'TypeError', 'builtins', ['add() missing']],
    [
      'a value without JSON form',
      new TwqError('TWQ_UNSERIALISABLE', 'result'),
      'EncodeError',
      'kombu.exceptions',
      ['result'],
    ],
    ['a soft limit', new TwqError('TWQ_SOFT_LIMIT', 'late'), 'SoftTimeLimitExceeded', 'billiard.exceptions', ['late']],
    ['another of our errors', new TwqError('TWQ_CLOSED', 'closed'), 'TwqError', 'twq.errors', ['closed']],
  ])('makes of %s what Python can raise', (_title, thrown, type, module, args) => {
    expect(toRemoteError(thrown)).toMatchObject({ type, module, args })
  })

  it('shows the stacks of an error and of its causes', () => {
    const cause = new Error('root')
    const error = new Error('top', { cause: new Error('middle', { cause }) })
    cause.cause = error
    const { traceback } = toRemoteError(error)
    expect(traceback).toMatch(
      /^Error: top\n {4}at [\s\S]+\nCaused by: Error: middle\n[\s\S]+\nCaused by: Error: root\n/,
    )
    expect(traceback?.match(/Caused by/g)).toHaveLength(2)
  })

  it('passes on an error that came from another task', () => {
    const remote = {
      type: 'ValueError',
      module: 'builtins',
      args: ['boom', 42],
      traceback: 'Traceback (most recent call last): …\n',
    }
    const again = toRemoteError(new RemoteTaskError(remote))
    expect(again).toMatchObject({ type: 'ValueError', module: 'builtins', args: ['boom', 42] })
    expect(again.traceback).toContain('Traceback (most recent call last): …\n\nRaised again by:\nValueError')
  })

  it('bounds what it sends', () => {
    const { args, traceback } = toRemoteError(new Error('x'.repeat(10_000_000)))
    expect(String(args[0]).length + String(traceback).length).toBeLessThan(200_000)
  })

  const huge = 'x'.repeat(50_000_000)
  const chained = () => {
    let error = new Error('the first')
    for (let link = 0; link < 100_000; link += 1) error = new Error('again', { cause: error })
    return error
  }
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  const remote = { type: 'ValueError', module: 'builtins', args: ['x'], traceback: null }
  it.each<[string, () => unknown]>([
    ['a long message', () => new Error(huge)],
    ['a long stack', () => Object.assign(new Error('x'), { stack: huge })],
    ['long stacks all the way down', () => causes(() => Object.assign(new Error('x'), { stack: huge }), 20)],
    ['a long chain of causes', chained],
    ['an error that is its own cause', () => Object.defineProperty(new Error('x'), 'cause', { get: chained })],
    [
      'many errors in one',
      () =>
        new AggregateError(
          Array.from({ length: 100_000 }, () => new Error('x')),
          'all failed',
        ),
    ],
    ['a long text', () => huge],
    ['a large object', () => Object.fromEntries(Array.from({ length: 500_000 }, (_, key) => [`key ${key}`, key]))],
    ['a large object within', () => ({ at: [{ all: Object.fromEntries(Object.entries(huge.slice(0, 100_000))) }] })],
    [
      "another task's failure, with large arguments",
      () => new RemoteTaskError({ ...remote, args: new Array(5_000_000).fill(0) }),
    ],
    ["another task's failure, with its long history", () => new RemoteTaskError({ ...remote, traceback: huge })],
    [
      "another task's failure, with a long name",
      () => Object.assign(new RemoteTaskError(remote), { type: huge, module: huge }),
    ],
    [
      "another task's failure, with itself as argument",
      () => Object.assign(new RemoteTaskError(remote), { args: cyclic }),
    ],
  ])('bounds what it sends of %s', (_, thrown) => {
    const { type, module, args, traceback } = toRemoteError(thrown())
    expect(`${type} ${module} ${traceback}`.length).toBeLessThan(70_000)
    expect(stringifyJson(args).length).toBeLessThan(1_100_000)
  })

  it('survives whatever is thrown', () => {
    const trap = () => {
      throw new Error('trapped')
    }
    const getters = Object.create(Error.prototype, {
      message: { get: trap },
      name: { get: trap },
      stack: { get: trap },
      cause: { get: trap },
    })
    const proxy = new Proxy(new Error('x'), {
      get: trap,
      has: trap,
      getPrototypeOf: trap,
      ownKeys: trap,
      getOwnPropertyDescriptor: trap,
    })
    const unprintable = { toString: trap, [Symbol.for('nodejs.util.inspect.custom')]: trap }
    const odd = Object.assign(new Error('x'), { name: 5, message: { a: 1 }, stack: 7 })
    for (const thrown of [getters, proxy, unprintable, odd, Symbol('s'), 10n, null, Object.create(null), () => 1]) {
      expect(toRemoteError(thrown)).toMatchObject({ type: expect.any(String), args: expect.any(Array) })
    }
  })
})

describe('celeryError', () => {
  it.each([
    [
      celeryError('NotRegistered', ['proj.nope']),
      { type: 'NotRegistered', module: 'celery.exceptions', args: ['proj.nope'], traceback: null },
    ],
    [
      celeryError('TimeLimitExceeded', [1]),
      { type: 'TimeLimitExceeded', module: 'billiard.exceptions', args: [1], traceback: null },
    ],
    [celeryError('EncodeError'), { type: 'EncodeError', module: 'kombu.exceptions', args: [], traceback: null }],
  ])('%#: names the module that has the class', (actual, expected) => {
    expect(actual).toEqual(expected)
  })
})

describe('RemoteTaskError', () => {
  it.each([
    [[], ''],
    [['boom'], 'boom'],
    [[42], '42'],
    [['boom', 42], "('boom', 42)"],
  ])('reads %j as Python would', (args, message) => {
    const error = new RemoteTaskError({ type: 'ValueError', module: 'builtins', args, traceback: 'tb' })
    expect(error).toMatchObject({
      name: 'ValueError',
      type: 'ValueError',
      module: 'builtins',
      args,
      message,
      traceback: 'tb',
    })
    expect(RemoteTaskError.is(error)).toBe(true)
  })

  it('is the same class whatever the name says', () => {
    for (const type of ['TypeError', 'constructor', '__proto__', 'child_process']) {
      const error = new RemoteTaskError({ type, module: 'os', args: ['id'], traceback: null })
      expect(error).toBeInstanceOf(RemoteTaskError)
      expect(error).not.toBeInstanceOf(TypeError)
      expect(error.name).toBe(type)
    }
    expect(RemoteTaskError.is(new Error('other'))).toBe(false)
  })
})

/** An error with as many causes behind it. */
function causes(make: () => Error, depth: number): Error {
  const error = make()
  if (depth > 0) error.cause = causes(make, depth - 1)
  return error
}

describe('argsText', () => {
  it('shows arguments of every kind', () => {
    const bare = Object.assign(Object.create(null), { code: 7 })
    expect(argsText({ args: ['not found', 404, null, bare] })).toBe("not found, 404, None, {'code': 7}")
  })
})
