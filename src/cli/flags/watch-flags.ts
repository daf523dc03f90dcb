import type { GlobalOptions } from './global-options.ts'

/** The flag of commands that may be watched: `--watch`, or with an interval as typed. */
export interface WatchFlags extends GlobalOptions {
  readonly watch?: string | true
}

/** How `--watch` stands in the help of a command. */
export const WATCH = ['--watch [interval]', 'refresh until Ctrl-C (default: every 2s)'] as const
