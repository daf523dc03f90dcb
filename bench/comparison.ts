/** One line of the benchmark's output. */
export interface Row {
  readonly id: string
  readonly what: string
  /** The measurements from which the ratio, or the single value, was computed. */
  readonly measured: string
  /** The value to compare with the target; NaN if it could not be measured here. */
  readonly figure: number
  readonly unit: string
  readonly target?: { readonly kind: 'at least' | 'at most'; readonly value: number }
}

/** Whether a row reaches its target; undefined if it has none. */
export function reaches({ figure, target }: Row): boolean | undefined {
  if (target === undefined) return undefined
  return target.kind === 'at least' ? figure >= target.value : figure <= target.value
}

/**
 * Runs the sides alternately, A B A B, so that other load on the machine affects them equally; returns the figures of each side
 * in the order of the rounds.
 */
export async function inTurns<Side extends string, Figure>(
  rounds: number,
  sides: Readonly<Record<Side, () => Promise<Figure>>>,
): Promise<Record<Side, Figure[]>> {
  const names = Object.keys(sides) as Side[]
  const figures = Object.fromEntries(names.map((name) => [name, [] as Figure[]])) as Record<Side, Figure[]>
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) figures[name].push(await sides[name]())
  }
  return figures
}

/** The median of the ratios per round: two figures taken side by side share the machine's condition. */
export function ratio(figures: readonly number[], base: readonly number[]): number {
  return median(figures.map((figure, round) => figure / base[round]!))
}

export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** "12,300": rounded, since the last digits carry no information. */
export function rounded(figure: number): string {
  return (Math.round(figure / 100) * 100).toLocaleString('en')
}
