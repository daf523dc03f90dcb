import type { Parser } from './parsers.ts'

/**
 * One option, in full: it drives the types of the configuration, defaults, environment, flags,
 * validation, `--help` and the documentation. `Value` is the type of its resolved value, `Written` of the value in a file.
 */
export interface Option<Value = unknown, Written = unknown> {
  /** As one would write it in the file; `undefined` where it is derived, as `derived` says. */
  readonly default: unknown
  readonly derived?: string
  /** Left out where only a configuration file can have it. */
  readonly env?: string
  /** Names of Celery's own environment that apply unless the file has the option. */
  readonly celeryEnv?: readonly CeleryName[]
  readonly flag?: Flag
  readonly parser: Parser<Value, Written>
  /** The value may contain a password, which is masked in messages, also if the value is invalid. */
  readonly isUrl?: true
  /** Celery's words for some of the values, accepted with a notice. */
  readonly celeryValues?: Readonly<Record<string, NoInfer<Value>>>
  /** One line, for `--help` and the table of options. */
  readonly doc: string
}

/** A name from Celery's environment; `old` ones are accepted with a notice. */
export interface CeleryName {
  readonly name: string
  readonly old?: boolean
}

/** How an option is written on the command line. */
export interface Flag {
  readonly short?: string
  readonly long: string
  /** Stands for the value; a flag without one means `means`. */
  readonly placeholder?: string
  /** The value of a flag that takes none, as written in the environment. */
  readonly means?: string
  /** Instead of the option's, where the flag says the opposite. */
  readonly doc?: string
  /** `all`: every command takes it; `worker`: `twq worker start`. */
  readonly of: 'all' | 'worker'
}

type Row<Value, Written> = Omit<Option<Value, Written>, 'default' | 'derived'>

/** A row of the table. One without a default is `undefined` unless given, and says what that means. */
export function option<const Value, const Written>(
  row: Row<Value, Written> & { readonly default: NoInfer<Written> },
): Option<Value, Written>
export function option<const Value, const Written>(
  row: Row<Value, Written> & { readonly derived: string },
): Option<Value | undefined, Written>
export function option(row: Row<unknown, unknown>): Option {
  return { default: undefined, ...row }
}

/** The options of a configuration file as they lie in it: rows, and objects of rows. The doc comments of both are the user's. */
export interface OptionTree {
  readonly [name: string]: Option | OptionTree
}

/** Options by key, in the order of `--help` and the documentation; a dot leads into an object of the file. */
export type OptionTable = Readonly<Record<string, Option>>

/** The type of a file that has these options. Mapped property by property, which keeps doc comments. */
export type WrittenOf<Tree> = {
  readonly [Name in keyof Tree]?: Tree[Name] extends Option<unknown, infer Written> ? Written : WrittenOf<Tree[Name]>
}

/** The resolved values of these options, in the same form. */
export type ValuesOf<Tree> = {
  readonly [Name in keyof Tree]: Tree[Name] extends Option<infer Value> ? Value : ValuesOf<Tree[Name]>
}

/** The keys of these options. */
export type KeyOf<Tree> = {
  [Name in keyof Tree & string]: Tree[Name] extends Option ? Name : `${Name}.${KeyOf<Tree[Name]>}`
}[keyof Tree & string]

/** The resolved value of the option with this key. */
export type ValueAt<Tree, Key extends string> = Key extends keyof Tree
  ? Tree[Key] extends Option<infer Value>
    ? Value
    : never
  : Key extends `${infer Name}.${infer Rest}`
    ? Name extends keyof Tree
      ? ValueAt<Tree[Name], Rest>
      : never
    : never

/** The table of a tree, in its order. */
export function tableOf(tree: OptionTree, prefix = ''): OptionTable {
  const rows = Object.entries(tree).map(([name, entry]) =>
    isOption(entry) ? { [prefix + name]: entry } : tableOf(entry, `${prefix}${name}.`),
  )
  return Object.assign({}, ...rows)
}

function isOption(entry: Option | OptionTree): entry is Option {
  return typeof (entry as Option).parser?.fromText === 'function'
}
