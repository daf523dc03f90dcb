/** The places of values that have no neighbour: no line leads to them, so each is drawn as a point. */
export function lonely(values: ArrayLike<number | null | undefined>): number[] {
  const isThere = (at: number): boolean => typeof values[at] === 'number'
  return Array.from(values, (_, at) => at).filter((at) => isThere(at) && !isThere(at - 1) && !isThere(at + 1))
}

/** The labels of an axis; one that would repeat the label below it is left out. */
export function tickLabels(ticks: readonly number[], format: (value: number) => string): string[] {
  const labels = ticks.map((tick) => (tick === 0 ? '0' : format(tick)))
  return labels.map((label, at) => (label === labels[at - 1] ? '' : label))
}
