import { TwqError } from '../errors.ts'

/** A hook of one plugin: runs the inner code through `next`. */
export interface Hook<Result> {
  readonly plugin: string
  readonly run: (next: () => Promise<Result>) => unknown
}

/** Is told how far a chain is; for time limits and the log. */
export interface ChainObserver {
  /** The code of a plugin runs now; undefined for the innermost code. */
  entered?(plugin: string | undefined): void
  /**
   * A plugin ended with an error that did not come out of its `next`, or without calling `next`, or with another result than
   * `next`'s.
   */
  ended?(plugin: string, how: { readonly thrown: unknown } | { readonly result: unknown }): void
}

/**
 * Runs `innermost` inside hooks, the first of which is the outermost, and resolves with its result. A hook may skip `next`;
 * calling it twice, or after the hook has ended, rejects with `TWQ_PLUGIN`. Resolves only once all inner code has ended, even if
 * a hook did not await it.
 */
export async function runChain<Result>(
  hooks: readonly Hook<Result>[],
  innermost: () => Result | Promise<Result>,
  observer: ChainObserver = {},
  index = 0,
): Promise<Result> {
  const hook = hooks[index]
  observer.entered?.(hook?.plugin)
  if (hook === undefined) return await innermost()
  const { plugin } = hook
  const inner: { ending?: Promise<Result>; thrown?: unknown; result?: Result; threw: boolean; over: boolean } = {
    threw: false,
    over: false,
  }
  const enter = async (): Promise<Result> => {
    try {
      inner.result = await runChain(hooks, innermost, observer, index + 1)
      return inner.result
    } catch (error) {
      inner.threw = true
      inner.thrown = error
      throw error
    } finally {
      if (!inner.over) observer.entered?.(plugin)
    }
  }
  const next = (): Promise<Result> => {
    if (inner.over) return Promise.reject(misuse(plugin, 'after it had ended'))
    if (inner.ending !== undefined) return Promise.reject(misuse(plugin, 'twice'))
    inner.ending = enter()
    // The hook may not await it; the inner code is awaited below.
    inner.ending.catch(() => {})
    return inner.ending
  }
  try {
    const result = (await hook.run(next)) as Result
    if (inner.ending === undefined || result !== inner.result) observer.ended?.(plugin, { result })
    return result
  } catch (thrown) {
    if (!inner.threw || thrown !== inner.thrown) observer.ended?.(plugin, { thrown })
    throw thrown
  } finally {
    inner.over = true
    await inner.ending?.catch(() => {})
  }
}

function misuse(plugin: string, how: string): TwqError {
  return new TwqError('TWQ_PLUGIN', `plugin '${plugin}' called next() ${how}`, {
    hint: 'A hook calls next() at most once, and awaits it',
  })
}
