/** One line of what the benchmark prints. */
export interface Row {
  readonly id: string
  readonly what: string
  /** The measured figures that the ratio, or the one value, was made from. */
  readonly measured: string
  /** The value that the target is about; NaN when it could not be measured here. */
  readonly figure: number
  readonly unit: string
  readonly target?: { readonly kind: 'at least' | 'at most'; readonly value: number }
}

/** Whether a row reaches its target; undefined where it has none. */
export function reaches({ figure, target }: Row): boolean | undefined {
  if (target === undefined) return undefined
  return target.kind === 'at least' ? figure >= target.value : figure <= target.value
}

/**
 * Runs the sides in turns, A B A B, so that what else the machine does hits all of them alike; returns the figures of each
 * side in the order of the rounds.
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

/** The median of the ratios round by round: two figures taken side by side share their luck. */
export function ratio(figures: readonly number[], base: readonly number[]): number {
  return median(figures.map((figure, round) => figure / base[round]!))
}

export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** "12,300": for figures that nobody reads to the last digit. */
export function rounded(figure: number): string {
  return (Math.round(figure / 100) * 100).toLocaleString('en')
}
