import type { Random } from './random.ts'

const TEXTS = [
  '',
  ' ',
  '0',
  '-1',
  'NaN',
  'null',
  '__proto__',
  'constructor',
  'a\nb\r\n\t\u0000',
  '\u001b[2J\u009b2J\u202e\u2066\u2028',
  '\ud800',
  '漢'.repeat(300),
  'x'.repeat(256),
  'x'.repeat(70_000),
  '://a:'.repeat(2_000),
  '?password='.repeat(1_000),
  '[{"('.repeat(1_000),
  'amqp://u:s3cr3t@h',
  '2026-11-28T00:00:00+00:00',
  '9999-99-99T99:99:99',
  'celery',
  'amq.direct',
  '../../etc/passwd',
  '%s%n%d',
  '\\'.repeat(3_000),
]

const NUMBERS = [
  0,
  -0,
  -1,
  1,
  0.1,
  2 ** 31,
  -(2 ** 31) - 1,
  2 ** 53,
  2 ** 53 + 2,
  1e308,
  -1e308,
  5e-324,
  255,
  256,
  65_536,
]

/** A text that something may stumble over. */
export function anyText(random: Random): string {
  return random.chance(0.1) ? random.bytes(random.below(200)).toString('latin1') : random.pick(TEXTS)
}

/** A value of any type that a header may have, as amqplib writes them. */
export function anyHeader(random: Random, depth = 0): unknown {
  const table = () =>
    Object.fromEntries(
      Array.from({ length: random.below(5) }, () => [anyText(random).slice(0, 80), anyHeader(random, depth + 1)]),
    )
  const kinds: readonly (() => unknown)[] = [
    () => null,
    () => random.chance(0.5),
    () => anyText(random),
    () => random.bytes(random.below(300)),
    () => ({ '!': 'int8', value: random.below(256) - 128 }),
    () => ({ '!': 'uint8', value: random.below(256) }),
    () => ({ '!': 'int16', value: random.below(65_536) - 32_768 }),
    () => ({ '!': 'uint16', value: random.below(65_536) }),
    () => ({ '!': 'int32', value: random.below(2 ** 31) }),
    () => ({ '!': 'uint32', value: random.below(2 ** 32) }),
    () => ({ '!': 'int64', value: random.pick([0, -1, 2 ** 52, -(2 ** 53)]) }),
    // NaN and the infinities end RabbitMQ's own reader: they reach nobody.
    () => ({ '!': 'float', value: random.pick(NUMBERS.filter((number) => Math.abs(number) < 1e38)) }),
    () => ({ '!': 'double', value: random.pick(NUMBERS) }),
    () => ({ '!': 'decimal', value: { places: random.below(256), digits: random.below(2 ** 31) } }),
    () => ({ '!': 'timestamp', value: random.pick([0, 1, 2 ** 31, 2 ** 40, 2 ** 52]) }),
    () => (depth > 4 ? [] : Array.from({ length: random.below(5) }, () => anyHeader(random, depth + 1))),
    () => (depth > 4 ? {} : table()),
    () => nested(random.below(300)),
  ]
  return random.pick(kinds)()
}

function nested(depth: number): unknown {
  let value: unknown = []
  for (let level = 0; level < depth; level += 1) value = [value]
  return value
}

/** A text of JSON, or of something that is nearly JSON. */
export function anyJson(random: Random, depth = 0): string {
  const list = () => Array.from({ length: random.below(5) }, () => anyJson(random, depth + 1)).join(',')
  const kinds: readonly (() => string)[] = [
    () => random.pick(['null', 'true', 'false', 'NaN', 'Infinity', '-Infinity', 'nul', '', '1e999', '-0', '01', '.5']),
    () => String(random.pick(NUMBERS)),
    () => '9'.repeat(random.pick([1, 17, 400, 5_000])),
    () => JSON.stringify(anyText(random)),
    () => `"${anyText(random).slice(0, 500)}`,
    () =>
      `{"__type__":${JSON.stringify(random.pick(['datetime', 'bytes', 'uuid', 'decimal', 'x']))},"__value__":${anyJson(random, depth + 2)}}`,
    () => (depth > 4 ? '[]' : `[${list()}]`),
    () => (depth > 4 ? '{}' : `{${JSON.stringify(anyText(random).slice(0, 100))}:${anyJson(random, depth + 1)}}`),
    () => '['.repeat(random.pick([10, 255, 257, 20_000])),
    () => `${'['.repeat(250)}${']'.repeat(250)}`,
  ]
  return random.pick(kinds)()
}
