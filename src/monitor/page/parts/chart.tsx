import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { lonely, tickLabels } from './chart-marks.ts'

/** A line of a chart. */
export interface Line {
  readonly label: string
  /** The name of a custom property of the style sheet. */
  readonly colour: string
  readonly values: readonly (number | null)[]
}

interface ChartProps {
  readonly title: string
  readonly at: readonly number[]
  readonly lines: readonly Line[]
  readonly format: (value: number | undefined | null) => string
}

const HEIGHT = 200

/** Lines over time; a screen reader is told the last value of each. */
export function Chart({ title, at, lines, format }: ChartProps) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const shape = lines.map(({ label, colour }) => `${label}:${colour}`).join()
  const latest = useRef({ at, lines })
  latest.current = { at, lines }

  useEffect(() => {
    const element = box.current
    if (element === null) return
    const draw = () => {
      plot.current?.destroy()
      plot.current = new uPlot(optionsFor(element, latest.current.lines, format), dataOf(latest.current), element)
    }
    draw()
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }))
    resized.observe(element)
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', draw)
    return () => {
      resized.disconnect()
      dark.removeEventListener('change', draw)
      plot.current?.destroy()
      plot.current = undefined
    }
  }, [shape, format])
  useEffect(() => plot.current?.setData(dataOf({ at, lines })), [at, lines])

  const said = lines.map(({ label, values }) => `${label} ${format(values.at(-2))}`).join(', ')
  return (
    <figure class="card chart">
      <figcaption>
        <h2>{title}</h2>
        <ul class="legend">
          {lines.map(({ label, colour, values }) => (
            <li key={label}>
              <span class={`key key-${colour}`} aria-hidden="true" />
              {label}
              <span class="mono">{format(values.at(-2))}</span>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={box} class="chart-box" role="img" aria-label={`${title}: ${said}`} />
    </figure>
  )
}

function dataOf({ at, lines }: Pick<ChartProps, 'at' | 'lines'>): uPlot.AlignedData {
  return [at as number[], ...lines.map(({ values }) => values as (number | null)[])]
}

function optionsFor(element: HTMLElement, lines: readonly Line[], format: ChartProps['format']): uPlot.Options {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
  const axis = {
    stroke: colour('faint'),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: colour('rule'), width: 1 },
    ticks: { show: false },
  }
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    padding: [8, 20, 0, 0],
    scales: { y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [
      { ...axis, size: 28, values: (_plot, splits) => splits.map(hourOf), space: 70 },
      { ...axis, size: 64, values: (_plot, splits) => tickLabels(splits, format), space: 40 },
    ],
    series: [
      {},
      ...lines.map(({ label, colour: name }) => ({
        label,
        stroke: colour(name),
        width: 2,
        points: {
          show: false,
          filter: (plot: uPlot, index: number) => lonely(plot.data[index] ?? []),
          size: 6,
          fill: colour(name),
        },
        spanGaps: false,
      })),
    ],
  }
}

function hourOf(seconds: number): string {
  const date = new Date(seconds * 1000)
  return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`
}
