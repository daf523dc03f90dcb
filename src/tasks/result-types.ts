import type { Json } from '../runtime/json.ts'

/**
 * The type of a value after it passed through JSON as kombu writes it: dates, bytes and integers of any size stay, a field that
 * is `undefined` is dropped, and a value with `toJSON` becomes what that returns.
 */
export type Received<T> = 0 extends 1 & T
  ? T
  : [T] extends [never]
    ? never
    : [T] extends [Uint8Array]
      ? Uint8Array
      : [T] extends [Json]
        ? T
        : T extends Date | string | number | bigint | boolean | null
          ? T
          : T extends Uint8Array
            ? Uint8Array
            : T extends void
              ? null
              : T extends { toJSON(): infer Written }
                ? Received<Written>
                : T extends readonly unknown[]
                  ? { -readonly [I in keyof T]: Received<T[I]> }
                  : T extends object
                    ? ReceivedObject<T>
                    : T

type ReceivedObject<T> = {
  [K in keyof T as K extends string | number ? (undefined extends T[K] ? never : K) : never]: Received<T[K]>
} & {
  [K in keyof T as K extends string | number ? (undefined extends T[K] ? K : never) : never]?: Received<
    Exclude<T[K], undefined>
  >
} extends infer Fields
  ? { [K in keyof Fields]: Fields[K] }
  : never

/**
 * A type that is a sentence naming the part of a result without a JSON form; `never` if all of it has one. Checks four levels
 * deep.
 */
export type WithoutJson<T, Path extends string = 'the result', Depth extends readonly unknown[] = []> = 0 extends 1 & T
  ? never
  : [T] extends [Json]
    ? never
    : T extends symbol
      ? `${Path} is a symbol: it has no JSON form`
      : T extends (...args: never) => unknown
        ? `${Path} is a function: it has no JSON form`
        : T extends { toJSON(): unknown } | Date | Uint8Array
          ? never
          : T extends ReadonlyMap<unknown, unknown>
            ? `${Path} is a Map: it has no JSON form`
            : T extends ReadonlySet<unknown>
              ? `${Path} is a Set: it has no JSON form`
              : T extends Promise<unknown>
                ? `${Path} is a Promise: it has no JSON form`
                : T extends RegExp | Error | ArrayBuffer
                  ? `${Path} is an object that has no JSON form`
                  : Depth['length'] extends 4
                    ? never
                    : T extends readonly (infer Element)[]
                      ? WithoutJson<Element, `${Path}[]`, [...Depth, 0]>
                      : T extends object
                        ? { [K in keyof T & string]-?: WithoutJson<T[K], `${Path}.${K}`, [...Depth, 0]> }[keyof T &
                            string]
                        : never
