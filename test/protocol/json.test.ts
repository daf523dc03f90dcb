import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TwqError } from '../../src/errors.ts'
import { parseJson, portableJson, stringifyJson } from '../../src/protocol/json.ts'
import { isTooLarge } from '../../src/protocol/json-writer.ts'

function failure(run: () => unknown): TwqError {
  try {
    run()
  } catch (error) {
    if (TwqError.is(error)) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('parseJson', () => {
  it.each([
    ['null', null],
    ['[1,-2.5e3,"a\\u00e9",true,{}]', [1, -2500, 'aé', true, {}]],
    ['  {"a" : [ ] }\n', { a: [] }],
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', 9007199254740993n],
    ['-9223372036854775809', -9223372036854775809n],
    ['[1000000000000000000000000000000]', [10n ** 30n]],
    ['0.30000000000000004', 0.30000000000000004],
    ['1795355368.5952460000000000', 1795355368.595246],
    ['1234567890123456.5', 1234567890123456.5],
    ['1e21', 1e21],
    ['12345678901234567890e2', Number('12345678901234567890e2')],
    ['[NaN,Infinity,-Infinity]', [Number.NaN, Infinity, -Infinity]],
    ['{"a":NaN,"b":"NaN \\" Infinity","c":[{}]}', { a: Number.NaN, b: 'NaN " Infinity', c: [{}] }],
    ['"lone \\ud800 surrogate"', 'lone \ud800 surrogate'],
    ['{"a":1,"a":2}', { a: 2 }],
    ['{"a":1,"a":NaN}', { a: Number.NaN }],
  ])('reads %s', (text, value) => {
    expect(parseJson(text)).toEqual(value)
    expect(parseJson(Buffer.from(text))).toEqual(value)
  })

  it.each([
    ['{"__type__":"datetime","__value__":"2024-01-02T03:04:05.678901+00:00"}', new Date('2024-01-02T03:04:05.678Z')],
    ['{"__type__":"datetime","__value__":"2024-01-02T03:04:05"}', new Date('2024-01-02T03:04:05Z')],
    ['{"__type__":"date","__value__":"2024-01-02"}', '2024-01-02'],
    ['{"__type__":"time","__value__":"03:04:05"}', '03:04:05'],
    ['{"__type__":"decimal","__value__":"1.10"}', '1.10'],
    [
      '{"__type__":"uuid","__value__":{"hex":"00000000000000000000000000000001"}}',
      '00000000-0000-0000-0000-000000000001',
    ],
    ['{"__type__":"bytes","__value__":"abc"}', new Uint8Array([97, 98, 99])],
    ['{"__type__":"base64","__value__":"/wA="}', new Uint8Array([255, 0])],
    ['[NaN,{"__type__":"base64","__value__":"/wA="}]', [Number.NaN, new Uint8Array([255, 0])]],
  ])('decodes the typed value %s', (text, value) => {
    expect(parseJson(text)).toEqual(value)
  })

  it.each([
    '{"__type__":"os.system","__value__":"id"}',
    '{"__type__":"datetime","__value__":"tomorrow"}',
    '{"__type__":"datetime","__value__":1}',
    '{"__type__":"uuid","__value__":{"hex":"xyz"}}',
    '{"__type__":"uuid","__value__":null}',
    '{"__type__":"decimal","__value__":"1","more":1}',
    '{"__type__":"constructor","__value__":{}}',
  ])('leaves %s plain data', (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text))
  })

  it.each(['{"__proto__":{"polluted":1},"a":1}', '{"__proto__":{"polluted":1},"a":NaN}'])(
    'keeps a __proto__ key a key in %s',
    (text) => {
      const value = parseJson(text) as Record<string, unknown>
      expect(Object.getPrototypeOf(value)).toBeNull()
      expect(Object.keys(value)).toEqual(['__proto__', 'a'])
      expect(value.polluted).toBeUndefined()
      expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    },
  )

  it.each([
    ['', 'Unexpected end'],
    ['[1,2', ''],
    ['[1,]', ''],
    ['{"a"}', ''],
    ['01', ''],
    ['nul', ''],
    ['"a\nb"', ''],
    ['[NaN', 'unexpected end'],
    ['[NaN,]', 'unexpected "]"'],
    ['[NaN] x', 'unexpected "x"'],
    ['[Nan]', 'unexpected "N"'],
    ['{NaN:1}', 'unexpected "N"'],
    ['[NaN,"open', 'unterminated string'],
    ['[NaN,"\\x"]', 'invalid string'],
    ['[NaN,01]', 'unexpected "1"'],
    ['[NaN,-]', 'unexpected "-"'],
    ['[NaN,+1]', 'unexpected "+"'],
  ])('refuses %j', (text, reason) => {
    const error = failure(() => parseJson(text))
    expect(error.code).toBe('TWQ_MESSAGE_MALFORMED')
    expect(error.message).toContain(reason)
  })

  it('refuses integers that would take long to convert', () => {
    expect(failure(() => parseJson(`[${'9'.repeat(5000)}]`)).message).toContain('an integer of 5000 digits')
  })

  it('refuses bytes that are not UTF-8', () => {
    expect(failure(() => parseJson(new Uint8Array([0x22, 0xff, 0x22]))).message).toBe('the bytes are not UTF-8')
  })

  it('takes 256 levels of nesting and refuses 257', () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
    expect(parseJson(nested(256))).toBeInstanceOf(Array)
    for (const levels of [257, 10_000, 1_000_000]) {
      expect(failure(() => parseJson(nested(levels))).message).toBe('the JSON is nested more than 256 levels deep')
    }
    expect(parseJson(`"${'['.repeat(300)}"`)).toHaveLength(300)
  })

  it('bounds the size and the number of values', () => {
    expect(failure(() => parseJson('[1,2,3]', { maxSize: 6 })).message).toContain('7 characters')
    expect(failure(() => parseJson('[1,2,3]', { maxValues: 3 })).message).toContain('more than 3 values')
    expect(parseJson('[1,2,3]', { maxSize: 7, maxValues: 4 })).toEqual([1, 2, 3])
  })

  it('agrees with JSON.parse on whatever JSON.parse takes', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 20 }), (text) => {
        fc.pre(!text.includes('__type__'))
        const number = /^-?\d{16,}$/
        fc.pre(!text.split(/[[\]{},:\s]+/).some((token) => number.test(token)))
        expect(parseJson(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  it('throws nothing but its own error on any text', { timeout: 60_000 }, () => {
    const fragment = fc.constantFrom(
      '[',
      ']',
      '{',
      '}',
      ',',
      ':',
      '"',
      '\\',
      'NaN',
      '-',
      'Infinity',
      '1',
      '99999999999999999',
      'e',
      '.',
      'true',
      ' ',
      '"a"',
    )
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 30 }), (fragments) => {
        try {
          parseJson(fragments.join(''))
        } catch (error) {
          expect(TwqError.is(error, 'TWQ_MESSAGE_MALFORMED')).toBe(true)
        }
      }),
    )
  })
})

