import { closest } from '../runtime/text/closest.ts'

// A function for each hook of a plugin, or a check of its own.
const PARTS = ['name', 'start', 'active', 'aroundAttempt', 'aroundSend', 'on'] as const
const MOMENTS = [
  'received',
  'started',
  'succeeded',
  'failed',
  'retried',
  'revoked',
  'rejected',
  'quarantined',
  'workerReady',
  'workerStopping',
  'brokerLost',
  'brokerRegained',
] as const

/** All problems with a list of plugins, each to follow the name of the list: `[1].start must be a function, got a number`. */
export function pluginProblems(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [` must be a list of plugins, got ${kindOf(value)}`]
  const names = new Set<unknown>()
  return value.flatMap((plugin: unknown, index) => {
    try {
      return problemsOf(plugin, index, names)
    } catch {
      return [`[${index}] can't be looked at`]
    }
  })
}

function problemsOf(plugin: unknown, index: number, names: Set<unknown>): readonly string[] {
  if (typeof plugin !== 'object' || plugin === null) {
    return [`[${index}] must be an object like { name: 'timing', aroundAttempt }, got ${kindOf(plugin)}`]
  }
  const { name } = plugin as { readonly name?: unknown }
  if (typeof name !== 'string' || name === '' || name.length > 100) {
    return [`[${index}].name must be a text of 1 to 100 characters, got ${kindOf(name)}`]
  }
  const at = `[${index}] ('${name}')`
  if (names.has(name)) return [`${at}: there are two plugins of this name`]
  names.add(name)
  return [...partProblems(plugin, at), ...observerProblems((plugin as { readonly on?: unknown }).on, at)]
}

function partProblems(plugin: object, at: string): readonly string[] {
  // Own keys only: methods of a class are not, and its own fields are not misspelt hooks.
  const isLiteral = Object.getPrototypeOf(plugin) === Object.prototype
  return [
    ...(isLiteral ? unknownKeys(plugin, PARTS, at) : []),
    ...PARTS.slice(1, -1).flatMap((part) => notCallable((plugin as Record<string, unknown>)[part], `${at}.${part}`)),
  ]
}

function observerProblems(on: unknown, at: string): readonly string[] {
  if (on === undefined) return []
  if (typeof on !== 'object' || on === null || Array.isArray(on)) {
    return [`${at}.on must be an object of functions, got ${kindOf(on)}`]
  }
  return [
    ...unknownKeys(on, MOMENTS, `${at}.on`),
    ...MOMENTS.flatMap((moment) => notCallable((on as Record<string, unknown>)[moment], `${at}.on.${moment}`)),
  ]
}

function unknownKeys(value: object, known: readonly string[], at: string): readonly string[] {
  return Object.keys(value).flatMap((key) => {
    if (known.includes(key)) return []
    const meant = closest(key, known)
    return [
      `${at}.${key} is not known; ${meant === undefined ? `there are: ${known.join(', ')}` : `did you mean ${meant}?`}`,
    ]
  })
}

function notCallable(value: unknown, at: string): readonly string[] {
  return value === undefined || typeof value === 'function' ? [] : [`${at} must be a function, got ${kindOf(value)}`]
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100))
  return value === undefined ? 'undefined' : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
}
