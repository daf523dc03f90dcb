import { anyOf } from '../../runtime/text/any-of.ts'
import { parseDuration } from '../../runtime/time/duration.ts'

/** How the values of one kind of option are read; `Written` is the type of the value in a file. Both functions return `undefined` for a value that can't be read. */
export interface Parser<T, Written = T> {
  /** The form of a value, to follow "must be". */
  readonly expected: string
  /** From a configuration file. */
  fromValue(value: unknown): T | undefined
  /** From the environment or the command line. */
  fromText(text: string): T | undefined
  /** Where it is one of a few words: all of them. */
  readonly words?: readonly string[]
  /** Where a value from a file has parts: each thing that is wrong with one, to follow the name of the option. */
  readonly problems?: (value: unknown) => readonly string[]
  /** The same of what was typed. */
  readonly problemsOfText?: (text: string) => readonly string[]
  /** Never there: carries the type. */
  readonly '~written'?: Written
}

/** A whole number within bounds, both included. */
export function wholeNumber(least: number, most: number, expected: string): Parser<number> {
  const fits = (value: unknown): number | undefined =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most ? (value as number) : undefined
  return { expected, fromValue: fits, fromText: (text) => (/^\d+$/.test(text) ? fits(Number(text)) : undefined) }
}

/** Milliseconds. A number without a unit means milliseconds in a file, as everywhere in code, and seconds in the environment and on the command line. */
export function duration(least = 0): Parser<number, number | string> {
  const fits = (ms: number | undefined): number | undefined => (ms !== undefined && ms >= least ? ms : undefined)
  const bound = least < 1_000 ? `${least} ms` : `${least / 1_000} s`
  const atLeast = least > 0 ? ` of at least ${bound}` : ''
  return {
    expected: `a duration${atLeast} like '500ms', '20s' or '5m'`,
    fromValue: (value) => fits(parseDuration(value)),
    fromText: (text) => fits(parseDuration(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text)),
  }
}

const SIZE = /^\s*(\d+(?:\.\d+)?)\s*(KB|MB|GB)\s*$/i
const BYTES_IN: Readonly<Record<string, number>> = { KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 }

/** Bytes. A number without a unit means bytes in a file, and KiB where people type, as Celery's flag has it. */
export function memorySize(): Parser<number, number | string> {
  const fits = (bytes: number): number | undefined =>
    Number.isFinite(bytes) && bytes >= 1 ? Math.floor(bytes) : undefined
  const withUnit = (text: string): number | undefined => {
    const [, amount, unit] = SIZE.exec(text) ?? []
    return amount === undefined || unit === undefined
      ? undefined
      : fits(Number(amount) * (BYTES_IN[unit.toUpperCase()] as number))
  }
  return {
    expected: "a size like '200MB' or '1GB', or a number of bytes (KiB where it is typed)",
    fromValue: (value) =>
      typeof value === 'number' ? fits(value) : typeof value === 'string' ? withUnit(value) : undefined,
    fromText: (text) => withUnit(/^\d+$/.test(text) ? `${text}KB` : text),
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
    words,
    expected: anyOf(words),
    fromValue: find,
    fromText: find,
  }
}

/** A text that `accept` turns into a value. */
export function text<T>(expected: string, accept: (text: string) => T | undefined): Parser<T, string> {
  return { expected, fromValue: (value) => (typeof value === 'string' ? accept(value) : undefined), fromText: accept }
}

/** A list, separated by commas in the environment and on the command line. */
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

type Bounds = { readonly max: number; readonly min: number }

/** The bounds of a pool as in Celery: `10,3` in any order, or `10` for 0 to 10. */
export function poolBounds(largest: number): Parser<Bounds, string | { readonly max: number; readonly min?: number }> {
  const fits = (max: unknown, min: unknown) =>
    isWithin(max, 1, largest) && isWithin(min, 0, max) ? Object.freeze({ max, min }) : undefined
  const fromText = (text: string) => {
    if (!/^\s*\d+\s*(,\s*\d+\s*)?$/.test(text)) return undefined
    const [first = 0, second = 0] = text.split(',').map(Number)
    return fits(Math.max(first, second), Math.min(first, second))
  }
  return {
    expected: `bounds like '10,3', the larger one from 1 to ${largest}`,
    fromValue(value) {
      if (typeof value === 'string') return fromText(value)
      if (typeof value !== 'object' || value === null) return undefined
      const { max, min = 0, ...others } = value as { readonly max?: unknown; readonly min?: unknown }
      return Object.keys(others).length === 0 ? fits(max, min) : undefined
    },
    fromText,
  }
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
}
