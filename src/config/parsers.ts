import { parseDuration } from '../runtime/duration.ts'

/** How the values of one kind of option are read. Both ways answer `undefined` for what can't be meant. */
export interface Parser<T> {
  /** What a value must be, to follow "must be". */
  readonly expected: string
  /** From a configuration file. */
  fromValue(value: unknown): T | undefined
  /** From the environment or the command line. */
  fromText(text: string): T | undefined
}

/** A whole number within bounds, both included. */
export function wholeNumber(least: number, most: number, expected: string): Parser<number> {
  const fits = (value: unknown): number | undefined =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most ? (value as number) : undefined
  return { expected, fromValue: fits, fromText: (text) => (/^\d+$/.test(text) ? fits(Number(text)) : undefined) }
}

/** Milliseconds. A number without a unit means milliseconds in a file, as everywhere in code, and seconds where people type. */
export function duration(least = 0): Parser<number> {
  const fits = (ms: number | undefined): number | undefined => (ms !== undefined && ms >= least ? ms : undefined)
  const bound = least < 1_000 ? `${least} ms` : `${least / 1_000} s`
  const atLeast = least > 0 ? ` of at least ${bound}` : ''
  return {
    expected: `a duration${atLeast} like '500ms', '20s' or '5m'`,
    fromValue: (value) => fits(parseDuration(value)),
    fromText: (text) => fits(parseDuration(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text)),
  }
}

/** Yes or no. */
export function yesOrNo(): Parser<boolean> {
  const words: Readonly<Record<string, boolean>> = {
    true: true,
    yes: true,
    '1': true,
    false: false,
    no: false,
    '0': false,
  }
  return {
    expected: 'true or false',
    fromValue: (value) => (typeof value === 'boolean' ? value : undefined),
    fromText: (text) => (Object.hasOwn(words, text.toLowerCase()) ? words[text.toLowerCase()] : undefined),
  }
}

/** One of a few words. */
export function oneOf<const Word extends string>(...words: Word[]): Parser<Word> {
  const find = (value: unknown): Word | undefined => words.find((word) => word === value)
  return {
    expected: words
      .map((word) => `'${word}'`)
      .join(', ')
      .replace(/, ([^,]*)$/, ' or $1'),
    fromValue: find,
    fromText: find,
  }
}

/** A text that `accept` turns into a value. */
export function text<T>(expected: string, accept: (text: string) => T | undefined): Parser<T> {
  return { expected, fromValue: (value) => (typeof value === 'string' ? accept(value) : undefined), fromText: accept }
}

/** A list; commas part its members where it is typed. */
export function listOf<T>(expected: string, accept: (member: unknown) => T | undefined): Parser<readonly T[]> {
  const read = (members: unknown): readonly T[] | undefined => {
    if (!Array.isArray(members)) return undefined
    const accepted = members.map(accept)
    return accepted.includes(undefined) ? undefined : (accepted as T[])
  }
  return {
    expected,
    fromValue: read,
    fromText: (text) => read(text.split(',').map((member) => member.trim())),
  }
}
