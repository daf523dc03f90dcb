const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 }
const DURATION = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)\s*$/

/**
 * Milliseconds from a number of them or from a text like `'500ms'`, `'30s'`, `'10m'`, `'1.5h'`, `'7d'`. `undefined` for
 * anything else: negative, not finite, without a unit.
 */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string') return undefined
  const [, amount, unit] = DURATION.exec(value) ?? []
  if (amount === undefined || unit === undefined) return undefined
  const ms = Number(amount) * (UNITS[unit] as number)
  return Number.isFinite(ms) ? ms : undefined
}
