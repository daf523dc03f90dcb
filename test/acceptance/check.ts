/** One figure and what it must be. */
export interface Check {
  readonly what: string
  readonly figure: string
  readonly target: string
  readonly ok: boolean
}

/** Bytes, for a figure. */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MB`
}

/** A figure that must be this one; both are shown as JSON. */
export function equal(what: string, figure: unknown, target: unknown): Check {
  const [is, shall] = [text(figure), text(target)]
  return { what, figure: is, target: shall, ok: is === shall }
}

/** A time in milliseconds that must not be longer than another. */
export function within(what: string, milliseconds: number, limit: number): Check {
  return {
    what,
    figure: `${(milliseconds / 1000).toFixed(2)} s`,
    target: `within ${limit / 1000} s`,
    ok: milliseconds <= limit,
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
