import type { Plugin } from '../../tasks/plugin.ts'
import { pluginProblems } from '../../tasks/plugin-problems.ts'
import { option } from './option.ts'
import { duration, type Parser } from './parsers.ts'

/** Plugins, and how long they may take to start. */
export const pluginOptions = {
  /** Plugins, the outermost first (docs/plugins.md). Threads and processes of a pool load them from the configuration file. */
  plugins: option({
    default: [],
    parser: pluginList(),
    doc: 'plugins: code around attempts and sends, and observers of the worker (docs/plugins.md)',
  }),
  /** How long all plugins together may take to start, in the worker and in each thread or process of its pool. */
  startTimeout: option({
    default: '30s',
    env: 'TWQ_START_TIMEOUT',
    parser: duration(1),
    doc: 'how long all plugins together may take to start, in the worker and in each thread or process of its pool',
  }),
}

/** In a file alone: a plugin is code. */
function pluginList(): Parser<readonly Plugin[]> {
  return {
    expected: 'a list of plugins, in a configuration file',
    fromValue: (value) => (pluginProblems(value).length === 0 ? (value as readonly Plugin[]) : undefined),
    fromText: () => undefined,
    problems: pluginProblems,
  }
}
