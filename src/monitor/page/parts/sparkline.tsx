const WIDTH = 180
const HEIGHT = 28

/** A small line of what was measured at equal distances, the last at the right end; for eyes only, the number is beside it. */
export function Sparkline({ values, most }: { readonly values: readonly number[]; readonly most: number }) {
  const highest = Math.max(1, ...values)
  const step = WIDTH / (most - 1)
  const points = values.map((value, index) => {
    const x = WIDTH - (values.length - 1 - index) * step
    return `${x.toFixed(1)},${(HEIGHT - 2 - (value / highest) * (HEIGHT - 4)).toFixed(1)}`
  })
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width={WIDTH} height={HEIGHT} aria-hidden="true">
      <polyline points={points.join(' ')} />
    </svg>
  )
}