describe('stringifyJson', () => {
  it.each([
    [undefined, 'null'],
    [{ a: undefined, b: [undefined, 1] }, '{"b":[null,1]}'],
    [{ a: undefined, b: [undefined, 1n] }, '{"b":[null,1]}'],
    [10n ** 30n, '1000000000000000000000000000000'],
    [[Number.NaN, Infinity, -Infinity], '[NaN,Infinity,-Infinity]'],
    [2 ** 60, '1.152921504606847e+18'],
    [1e21, '1e+21'],
    [new Date('2024-01-02T03:04:05.678Z'), '{"__type__":"datetime","__value__":"2024-01-02T03:04:05.678000+00:00"}'],
    [new TextEncoder().encode('é'), '{"__type__":"bytes","__value__":"é"}'],
    [Buffer.from([255, 0]), '{"__type__":"base64","__value__":"/wA="}'],
    [
      { toJSON: () => ({ at: new Date(0) }) },
      '{"at":{"__type__":"datetime","__value__":"1970-01-01T00:00:00.000000+00:00"}}',
    ],
    [new URL('http://localhost/a'), '"http://localhost/a"'],
    [
      new (class Row {
        id = 1
      })(),
      '{"id":1}',
    ],
  ])('writes %#', (value, text) => {
    expect(stringifyJson(value)).toBe(text)
  })

  it('writes plain dates for peers without typed values, and refuses bytes', () => {
    expect(stringifyJson([new Date(0)], { tags: false })).toBe('["1970-01-01T00:00:00.000000Z"]')
    expect(failure(() => stringifyJson({ a: new Uint8Array(1) }, { tags: false })).message).toContain(
      'value.a holds bytes',
    )
  })

  it.each([
    [{ users: [{}, {}, {}, { callback: () => 1 }] }, 'result.users[3].callback is a function'],
    [{ 'odd key': Symbol('x') }, 'result["odd key"] is a symbol'],
    [[new Map()], 'result[0] is a Map'],
    [{ a: Promise.resolve() }, 'result.a is a Promise'],
    [new Error('no'), 'result is a Error'],
    [new Float32Array(1), 'result is a Float32Array'],
    [new Date(Number.NaN), 'result is an invalid Date'],
    [new Date(8.64e15), 'outside the years'],
  ])('refuses what has no JSON form: %#', (value, message) => {
    const error = failure(() => stringifyJson(value, { path: 'result' }))
    expect(error.code).toBe('TWQ_UNSERIALISABLE')
    expect(error.message).toContain(message)
  })

  it('refuses a value that contains itself, and one nested too deeply', () => {
    const circular: Record<string, unknown> = {}
    circular.self = { again: circular }
    expect(failure(() => stringifyJson(circular)).message).toContain('value.self.again refers back')
    let deep: unknown[] = []
    for (let level = 0; level < 10_000; level++) deep = [deep]
    expect(failure(() => stringifyJson(deep)).message).toContain('nested more than 250 levels')
  })

  it('reports a getter that throws', () => {
    const value = {
      get a() {
        throw new Error('no luck')
      },
    }
    expect(failure(() => stringifyJson(value)).message).toBe("value.a can't be written as JSON: no luck")
  })

  it('bounds what it writes, to the byte', () => {
    const values = ['é', [1, 'a', null], { a: 1, b: [true, {}], c: undefined }, [1n, 2n], { at: new Date(0) }, [[], {}]]
    for (const value of values) {
      const size = Buffer.byteLength(stringifyJson(value))
      expect(stringifyJson(value, { maxSize: size })).toBe(stringifyJson(value))
      const error = failure(() => stringifyJson(value, { path: 'args', maxSize: size - 1 }))
      expect(error).toMatchObject({
        code: 'TWQ_UNSERIALISABLE',
        message: `args has more than ${size - 1} bytes of JSON`,
      })
    }
  })

  /** An object or array that makes up whatever is asked of it, and tells of each question. */
  const endless = (target: object, member: () => unknown, onRead: () => void): unknown =>
    new Proxy(target, {
      get(_, key) {
        if (key === 'length') return 2 ** 32 - 1
        if (typeof key === 'symbol' || key === 'toJSON') return undefined
        onRead()
        return member()
      },
    })
  const doubled = (levels: number): unknown => {
    let value: unknown = {}
    for (let level = 0; level < levels; level++) value = { left: value, right: value }
    return value
  }
  // Functions that give them: the test runner can't look at some of these.
  it.each<[string, (onRead: () => void) => unknown]>([
    ['an endless array of numbers', (onRead) => endless([], () => 0, onRead)],
    ['an endless array of bigints', (onRead) => endless([], () => 0n, onRead)],
    ['an endless array of nothing', (onRead) => endless([], () => undefined, onRead)],
    ['an array that claims to be long', () => new Array(2 ** 32 - 1)],
    ['an array of endless arrays', (onRead) => [1n, endless([], () => endless([], () => 1, onRead), onRead)]],
    [
      'an object of very many members',
      () => Object.fromEntries(Array.from({ length: 20_000 }, (_, key) => [key, key])),
    ],
    ['an object that holds the same twice, at every level', () => doubled(200)],
    ['the same, and no plain data', () => [1n, doubled(200)]],
    ['the same, and members that are left out', () => [1n, { doubled: doubled(200), nothing: undefined }]],
    ['a toJSON that makes more of it', () => ({ toJSON: () => 'x'.repeat(10_001) })],
    [
      'a list that writes itself as a longer one',
      () =>
        new (class extends Array {
          toJSON = () => new Array(10_000)
        })(),
    ],
    ['a long text', () => 'x'.repeat(200_000_000)],
    ['a long text in a list that needs care', () => [1n, 'x'.repeat(200_000_000)]],
    ['a long key', () => ({ ['k'.repeat(20_000)]: 1n })],
    ['many bytes', () => new Uint8Array(200_000_000)],
    ['a large buffer', () => ({ file: Buffer.alloc(200_000_000) })],
  ])('stops as soon as there are too many bytes: %s', (_, made) => {
    let reads = 0
    const value = made(() => {
      reads += 1
    })
    const error = failure(() => stringifyJson(value, { path: 'result', maxSize: 10_000 }))
    expect(error.message).toBe('result has more than 10000 bytes of JSON')
    expect(isTooLarge(error)).toBe(true)
    expect(reads).toBeLessThan(30_000)
  })

  it('stops where a value is endless in depth', () => {
    const deeper = (): object => ({
      get next() {
        return deeper()
      },
    })
    expect(failure(() => stringifyJson(deeper())).message).toMatch(/^value(\.next){20}… is nested more than 250 levels/)
    const written = (): object => ({ toJSON: written })
    expect(failure(() => stringifyJson(written())).message).toContain('nested more than 250 levels deep')
  })

  it('writes no integer that takes long to write, or that Python does not read', () => {
    for (const longest of [10n ** 4300n - 1n, 1n - 10n ** 4300n]) {
      expect(stringifyJson(longest)).toBe(String(longest))
      expect(parseJson(String(longest))).toBe(longest)
      expect(failure(() => parseJson(`${longest}0`)).message).toContain('an integer of 4301 digits')
    }
    for (const huge of [10n ** 4300n, -(10n ** 4300n), 1n << 100_000_000n]) {
      expect(failure(() => stringifyJson({ huge })).message).toContain(
        'value.huge is an integer of more than the 4300 digits',
      )
    }
  })

  it('shortens what an error says of long keys and messages', () => {
    const key = 'k'.repeat(1_000_000)
    const value = {
      [key]: {
        get thrown() {
          throw new Error('x'.repeat(1_000_000))
        },
      },
    }
    expect(failure(() => stringifyJson(value)).message.length).toBeLessThan(2_000)
  })

  it('writes a value that appears twice', () => {
    const shared = { at: 1n }
    expect(stringifyJson([shared, shared])).toBe('[{"at":1},{"at":1}]')
  })

  it('is undone by parseJson', { timeout: 60_000 }, () => {
    const date = fc.date({
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    })
    const beyond = fc.bigInt().filter((value) => value !== BigInt.asIntN(54, value))
    const scalar = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double().map((value) => value + 0),
      beyond,
      date,
      fc.uint8Array(),
      fc.boolean(),
      fc.constant(null),
    )
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        scalar,
        fc.array(tie('value')),
        fc.dictionary(fc.string(), tie('value'), { noNullPrototype: false }),
      ),
    }))
    fc.assert(
      fc.property(value, (json) => {
        expect(parseJson(stringifyJson(json))).toEqual(json)
      }),
    )
  })
})

describe('portableJson', () => {
  it('is a value of plain data itself', () => {
    const plain = { rows: [1, 'a', null] }
    expect(portableJson(plain)).toBe(plain)
  })

  it('is what its JSON says of any other, which is not asked again', () => {
    let asked = 0
    const document = { secret: 1, toJSON: () => ({ asked: ++asked, at: new Date(0), big: 2n ** 70n }) }
    const portable = portableJson([document])
    expect(portable).toEqual([{ asked: 1, at: new Date(0), big: 2n ** 70n }])
    expect(stringifyJson(portable)).toBe(stringifyJson(portable))
    expect(asked).toBe(1)
  })
})
