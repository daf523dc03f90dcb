import type { WriteStream } from 'node:tty'

/** The width of a terminal in columns; undefined if it is none, or reports none: that of a container may be 0 columns wide. */
export function terminalWidth({ columns }: Pick<WriteStream, 'columns'>): number | undefined {
  return columns > 0 ? columns : undefined
}
